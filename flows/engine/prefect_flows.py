"""Pipelines as Prefect flows: `flows.engine.prefect_flows:NAME` is the entrypoint of every pipeline that is installed.

A flow is made when it is asked for: Prefect takes a second to import, and a command that finds all unchanged does
without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from medley.dag.pipeline import Pipeline
from medley.dag.registry import names, pipeline_named

if TYPE_CHECKING:
    from flows.engine.run import RunContext


def flow_of(pipeline: Pipeline, run_context: RunContext | None = None) -> Any:
    """Makes the Prefect flow of a pipeline; with `run_context` one that goes on with a run of this process."""
    from prefect import flow

    from flows.engine.flow import flow_options, ingest

    def run(paths: list[str], options: Any = pipeline.options(), force: bool = False) -> Any:  # noqa: B008  # frozen
        return ingest(pipeline, paths, options, force=force, run_context=run_context)

    run.__annotations__ = {"paths": list[str], "options": pipeline.options, "force": bool, "return": Any}
    run.__doc__ = f"""{pipeline.doc}

    Args:
        paths: Files on the machine where the worker runs.
        options: What to do with them.
        force: Do everything again, whatever is known of these files.

    """
    run.__name__ = pipeline.name  # not its qualified name: each task's pickle would look for it in this module
    settings = run_context.settings if run_context else None
    return flow(name=pipeline.name, **flow_options(pipeline.name, settings))(run)


def flow_attribute(attribute: str, pipeline: Pipeline) -> Callable[[str], Any]:
    """Makes the `__getattr__` of a module that has the flow of `pipeline` as one more attribute."""

    def get(name: str) -> Any:
        if name != attribute:
            raise AttributeError(f"module {pipeline.picture.__module__!r} has no attribute {name!r}")
        return flow_of(pipeline)

    return get


def __getattr__(name: str) -> Any:
    """The flow of the pipeline of that name. Raises AttributeError."""
    if name.startswith("_") or name not in names():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return flow_of(pipeline_named(name))
