"""Which facts does a supervision platform want, and in which exact bytes do we keep them?"""
