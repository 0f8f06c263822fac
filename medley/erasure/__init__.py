"""Erasing what was noted of a file, wherever below MEDLEY_HOME it was: see `medley forget`."""
