"""Reads a picture: runs its function with nodes in the place of files, and checks that the stages fit together."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from medley.errors import PipelineError

_ASSETS = "assets"
#: A `medley.dag.stage.Stage`, whose module imports this one.
Stage = Any


@dataclass(frozen=True, slots=True)
class Node:
    """What a stage of the picture leaves; `stage` is None for the assets themselves."""

    stage: str | None
    makes: str
    picture: Picture


class Picture:
    """The stages that a pipeline's function has placed so far."""

    def __init__(self, pipeline: str) -> None:
        self.pipeline = pipeline
        self.placed: dict[str, tuple[Stage, tuple[Node, ...]]] = {}

    @property
    def assets(self) -> Node:
        """The node with which a picture begins."""
        return Node(None, _ASSETS, self)

    def place(self, stage: Stage, inputs: tuple[Any, ...]) -> Node:
        """Adds a stage behind `inputs`. Raises PipelineError where it does not fit there."""
        if stage.name in self.placed:
            self.refuse(f"has two stages of the name {stage.name}", "Give one of them another name")
        if not inputs:
            self.refuse(f"places {stage.name} behind nothing", f"Write {stage.name}(assets), or what it reads")
        for node in inputs:
            if not isinstance(node, Node) or node.picture is not self:
                self.refuse(f"gives {stage.name} something that no stage has made: {node!r}", "Give what stages return")
        self._fits(stage, inputs)
        self.placed[stage.name] = (stage, inputs)
        return Node(stage.name, stage.makes, self)

    def _fits(self, stage: Stage, inputs: tuple[Node, ...]) -> None:
        if not stage.takes:
            return
        given = tuple(node.makes for node in inputs)
        if given != stage.takes:
            before = ", ".join(f"{node.stage or 'the picture'} gives {node.makes or 'nothing'}" for node in inputs)
            what = f"does not fit together: {stage.name} takes {', '.join(stage.takes)}, and {before}"
            self.refuse(what, "A stage is missing between them, or two have changed places")

    def check_ends(self) -> None:
        """Raises PipelineError where something that was made is read by no stage, or nothing was placed at all."""
        if not self.placed:
            self.refuse("has no stages", "Call at least one stage in its picture")
        read = {node.stage for _, inputs in self.placed.values() for node in inputs}
        writers: dict[str, str] = {}
        for name, (stage, _) in self.placed.items():
            if stage.makes and name not in read:
                self.refuse(f"ends too early: no stage reads the {stage.makes} of {name}", "Add the stages behind it")
            if stage.writes and (other := writers.setdefault(stage.branch, name)) != name:
                self.refuse(f"has two stages that write branch {stage.branch}: {other}, {name}", "Name another branch")
            readers = sum(node.stage == name for _, inputs in self.placed.values() for node in inputs)
            if stage.transient and readers != 1:
                self.refuse(f"drops what {name} makes, which {readers} stages read", "Make the stage not transient")

    def refuse(self, what: str, remedy: str) -> None:
        """Raises PipelineError."""
        raise PipelineError(f"pipeline {self.pipeline} {what}", remedy=remedy)


_reading: contextvars.ContextVar[Picture | None] = contextvars.ContextVar("picture", default=None)


@contextlib.contextmanager
def reading(pipeline: str) -> Iterator[Picture]:
    """Opens a picture for the block: stages that are called within the block are placed in the picture."""
    picture = Picture(pipeline)
    token = _reading.set(picture)
    try:
        yield picture
    except (UnboundLocalError, NameError) as error:
        picture.refuse(f"uses what it has not made yet: {error}", "Put the stages in the order of the work")
    finally:
        _reading.reset(token)


def picture_being_read() -> Picture | None:
    """Returns the picture that is being read in this context; None where none is."""
    return _reading.get()


def place(stage: Stage, inputs: tuple[Any, ...]) -> Node:
    """Places a stage in the picture that is being read. Raises TypeError outside of one."""
    picture = _reading.get()
    if picture is None:
        raise TypeError(f"{stage.name} is a stage: it is called within a pipeline's picture; {stage.name}.work works")
    return picture.place(stage, inputs)
