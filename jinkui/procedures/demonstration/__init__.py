"""How does a newcomer see the whole promise at once, on invented people and real machinery?

Four paths in order: store, read under agreements, assess and upload, breach. Each
file tells one of them through the same procedures that a hospital uses.
"""
