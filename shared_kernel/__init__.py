"""Which words must every Jinkui domain mean in exactly the same way?

Instants, identifiers, grades, citations, canonical bytes, digests, signature
ports and the root of all errors. Standard library only; no I/O, no clock, no
randomness: those come in as arguments.
"""
