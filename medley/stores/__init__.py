"""Vector stores: one module each, behind the Protocol in base.py."""
