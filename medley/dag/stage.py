"""A stage: the function that does the work, and every fact that the engine needs to know about that function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from medley.dag.tracing import Node, place
from medley.models.base import Kind, ModelSpec
from medley.types import Asset

Work = Callable[..., None]
#: What a stage reads of the options; the value is a part of its fingerprint, so it has to be JSON.
Reads = Callable[[Any], Any]
#: Why there is nothing to do for an asset; empty where there is.
Skips = Callable[[Asset], str]
#: Whether what a stage has made of an asset is still true, by the data of its manifest.
Current = Callable[[Asset, Mapping[str, Any]], bool]


def no_sound(asset: Asset) -> str:
    """Skips an asset without a sound track."""
    return "" if asset.media.audio_stream is not None else "no sound"


def no_picture(asset: Asset) -> str:
    """Skips an asset without a picture track; cover art is no picture track."""
    return "" if asset.media.video_stream is not None else "no picture"


@dataclass(frozen=True, eq=False, kw_only=True)
class Stage:
    """One node of a DAG. Call a stage within a picture to place the stage there; `work` is the function itself.

    Attributes:
        name: Unique within a DAG.
        branch: The chain of stages to which this one belongs; ends in the stage that writes the branch's records.
        version: Raise `version` when the same input and options give another output than before.
        work: `work(source, draft, context)` for each asset, with one source for each stage before; with `whole_batch`
            `work([(source, draft), ...], context)` for all assets of a batch. Raises a MedleyError.
        takes: Name of what the stage reads ("sound"), one for each stage before. A picture in which another stage gives
            something else is refused. Without it the stage reads anything.
        optional: Of `takes`, what may be skipped for an asset: then the stage gets None in its place.
        makes: Name of what the stage leaves ("transcript"): some stage has to read it.
        reads: What of the options the stage reads.
        model: Kind of the model that the stage asks (a field of `Models`), or a model of its own.
        seldom: The model is asked for some assets only: it is loaded when it is asked, not ahead of that.
        skips: For which assets there is nothing to do; stages behind this one are skipped, too.
        current: Whether what was made of an asset is still true, where more than its bytes is read (subtitles beside a
            video). Where it is not, the stage and those behind it run again.
        transient: The files are dropped after the run. One stage reads them; where that one is done, this one is.
        modalities: Of a stage that writes records: the modalities of its records, the usual one first.
        space: Of a stage that writes records: the embedding space, "text" or "image" or a name of your own.
        export: Adds to the JSON of `--export`: from the directory of the artifact to a dict.
        files: Names or patterns of files that `--export` copies, too.
        num_cpus: What Ray reserves while the stage runs: 1 where it computes, 0.1 where it waits for model or store.
        num_gpus: Likewise; models have their own.
        resources: Likewise, of the cluster's custom resources: (name, amount).
        whole_batch: Whether `work` gets all assets of a batch at once.
        retries: How often the stage is tried again when worker, network or memory were to blame.
        inputs: Names of the stages before, None for the asset; set by the picture.
        after: Names of the stages before.
        needs: Those of them without which there is nothing to do.
        writes: Whether the stage writes records.
        doc: First line of the function's docstring.

    """

    name: str
    work: Work
    version: int = 1
    branch: str = ""
    takes: str | tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    makes: str = ""
    reads: Reads = lambda options: None
    model: Kind | ModelSpec | None = None
    seldom: bool = False
    skips: Skips | None = None
    current: Current | None = None
    transient: bool = False
    modalities: tuple[str, ...] = ()
    space: str = ""
    export: Callable[[Any], dict[str, Any]] | None = None
    files: tuple[str, ...] = ()
    num_cpus: float = 1.0
    num_gpus: float = 0.0
    resources: tuple[tuple[str, float], ...] = ()
    retries: int = 2
    whole_batch: bool = False
    inputs: tuple[str | None, ...] = ()
    after: tuple[str, ...] = field(init=False)
    needs: tuple[str, ...] = field(init=False)
    writes: bool = field(init=False)
    doc: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "branch", self.branch or self.name)
        object.__setattr__(self, "takes", (self.takes,) if isinstance(self.takes, str) else tuple(self.takes))
        object.__setattr__(self, "after", tuple(name for name in self.inputs if name is not None))
        spared = {name for name, what in zip(self.inputs, self.takes, strict=False) if what in self.optional}
        object.__setattr__(self, "needs", tuple(name for name in self.after if name not in spared))
        object.__setattr__(self, "writes", bool(self.modalities))
        object.__setattr__(self, "doc", (self.work.__doc__ or "").strip().partition("\n")[0])
        for modality in self.modalities:
            _SPACES.setdefault(modality, self.space)

    def __call__(self, *inputs: Node) -> Node:
        """Places the stage in the picture that is being read, behind `inputs`. Raises PipelineError."""
        return place(self, inputs)


#: Every modality that a stage of this process writes, and its embedding space.
_SPACES: dict[str, str] = {}


def known_modalities() -> dict[str, str]:
    """Modalities that stages write which have been imported so far: the embedding space of each."""
    return dict(_SPACES)


def stage(**facts: Any) -> Callable[[Work], Stage]:
    """Makes a stage of a function `(source, draft, context)` that works on one asset; see `Stage` for the facts."""
    return lambda function: Stage(name=function.__name__, work=function, **facts)


def batch_stage(**facts: Any) -> Callable[[Work], Stage]:
    """Makes a stage of a function `([(source, draft), ...], context)` that works on all assets of a batch at once."""
    return lambda function: Stage(name=function.__name__, work=function, whole_batch=True, **facts)


def numbered(found: Stage, n: int) -> Stage:
    """Returns a stage for the n-th of several branches that are alike; the first one's is the stage itself."""
    return found if n == 1 else replace(found, name=f"{found.name}_{n}", branch=f"{found.branch}_{n}")


def placed(found: Stage, inputs: tuple[str | None, ...]) -> Stage:
    """Returns a copy of a stage as the stage stands in a picture, behind `inputs`."""
    return replace(found, inputs=inputs)
