"""Which sources of law are carried here? One YAML file each, one row per duty."""
