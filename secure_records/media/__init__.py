"""How are recordings sealed, kept as objects and read again by range?"""
