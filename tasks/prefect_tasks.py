"""Each stage as a Prefect task: named after stage and file, retried when a retry can help."""

from __future__ import annotations

from collections.abc import Container
from functools import lru_cache
from typing import Any

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.tasks import exponential_backoff
from prefect.utilities.annotations import opaque

from medley.dag.stage import Stage
from medley.errors import CapacityError, TransientError
from medley.run import TaskContext
from medley.types import AssetBatch
from tasks.run_stage import run_stage

_BACKOFF_S = 2.0  # with the store's own wait for a connection: long enough for it to be started again


Futures = dict[str, PrefectFuture[Any]]
_opaque: Any = opaque  # mypy does not get through its generics


class Whole(_opaque):  # type: ignore[misc]
    """Keeps Prefect from looking for futures in every field of a parameter: a third of what a task costs.

    Prefect 3.8's own annotations do not survive pickling: the value comes out wrapped once more.
    """

    __slots__ = ()

    def __getnewargs__(self) -> tuple[Any]:
        return (self[0],)


def submit_stages(assets: AssetBatch, context: TaskContext, without: Container[str] = ()) -> Futures:
    """Submits the stages of the run's DAG for some assets, and waits for none; futures in the DAG's order.

    `without`: stages that have nothing to do for any of the assets.
    """
    futures: Futures = {}
    for stage in (stage for stage in context.dag.values() if stage.name not in without):
        first, *others = [
            None if name in without else Whole(assets if name is None else futures[name]) for name in stage.inputs
        ]  # None: optional, and skipped for all of them
        futures[stage.name] = task_of(stage).submit(first, stage.name, Whole(context), others)
    return futures


@lru_cache(maxsize=1024)
def task_of(stage: Stage) -> Task[..., Any]:
    """Builds the Prefect task of a stage. Its function finds the stage by name: nothing of a pipeline is pickled."""
    made: Task[..., Any] = Task(
        work_on,
        name=stage.name,
        description=stage.doc,
        task_run_name=f"{stage.name} · {{batch.name}}",
        retries=stage.retries,
        retry_delay_seconds=exponential_backoff(_BACKOFF_S) if stage.retries else None,
        retry_jitter_factor=0.5,
        retry_condition_fn=_worth_retrying,
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    made.task_key = stage.name  # Prefect counts the runs of each
    options: dict[str, Any] = {"num_cpus": stage.num_cpus}
    if stage.num_gpus:
        options["num_gpus"] = stage.num_gpus
    if stage.resources:
        options["resources"] = dict(stage.resources)
    made.ray_options = options  # type: ignore[attr-defined]  # read by flows/services/ray_runner.py
    return made


def work_on(batch: AssetBatch, stage: str, context: TaskContext, others: list[AssetBatch | None]) -> State[AssetBatch]:
    """Runs a stage on a batch, in whatever process the task has come to."""
    return run_stage(context.dag[stage], [batch, *others], context)


def _worth_retrying(task: Task[..., Any], task_run: Any, state: State[Any]) -> bool:
    """Only what the network, a worker or a lack of memory did: the file's and the set-up's faults stay."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, (TransientError, CapacityError))
