"""How does a person read, print and sign what was found?"""
