"""What can a user do? One file per procedure, shared by command line, daemon and console."""
