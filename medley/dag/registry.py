"""Where pipelines are found: entry points of installed packages, ours among them, or `module:name`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from fnmatch import fnmatch
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from medley.dag.pipeline import Pipeline
from medley.dag.stage import known_modalities
from medley.errors import PipelineError

GROUP = "medley.pipelines"
_OURS = "medley-media"
#: Pipelines of this process that no entry point names.
_loaded: dict[str, Pipeline] = {}


@lru_cache
def _entry_points() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=GROUP), key=_ours_first):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            what = f"two packages have a pipeline {entry.name}: {other.value} and {entry.value}"
            raise PipelineError(what, remedy="Uninstall one of them")
    return found


def _ours_first(entry: EntryPoint) -> tuple[bool, str]:
    """Of two pipelines that take the same files, Medley's own does unless `routes` say otherwise."""
    return entry.dist is None or entry.dist.name != _OURS, entry.name


def names() -> list[str]:
    """Lists the names of all pipelines that are installed here or were loaded in this process; loads none."""
    return list(dict.fromkeys([*_entry_points(), *_loaded]))


def pipelines() -> list[Pipeline]:
    """Loads all pipelines that are installed here or were loaded in this process before. Raises PipelineError."""
    return [pipeline_named(name) for name in names()]


def pipeline_named(name: str) -> Pipeline:
    """Finds the pipeline called `name`, or the pipeline at `module:attribute`. Raises PipelineError."""
    if found := _loaded.get(name):
        return found
    if ":" in name:
        return pipeline_at(name)
    entry = _entry_points().get(name)
    if entry is None:
        known = ", ".join(names())
        raise PipelineError(f"there is no pipeline {name!r}", remedy=f"Known are {known}; or give module:name")
    return _loaded.setdefault(name, _load(entry.value))


def pipeline_at(reference: str) -> Pipeline:
    """Loads the pipeline at `module:attribute`, known by its name from then on. Raises PipelineError.

    A module of the working directory is found as well, after all modules that are installed.
    """
    found = _load(reference)
    if _loaded.setdefault(found.name, found) is not found:
        what = f"{reference} has the name of another pipeline: {found.name}"
        raise PipelineError(what, remedy="Give the pipeline another name")
    return found


def modalities() -> dict[str, str]:
    """Returns every modality that a pipeline installed here writes, and its embedding space. Raises PipelineError."""
    pipelines()
    return known_modalities()


def _load(reference: str) -> Pipeline:
    module, _, attribute = reference.partition(":")
    try:
        found = getattr(_imported(module), attribute)
    except (ImportError, AttributeError) as error:
        remedy = "Install its package here (on a cluster: on every node), or correct the name"
        raise PipelineError(f"pipeline {reference} cannot be loaded: {error}", remedy=remedy) from error
    if not isinstance(found, Pipeline):
        raise PipelineError(f"{reference} is no pipeline", remedy="Decorate its picture with @pipeline(...)")
    return found


def _imported(module: str) -> ModuleType:
    """The module; one that is not installed is looked for in the working directory, and only then.

    With that directory on the path, whoever can write there decides what optional imports of libraries find.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        here, missing = os.getcwd(), (error.name or "").partition(".")[0]
        if here in sys.path or missing != module.partition(".")[0]:
            raise
        sys.path.append(here)
    return import_module(module)


def route(media_type: str, routes: Mapping[str, str]) -> Pipeline | None:
    """Picks the pipeline for files of a media type: as `routes` (pattern to name) says, else the first to take them."""
    for pattern, name in routes.items():
        if fnmatch(media_type, pattern):
            return pipeline_named(name)
    return next((found for found in pipelines() if found.accepts(media_type)), None)
