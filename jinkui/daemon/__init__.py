"""What does Jinkui do while nobody types?"""
