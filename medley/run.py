"""What every task of a run is told: where to put things, which models, which fingerprints."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from medley.artifacts import ArtifactStore, artifact_store
from medley.dag.pipeline import Dag
from medley.dag.registry import pipeline_at
from medley.media.spread import HERE, Spread
from medley.models.base import Kind, ModelSpec
from medley.models.profiles import Models
from medley.setting_groups import Limits, PoolSettings
from medley.settings import Runner
from medley.system.tracing import span


class Pool(Protocol):
    """The resident processes of one model. `ahead`: batches that one task had best ask for at the same time."""

    ahead: int

    def call(self, method: str, *args: Any) -> Any:
        """Calls a method of the model with one batch. Raises what the model raises, ActorDied, ModelTimeout."""
        ...


class _Traced:
    """A pool whose calls are spans: how long they took, waiting for their turn and for the model included."""

    def __init__(self, pool: Pool, spec: ModelSpec, trace: str) -> None:
        self._pool, self._spec, self._trace, self.ahead = pool, spec, trace, pool.ahead

    def call(self, method: str, *args: Any) -> Any:
        """Calls a method of the model with one batch; see `Pool`."""
        with span(f"model {self._spec.kind}", self._trace, model=self._spec.id, method=method):
            return self._pool.call(method, *args)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class StoreAddress:
    """How to reach the vector store.

    `key` names it in write manifests, `lock` is the writers' lock file, if any. `generation`: records of others are
    neither seen nor touched; empty for the first one. `bounded`: searches need not see what
    others have written within the last second, for which each would wait a quarter of a second on a Milvus server.
    """

    uri: str
    key: str
    lock: str = ""
    token: SecretStr | None = None
    timeout_s: float = 30.0
    bounded: bool = False
    generation: str = ""


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class TaskContext:
    """One run, as its tasks see it.

    Attributes:
        flow: Name of the pipeline.
        pipeline: `module:attribute` of the pipeline: every process reads the picture for itself.
        folder: Where the module of a pipeline is that is not installed; empty where it is.
        options: The pipeline's options.
        force: Do everything again.
        retry_failed: What failed by its own fault is tried again, too; finished stages are kept.
        artifacts: Root of the artifact store on each machine; see `Settings.artifact_root`.
        artifacts_url: Where the artifacts are kept, if not there; `cache_mb` is the size of a machine's cache of them.
        trace: The run's span, as a W3C traceparent; empty where nothing is traced.
        code: Of stages and models where the run began; empty where all of it is one process.

    """

    run_id: str
    flow: str
    pipeline: str
    options: Any
    models: Models
    fingerprints: dict[str, str]
    artifacts: Path
    store: StoreAddress
    runner: Runner
    spool: Path
    pools: PoolSettings
    limits: Limits
    folder: str = ""
    force: bool = False
    retry_failed: bool = False
    faults: dict[str, str] = field(default_factory=dict)
    code: str = ""
    artifacts_url: str = ""
    cache_mb: int = 0
    trace: str = ""

    @property
    def artifact_store(self) -> ArtifactStore:
        """The artifacts of this run, and of all others."""
        return artifact_store(self.artifacts, self.artifacts_url, self.cache_mb)

    @property
    def dag(self) -> Dag:
        """The stages of this run. Raises PipelineError where the pipeline is not installed in this process."""
        if self.run_id not in _dags:
            if self.folder and self.folder not in sys.path:
                sys.path.append(self.folder)
            _remember(self.run_id, pipeline_at(self.pipeline).dag(self.options))
        return _dags[self.run_id]

    def model(self, model: Kind | ModelSpec) -> Pool:
        """Finds the resident processes of a model: of a kind of the run's models, or of a model of the stage's own."""
        spec = model if isinstance(model, ModelSpec) else getattr(self.models, model)
        pool = _pools[0](spec, self)
        return _Traced(pool, spec, self.trace) if self.trace else pool

    @property
    def spread(self) -> Spread:
        """Where parts of one long file are worked on at the same time."""
        return _spreads[0](self)

    @property
    def knows_password(self) -> bool:
        """Whether somebody has given a password for encrypted documents."""
        pages = getattr(self.options, "pages", None)
        return getattr(pages, "password", None) is not None


def with_dag(context: TaskContext, dag: Dag) -> TaskContext:
    """Remembers the stages of a run, whose picture has been read already, and returns the context."""
    _remember(context.run_id, dag)
    return context


def _remember(run_id: str, dag: Dag) -> None:
    while len(_dags) >= _RUNS:
        _dags.pop(next(iter(_dags)))
    _dags[run_id] = dag


_RUNS = 64
#: By run, the last ones: each task of a run brings a context of its own.
_dags: dict[str, Dag] = {}
_pools: list[Callable[[ModelSpec, TaskContext], Pool]] = []
_spreads: list[Callable[[TaskContext], Spread]] = [lambda context: HERE]


def provide_pools(
    pool_for: Callable[[ModelSpec, TaskContext], Pool], spread_for: Callable[[TaskContext], Spread]
) -> None:
    """Says where the models of this process live, and where parts of long files go; the package `actors` does."""
    _pools[:], _spreads[:] = [pool_for], [spread_for]
