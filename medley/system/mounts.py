"""Which file systems are another machine's: no notifications come from there, and SQLite's locks do not hold."""

from __future__ import annotations

from pathlib import Path

_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "virtiofs", "vboxsf", "afs")


def on_network(path: Path, mounts: str | None = None) -> bool:
    """Says whether `path` is on a file system of another machine (`mounts`: the content of /proc/mounts)."""
    if mounts is None:
        table = Path("/proc/mounts")
        mounts = table.read_text() if table.exists() else ""
    best, kind = "", ""
    for line in mounts.splitlines():
        _, where, found, *_ = line.split(" ")
        where = where.replace("\\040", " ")
        if len(where) >= len(best) and path.is_relative_to(where):
            best, kind = where, found
    return kind in _NETWORK or kind.startswith("fuse.")
