"""How does one platform version want to be spoken to, written as data with closed steps?"""
