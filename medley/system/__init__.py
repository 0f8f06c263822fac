"""The machine: child processes, confinement, disk space, mounts, the stop flag."""
