"""Where do two domains meet? One question per file, at most 120 lines each."""
