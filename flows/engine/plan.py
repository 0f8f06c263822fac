"""What a run will do: its models, fingerprints and places, decided before anything is started."""

from __future__ import annotations

import uuid
from functools import partial

import actors
import medley
import tasks
from flows.services.addresses import ray_cluster
from medley.code import code_of
from medley.models.profiles import models_for
from medley.options import Options
from medley.profile import Choice, resolve_profile
from medley.run import StoreAddress, TaskContext
from medley.settings import Settings
from medley.stages import fingerprints
from medley.types import Flow


def with_profile(options: Choice, settings: Settings) -> Choice:
    """The options with the profile that `auto` is on the cluster that runs would join, or on this machine."""
    cluster = ray_cluster(settings) if settings.runner == "ray" else None
    return resolve_profile(options, settings, partial(_cluster_gpus, cluster) if cluster else None)


def new_run(flow: Flow, options: Options, settings: Settings, force: bool) -> TaskContext:
    """What the tasks of a run are told; its profile is decided here. Raises SetupError."""
    options = with_profile(options, settings)
    models = models_for(options, settings)
    run_id = str(uuid.uuid4())
    return TaskContext(
        run_id=run_id,
        flow=flow,
        options=options,
        models=models,
        fingerprints=fingerprints(flow, options, models),
        artifacts=settings.artifacts,
        store=StoreAddress("", settings.store_key),
        runner=settings.runner,
        spool=settings.spool / run_id,
        pools=settings.pools,
        limits=settings.limits,
        force=force,
        faults=settings.faults,
        code=code_of(tasks, actors, medley) if settings.runner == "ray" else "",
    )


def _cluster_gpus(address: str) -> float:
    from flows.services.ray_runner import cluster_gpus  # Ray takes a second to import

    return cluster_gpus(address)
