"""What does the security officer see at three in the morning?"""
