"""How do this domain's ports reach disks and engines?"""
