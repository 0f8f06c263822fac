"""Which code of ours a process runs: nodes of a cluster may have different versions of it."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from medley import __version__


@lru_cache
def code_of(*packages: ModuleType) -> str:
    """Stands for the version and every source file of those packages, 8 hex digits."""
    digest = hashlib.sha256(__version__.encode())
    for package in packages:
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:8]
