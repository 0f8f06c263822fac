"""Hard media: what cameras, phones, screen recorders and broken disks produce, and how each file is to end."""
