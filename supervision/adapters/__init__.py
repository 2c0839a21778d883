"""Which SQL and which HTTPS stand behind the ports? Only the wiring imports this package."""
