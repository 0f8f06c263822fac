"""A pipeline: a picture of stages, the options that people set, and the files that it takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from medley.dag.stage import Stage, placed
from medley.dag.tracing import Node, picture_being_read, reading
from medley.options import FileOptions
from medley.types import Asset


class Dag(dict[str, Stage]):
    """The stages of a pipeline under some options, by name, in the order of the picture."""

    def __init__(self, pipeline: str, module: str, stages: Iterable[Stage]) -> None:
        self.pipeline = pipeline
        self.module = module  #: where the picture is
        super().__init__((stage.name, stage) for stage in stages)

    def readers(self, name: str) -> list[str]:
        """Returns the names of the stages right behind the stage `name`."""
        return [stage.name for stage in self.values() if name in stage.after]

    def reader_of_transient(self, name: str) -> str | None:
        """Returns the only stage that reads the files of a transient stage; None where the stage is not transient."""
        return self.readers(name)[0] if self[name].transient else None

    def branches_without(self, failed: Iterable[str]) -> set[str]:
        """Returns the branches that `failed` stages cut short, within the branch or further up."""
        gone = set(failed)
        for stage in self.values():  # each comes after those that it reads
            if gone.intersection(stage.after):
                gone.add(stage.name)
        return {stage.branch for stage in self.values() if stage.name in gone}

    def wanted(self, asset: Asset) -> list[Stage]:
        """Returns the stages that have something to do for an asset.

        Stages whose stream does not exist in the asset have nothing to do.
        """
        skipped = self.skipped(asset)
        return [stage for stage in self.values() if stage.name not in skipped]

    def skipped(self, asset: Asset) -> dict[str, str]:
        """Returns the names of the stages that have nothing to do for an asset, and why."""
        found: dict[str, str] = {}
        for stage in self.values():
            before = next((found[name] for name in stage.needs if name in found), "")
            if why := before or (stage.skips(asset) if stage.skips is not None else ""):
                found[stage.name] = why
        return found


@dataclass(frozen=True, eq=False)
class Pipeline:
    """One pipeline. Its picture is the only place that says which stages there are and what follows what.

    Attributes:
        name: As people call it: `medley run NAME PATH...`.
        picture: `picture(assets, options)`: calls the stages. May look at `options`, at nothing else.
        options: What people can set: command line flags and Prefect's form are made from this class.
        media: Patterns of the IANA media types that the pipeline takes: "audio/*".
        batch: How many files go through the stages together, at most.
        batch_s: Of sound and videos: seconds that are enough for a batch; 0.0 where only their number counts.
        sniff: Media type of a file that Medley does not know by itself, from its first bytes and its name; None or ""
            where the file is not of this pipeline.

    """

    name: str
    picture: Callable[[Any, Any], None]
    options: type[FileOptions]
    media: tuple[str, ...]
    batch: int = 1
    batch_s: float = 0.0
    sniff: Callable[[bytes, str], str | None] | None = None

    @property
    def reference(self) -> str:
        """`module:attribute`, under which every process finds the pipeline."""
        return f"{self.picture.__module__}:{self.picture.__name__}"

    @property
    def folder(self) -> str:
        """The directory from which the module of the pipeline is imported."""
        module = sys.modules[self.picture.__module__]
        names = module.__name__.split(".") + (["__init__"] if hasattr(module, "__path__") else [])
        return str(Path(module.__file__ or "").absolute().parents[len(names) - 1])

    @property
    def doc(self) -> str:
        """First line of the docstring of the picture."""
        return (self.picture.__doc__ or "").strip().partition("\n")[0]

    def accepts(self, media_type: str) -> bool:
        """Says whether the pipeline takes files of an IANA media type."""
        return any(fnmatch(media_type, pattern) for pattern in self.media)

    def dag(self, options: FileOptions) -> Dag:
        """Builds the stages under `options`. Raises PipelineError where the picture does not fit together."""
        with reading(self.name) as picture:
            self.picture(picture.assets, options)
        picture.check_ends()
        found = ((stage, tuple(node.stage for node in inputs)) for stage, inputs in picture.placed.values())
        return Dag(self.name, self.picture.__module__, (placed(stage, inputs) for stage, inputs in found))

    def __call__(self, assets: Node, options: FileOptions) -> dict[str, Node]:
        """Places all stages of this pipeline in the picture of another one; gives what each stage leaves, by name."""
        picture = picture_being_read()
        if picture is None:
            raise TypeError(f"{self.name} is a pipeline: run `medley run {self.name} PATH...`")
        before = set(picture.placed)
        self.picture(assets, options)
        new = (name for name in picture.placed if name not in before)
        return {name: Node(name, picture.placed[name][0].makes, picture) for name in new}


def pipeline(
    *,
    options: type[FileOptions],
    media: Iterable[str],
    name: str | None = None,
    batch: int = 1,
    batch_s: float = 0.0,
    sniff: Callable[[bytes, str], str | None] | None = None,
) -> Callable[[Callable[[Any, Any], None]], Pipeline]:
    """Makes a pipeline of a picture `(assets, options)`; named after the function unless `name` says otherwise."""
    return lambda picture: Pipeline(name or picture.__name__, picture, options, tuple(media), batch, batch_s, sniff)
