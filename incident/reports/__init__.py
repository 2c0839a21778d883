"""What is said to each authority, who released it, and was it filed?"""
