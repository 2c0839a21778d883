"""Which data is how sensitive, and does the system protect it as level 3 demands?"""
