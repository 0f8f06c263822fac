"""Kills by the dozen over one's own files, in a home of their own, and what must be true afterwards."""
