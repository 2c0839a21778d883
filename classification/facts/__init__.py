"""What is the case on this machine, before anybody judges it?"""
