"""Which requirements exist? The level-3 control items, carried as data."""
