"""What a fork finds imported already, and whether it has changed on disk since."""

from __future__ import annotations

import os
import sys
import sysconfig
from importlib import import_module
from pkgutil import walk_packages

import actors
import flows
import medley
import tasks
from medley.dag.registry import pipelines
from medley.errors import MedleyError

#: Libraries of models, and their modules: these live in processes of their own.
_LEFT_OUT = ("medley.models.",)
_OTHERS = ("prefect.engine", "prefect.flow_engine", "prefect.task_engine", "prefect_ray", "ray", "pymilvus")
#: What these import only when they are first used.
_LATER = ("anyio._backends._asyncio", "fastapi", "prefect.utilities.visualization", "pyarrow.json", "ray.dag")


class Sources:
    """The files that were imported, and the folders that packages are installed in."""

    def __init__(self) -> None:
        installed = {sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib", "platstdlib")}
        files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
        ours = {file for file in files if file and not file.startswith(tuple(installed))}
        packages = {folder for folder in installed if "-packages" in folder}  # another one appears: pip was here
        self._seen = {path: _changed_at(path) for path in ours | packages}

    def changed(self) -> bool:
        """Says whether something was installed or edited since this object was made."""
        return any(_changed_at(path) != at for path, at in self._seen.items())


def _changed_at(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def import_everything() -> None:
    """Imports our packages (but no models), the pipelines of others, Prefect's engine, Ray and the store's client."""
    for name in _OTHERS + _LATER:
        _import(name)
    for package in (flows, tasks, actors, medley):
        for found in walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.startswith(_LEFT_OUT) and "__main__" not in found.name:
                _import(found.name)
    try:
        pipelines()
    except MedleyError as error:  # who uses it is told
        print(error, file=sys.stderr)


def _import(name: str) -> None:
    try:
        import_module(name)
    except ImportError as error:
        print(f"{name} is not imported: {error}", file=sys.stderr)
