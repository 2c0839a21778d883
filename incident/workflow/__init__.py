"""What happened in this case, in which order, and what is still owed?"""
