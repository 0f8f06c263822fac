"""What a run will do: its models, fingerprints and places, decided before anything is started."""

from __future__ import annotations

import uuid
from functools import partial

from flows.services.addresses import ray_cluster
from medley.dag.fingerprints import dag_fingerprints
from medley.dag.pipeline import Pipeline
from medley.generations import generation_in_use, store_key, with_standing
from medley.models.profiles import models_for
from medley.options import FileOptions
from medley.profile import Choice, resolve_profile
from medley.run import StoreAddress, TaskContext, with_dag
from medley.settings import Settings
from tasks.code import code_of_run


def with_profile(options: Choice, settings: Settings) -> Choice:
    """Fills options with those of the index's generation, and resolves the profile `auto`.

    By the cluster that runs would join, or else by this machine.
    """
    options = with_standing(options, generation_in_use(settings))
    cluster = ray_cluster(settings) if settings.runner == "ray" else None
    return resolve_profile(options, settings, partial(_cluster_gpus, cluster) if cluster else None)


def new_run(pipeline: Pipeline, options: FileOptions, settings: Settings, force: bool) -> TaskContext:
    """Builds what the tasks of a new run are told, and decides the run's profile. Raises SetupError, PipelineError."""
    options = with_profile(options, settings)
    models, dag = models_for(options, settings), pipeline.dag(options)
    run_id = str(uuid.uuid4())
    context = TaskContext(
        run_id=run_id,
        flow=pipeline.name,
        pipeline=pipeline.reference,
        folder=pipeline.folder,
        options=options,
        models=models,
        fingerprints=dag_fingerprints(dag, options, models),
        artifacts=settings.artifact_root,
        artifacts_url=settings.artifacts_url,
        cache_mb=settings.cache_mb,
        store=StoreAddress("", store_key(settings)),
        runner=settings.runner,
        spool=settings.spool / run_id,
        pools=settings.pools,
        limits=settings.limits,
        force=force,
        faults=settings.faults,
        code=code_of_run(dag) if settings.runner == "ray" else "",
    )
    return with_dag(context, dag)


def _cluster_gpus(address: str) -> float:
    from flows.services.ray_cluster import cluster_gpus  # Ray takes a second to import

    return cluster_gpus(address)
