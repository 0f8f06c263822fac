"""Chapters of podcasts: a pipeline of another package, found by its entry point."""
