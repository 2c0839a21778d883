"""How do the ports of this room reach a real host and a real database?"""
