"""Medley in frameworks of others; each needs the extra of its name."""
