"""What every task of a run is told: where to put things, which models, which fingerprints."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from medley.models.profiles import Models
from medley.options import CaptionOptions, ImageOptions, Options, PdfOptions, VideoOptions
from medley.settings import Limits, PoolSettings, Runner
from medley.types import Flow


@dataclass(frozen=True, slots=True, weakref_slot=True)
class StoreAddress:
    """How to reach the vector store. `key` names it in write manifests, `lock` is the writers' lock file, if any."""

    uri: str
    key: str
    lock: str = ""
    token: SecretStr | None = None
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True, weakref_slot=True)
class TaskContext:
    """One run, as its tasks see it."""

    run_id: str
    flow: Flow
    options: Options
    models: Models
    fingerprints: dict[str, str]
    artifacts: Path
    store: StoreAddress
    runner: Runner
    spool: Path
    pools: PoolSettings
    limits: Limits
    force: bool = False
    retry_failed: bool = False  #: what failed by its own fault is tried again, too; finished stages are kept
    faults: dict[str, str] = field(default_factory=dict)
    code: str = ""  #: of stages and models where the run began; empty where all of it is one process

    @property
    def video(self) -> VideoOptions:
        """The options of a video run."""
        assert isinstance(self.options, VideoOptions)
        return self.options

    @property
    def knows_password(self) -> bool:
        """Whether somebody has given one."""
        return isinstance(self.options, PdfOptions) and self.options.pages.password is not None

    @property
    def pdf(self) -> PdfOptions:
        """The options of a PDF run."""
        assert isinstance(self.options, PdfOptions)
        return self.options

    @property
    def captions(self) -> CaptionOptions:
        """What a PDF or image run is told about captions."""
        assert isinstance(self.options, (PdfOptions, ImageOptions))
        return self.options.captions

    @property
    def image(self) -> ImageOptions:
        """The options of an image run."""
        assert isinstance(self.options, ImageOptions)
        return self.options
