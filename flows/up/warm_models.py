"""Loads the models of the configured profile before the first run asks, and keeps workers of Ray ready.

`python -m flows.up.warm_models`, under supervisord. Only models that are on this machine: what has to be downloaded is
for a run to ask for.
"""

from __future__ import annotations

import sys

from actors.resident import pool_for
from flows.engine.plan import new_run
from flows.services.addresses import managed
from flows.services.environment import prepare_environment
from flows.services.log import log_to_stderr, logger
from flows.services.ray_prestart import keep_ready
from flows.services.ray_start import start_ray, stop_ray
from flows.services.signals import stop_on_signals
from medley.dag.fingerprints import models_read
from medley.dag.registry import pipeline_named
from medley.models.locate import on_this_machine
from medley.options import VideoOptions
from medley.settings import load_settings

_WORKERS = 3  # of 240 MB each: as many runs as begin at the same time find one


def main() -> int:
    """Loads the models of the profile that are on this machine, and keeps workers of Ray ready until SIGTERM."""
    settings = load_settings()
    log_to_stderr(settings.log_format)
    prepare_environment(settings)
    if settings.runner != "ray" or not managed("ray", settings):
        return 0
    run = new_run(pipeline_named("video"), VideoOptions(), settings, force=False)
    start_ray(settings)
    try:
        wanted = [spec for spec in models_read(run.dag, run.models) if on_this_machine(spec)]
        pools = [(pool_for(spec, run), spec) for spec in wanted]  # all of them begin to load
        for pool, spec in pools:
            pool.call("ready")
            logger.info("warm: the %s model %s", spec.kind, spec.id)
        with stop_on_signals():
            keep_ready(_WORKERS)
    finally:
        stop_ray()
    return 0


if __name__ == "__main__":
    sys.exit(main())
