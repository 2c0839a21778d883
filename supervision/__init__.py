"""How do the provincial supervision platform and this hospital exchange what the law asks for?

Canonical messages, platform profiles as data, an outbox, a transport port and
receipts that bind the exact bytes sent. ``supervision.delivery`` is the front
door; ``README.md`` has the map and the guarantees.
"""
