"""Resident models: plain classes that host them, and pools that keep them."""
