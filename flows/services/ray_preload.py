"""What a worker of the standing cluster imports as it starts, before there is work: see ray_prestart.py.

Ray imports this module in every worker (RAY_preload_python_modules); those that are meant have PRELOAD set.
"""

from __future__ import annotations

import os

#: Which code of ours: a worker that has imported another is not taken.
PRELOAD = "MEDLEY_PRELOAD"

if os.environ.get(PRELOAD):
    from flows.services.ray_worker import import_all
    from medley.dag.registry import pipelines

    import_all(["tasks.prefect_tasks", "pymilvus", *(pipeline.picture.__module__ for pipeline in pipelines())])
