"""Which key protects what, and who wrapped it?"""
