"""Do the facts conform, and what follows for the system as a whole? Pure rules, no I/O."""
