"""What can be read on a Linux host without root, without a process and without a trace?"""
