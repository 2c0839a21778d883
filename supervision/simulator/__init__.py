"""How would a supervision platform behave, also on a bad day?

A stand-in for tests, drills and the demo. It is our own design and says nothing
about what a province will accept.
"""
