"""What drives a pipeline: items in flight, their outcomes, runs in catalog and Prefect."""
