"""What proves that exactly these bytes were sent and answered?"""
