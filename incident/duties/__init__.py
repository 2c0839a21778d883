"""Who must be told, by when, what, and where does the law say so? Rows, not branches."""
