"""Files that land in upload folders and buckets."""
