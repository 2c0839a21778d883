"""A breach happened: who must be told, by when, what exactly, and who released it?

The front door is ``IncidentDesk`` (``incident.desk``). The pure parts are usable
alone: duties (``incident.duties``), grading (``incident.triage``), scope
(``incident.scoping``).
"""
