"""Which entries of the audit stream should open a case? A seam: rules come later.

A detector will be a pure function from verified log entries to proposals; a
person or the daemon opens the case. Nothing here reads the log by itself.
"""
