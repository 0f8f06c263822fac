"""The pools of Medley's models on Ray: what each needs of the cluster. Every process knows the pools of its runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ray
from ray.cloudpickle import dumps

from actors.client import RayPool, code_of_loader
from actors.host import ModelActor
from actors.spec import PoolSpec
from medley.models.base import ModelSpec
from medley.setting_groups import PoolSettings

#: Share of a GPU for the first process of a model, until it is known what that one needs.
_GUESSES = {"speech": 0.5, "vision": 0.25, "text": 0.25, "caption": 0.5}
_OWN_GPUS = 0.25  #: likewise, of a model that a pipeline brings
#: Kinds of models that share a process where they run on the CPU: both need torch and transformers.
_TOGETHER = frozenset({"text", "vision"})
_RUNS = 64
_known: dict[tuple[str, str, PoolSpec], RayPool] = {}


def ray_pool(
    host: type,
    spec: ModelSpec,
    threads: int,
    settings: PoolSettings,
    run: str,
    refer: Callable[[Any], Any] = lambda args: args,
) -> RayPool:
    """Returns the pool of a model for a run; asks for its replicas where nobody has asked yet. `refer`: see RayPool."""
    pool = pool_spec(host, spec, threads, settings)
    key = (ray.get_runtime_context().get_job_id(), run, pool)
    if key not in _known:
        while len(_known) >= _RUNS:
            _known.pop(next(iter(_known)))
        _known[key] = RayPool(pool, run, refer, spec.fingerprint)
    return _known[key]


def pool_spec(host: type, spec: ModelSpec, threads: int, settings: PoolSettings) -> PoolSpec:
    """Says what the pool of a model needs; its key names the host, what the model makes, and where it runs."""
    given = 0.0 if spec.kind == "ocr" else getattr(settings, f"{spec.kind}_gpus", None)
    gpus = gpu_share(spec, _GUESSES.get(spec.kind, _OWN_GPUS) if given is None else given)
    if not gpus and spec.device == "auto":
        spec = replace(spec, device="cpu")  # tasks without a GPU of their own see those of others
    parts = (host.__name__, spec.fingerprint, spec.device, str(threads), f"{gpus:g}", code_of_loader(spec.loader))
    return PoolSpec(
        key="-".join(filter(None, parts)),
        what=f"{spec.kind} model {spec.id}",
        name=spec.kind,
        makes=dumps((host, (spec, threads))),
        gpus=gpus,
        guessed=given is None,
        reserve_mb=settings.gpu_reserve_mb,
        threads=threads,
        shares="cpu" if not gpus and host is ModelActor and spec.kind in _TOGETHER else "",
        least=settings.least,
        most=settings.most,
        bound=settings.bound,
        timeout_s=settings.call_timeout_s,
        calls=settings.recycle_batches,
        grown_mb=settings.recycle_mb,
    )


def gpu_share(spec: ModelSpec, share: float) -> float:
    """Returns the share of a GPU to ask Ray for: none where the model is on the CPU or the cluster declares no GPU."""
    if spec.device == "cpu" or not _gpus():
        return 0.0
    return share


def _gpus() -> Any:
    return ray.cluster_resources().get("GPU")
