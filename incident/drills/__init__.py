"""How would we do if it happened tonight? A seam: drill mode comes later.

A drill will run a case under a given clock with marked outputs and without any
filing channel, so that it cannot reach an authority.
"""
