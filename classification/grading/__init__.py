"""How sensitive is a record, and who says so? A seam: taxonomy and scanner come later."""
