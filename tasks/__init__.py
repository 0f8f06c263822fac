"""Prefect tasks: a name, retries, resources, and one call downward."""
