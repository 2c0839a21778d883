"""How grave is it, by which number, and how far is the next level?"""
