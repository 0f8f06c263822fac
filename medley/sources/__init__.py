"""Files where they are: paths, buckets and other URLs, and what identifies them."""
