"""Which editions of the grading guide are carried here? One YAML file each."""
