"""How is everything put together? The only package that touches adapters."""
