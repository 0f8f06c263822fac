"""Hostile files, made by number: the same seed and number make the same file."""
