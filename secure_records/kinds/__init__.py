"""Which kinds of health record are kept, and what must each of them contain?

One file per kind, strict structs, no I/O. ``catalogue`` is the front door:
``KINDS``, ``kind_named``, ``parse_body``, ``parse_line``, ``json_schema``.
"""
