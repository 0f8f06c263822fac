"""Medley: turns videos, PDFs and images into a searchable index. The library; it knows neither Prefect nor Ray."""

__version__ = "0.1.0.dev0"
