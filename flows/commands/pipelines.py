"""`medley pipelines [show NAME]`: which pipelines there are, and what their stages are. Starts nothing."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from rich.table import Table

from flows.commands.console import PlainConsole, print_json
from flows.commands.flags import add_option_flags, read_option_flags
from medley.dag.drawing import as_mermaid, as_svg, as_text
from medley.dag.pipeline import Dag, Pipeline
from medley.dag.registry import pipeline_named, pipelines
from medley.dag.stage import Stage
from medley.models.base import ModelSpec

_FORMATS: dict[str, Callable[[Dag], str]] = {"text": as_text, "mermaid": as_mermaid, "svg": as_svg}


def add_arguments(parser: argparse.ArgumentParser, pipeline: Pipeline | None = None) -> None:
    """Adds the flags of `medley pipelines`; with `show` those of the pipeline's options, on which its stages depend."""
    parser.add_argument("action", nargs="?", choices=("list", "show"), default="list")
    parser.add_argument("name", nargs="?", help="of show: a pipeline, or module:name")
    parser.add_argument("--format", choices=_FORMATS, default="text", help="how show draws the stages")
    parser.add_argument("--json", action="store_true", help="the answer as JSON on stdout")
    parser.set_defaults(chosen=pipeline)
    if pipeline:
        add_option_flags(parser, pipeline.options)


def named_in(argv: list[str]) -> Pipeline | None:
    """Finds the pipeline named after `show`, before the other flags are known. Raises PipelineError."""
    return pipeline_named(argv[1]) if argv[:1] == ["show"] and argv[1:] else None


def run(arguments: argparse.Namespace) -> int:
    """Prints the pipelines, or the stages of one."""
    pipeline: Pipeline | None = arguments.chosen
    if pipeline is None:
        _list([_described(found) for found in pipelines()], as_json=arguments.json)
        return 0
    dag = pipeline.dag(read_option_flags(arguments, pipeline.options))
    if arguments.json:
        print_json({**_described(pipeline), "stages": [_facts(stage) for stage in dag.values()]})
    elif arguments.format != "text":
        print(_FORMATS[arguments.format](dag))
    else:
        _show(pipeline, dag)
    return 0


def _described(pipeline: Pipeline) -> dict[str, Any]:
    taken = {"name": pipeline.name, "description": pipeline.doc, "media": list(pipeline.media)}
    return {**taken, "batch": pipeline.batch, "batch_s": pipeline.batch_s, "where": pipeline.reference}


def _facts(stage: Stage) -> dict[str, Any]:
    model = stage.model.kind if isinstance(stage.model, ModelSpec) else stage.model
    return {
        "name": stage.name,
        "after": list(stage.after),
        "branch": stage.branch,
        "version": stage.version,
        "model": model,
        "writes": list(stage.modalities),
        "num_cpus": stage.num_cpus,
        "description": stage.doc,
    }


def _list(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json({"pipelines": found})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("name", "description", "media", "where"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(one["name"], one["description"], ", ".join(one["media"]), one["where"])
    PlainConsole().print(table)


def _show(pipeline: Pipeline, dag: Dag) -> None:
    console = PlainConsole()
    console.print(f"[bold]{pipeline.name}[/]  {pipeline.doc}\n")
    console.print(as_text(dag), soft_wrap=True, markup=False)
    table = Table(box=None, pad_edge=False)
    for column in ("stage", "branch", "version", "model", "CPUs", "what it makes"):
        table.add_column(column, overflow="fold")
    for facts in map(_facts, dag.values()):
        name, branch, made = facts["name"], facts["branch"], facts["description"]
        table.add_row(name, branch, str(facts["version"]), facts["model"] or "", f"{facts['num_cpus']:g}", made)
    console.print("")
    console.print(table)
