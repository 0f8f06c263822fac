"""What `medley doctor` looks at."""
