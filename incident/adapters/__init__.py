"""How does the incident room keep its cases? Only the wiring imports from here."""
