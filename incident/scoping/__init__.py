"""Whose data was reached, how much of it, and how sure are we?"""
