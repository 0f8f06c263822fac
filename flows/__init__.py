"""Prefect flows, one module for each modality, and the commands beside them."""
