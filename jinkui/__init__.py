"""How do the four domains become one program?

This is the composition root: the only place that knows everybody. Settings are
read here, objects are wired here, and the command line, the daemon and the
console are front ends over the same procedures.
"""

__version__ = "0.1.0"
