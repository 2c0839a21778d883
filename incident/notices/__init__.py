"""What are the affected persons told, through whom, and did it arrive?"""
