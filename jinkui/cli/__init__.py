"""How does a person at a terminal ask? One file per command group."""
