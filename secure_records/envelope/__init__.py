"""What are the bytes of one sealed record?"""
