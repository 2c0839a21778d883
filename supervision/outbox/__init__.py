"""What has to reach the platform, how far is it, and what may happen to it next?"""
