"""Resident models: plain classes that host them, and pools that keep them; `pool` and `submit` are for everybody."""

from actors.public import Pool, health_check, is_available, pool, submit, submit_batch

__all__ = ["Pool", "health_check", "is_available", "pool", "submit", "submit_batch"]
