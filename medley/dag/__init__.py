"""What a pipeline is: stages with their facts, the picture that joins them, their fingerprints, the registry."""
