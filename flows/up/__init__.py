"""The standing installation of `medley up`: its parts, supervised, and what keeps its state true."""
