"""Answers people and programs: what is found in the index."""
