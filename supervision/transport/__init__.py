"""What exactly goes over the wire, and what came back?"""
