"""Which code makes the artifacts of a run: ours, and that of the pipeline's package."""

from __future__ import annotations

import sys

import actors
import medley
import tasks
from medley.code import code_of
from medley.dag.pipeline import Dag


def code_of_run(dag: Dag) -> str:
    """Stands for every source file that takes part in the stages of a DAG, 8 hex digits."""
    ours = (tasks, actors, medley)
    packages = {stage.work.__module__.partition(".")[0] for stage in dag.values()}
    others = sorted(packages - {module.__name__ for module in ours})
    return code_of(*ours, *(sys.modules[name] for name in [*others, dag.module]))
