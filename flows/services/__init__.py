"""Starting, finding and ending processes: Prefect's server, the vector store, Ray."""
