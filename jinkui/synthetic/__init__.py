"""What would a year of an Internet hospital look like, without a single real person in it?

``SyntheticHospital`` in ``hospital.py`` is the front door.
"""
