"""Fingerprints of stages: computable without running anything."""

from __future__ import annotations

import hashlib
import json

from medley.dag.pipeline import Dag
from medley.dag.registry import pipeline_named
from medley.dag.stage import Stage
from medley.models.base import ModelSpec
from medley.models.profiles import Models
from medley.options import FileOptions


def fingerprints(pipeline: str, options: FileOptions, models: Models) -> dict[str, str]:
    """Computes each stage's fingerprint, 32 hex digits, in the order of the picture. Raises PipelineError."""
    return dag_fingerprints(pipeline_named(pipeline).dag(options), options, models)


def dag_fingerprints(dag: Dag, options: FileOptions, models: Models) -> dict[str, str]:
    """Computes the fingerprint of each stage of a DAG, 32 hex digits, in the order of the picture."""
    known: dict[str, str] = {}
    for stage in dag.values():
        model, before = model_of(stage, models), [known[name] for name in stage.after]
        chain = before[0] if len(before) == 1 else before or None
        content = [stage.name, stage.version, model.fingerprint if model else None, stage.reads(options), chain]
        known[stage.name] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
    return known


def model_of(stage: Stage, models: Models) -> ModelSpec | None:
    """Returns the model that a stage asks; None where the stage asks none."""
    if stage.model is None or isinstance(stage.model, ModelSpec):
        return stage.model
    found: ModelSpec | None = getattr(models, stage.model)
    return found


def models_read(dag: Dag, models: Models) -> list[ModelSpec]:
    """Returns the models that the stages of a DAG ask, in the order of the picture."""
    found = (model_of(stage, models) for stage in dag.values())
    return list(dict.fromkeys(model for model in found if model))


def plan_fingerprint(known: dict[str, str]) -> str:
    """Stands for all that a run would do to an asset: the key under which an outcome is remembered."""
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:32]
