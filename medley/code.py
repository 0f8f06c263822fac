"""Which code a process runs: nodes of a cluster may have different versions of it."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from medley import __version__


@lru_cache
def code_of(*modules: ModuleType) -> str:
    """Stands for Medley's version and every source file of those packages and modules, 8 hex digits."""
    digest = hashlib.sha256(__version__.encode())
    for module in modules:
        for name, path in _sources(module):
            digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:8]


def _sources(module: ModuleType) -> list[tuple[str, Path]]:
    """The source files of a package or module, each with its name within the package."""
    if hasattr(module, "__path__"):
        root = Path(module.__path__[0])
        return [(str(path.relative_to(root)), path) for path in sorted(root.rglob("*.py"))]
    return [(module.__name__, Path(module.__file__))] if module.__file__ else []
