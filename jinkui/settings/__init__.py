"""Which settings hold, and where did each come from? The only reader of files and environment."""
