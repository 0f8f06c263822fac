"""Reading media: what a file is, its sound, its pictures. Every decoder runs in a limited child process."""
