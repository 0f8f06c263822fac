"""`medley plan SOURCE...`: what an ingest would do, and why. Files are read where they are new; nothing is started."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.markup import escape

from flows.commands.console import PlainConsole, print_json
from flows.commands.flags import add_option_flags, add_pipeline_flag, read_option_flags
from flows.commands.pace import duration
from flows.engine.items import finished_report
from flows.engine.plan import new_run
from flows.engine.routing import ChildJob, batches, files_of, one_pipeline
from flows.services.environment import prepare_environment
from medley.catalog import Catalog, open_catalog
from medley.dag.fingerprints import plan_fingerprint
from medley.dag.pipeline import Pipeline
from medley.dag.registry import pipeline_named
from medley.errors import BadInput, MedleyError, TransientError
from medley.options import FileOptions, IngestOptions, options_for
from medley.planning import Planned, reasons, stages_to_run
from medley.pricing import Price, Prices
from medley.run import TaskContext
from medley.settings import Settings, load_settings
from medley.sources.identify import identify
from medley.sources.urls import head, is_url, without_password

_DEAREST = 6  # stages that are told of


def add_arguments(parser: argparse.ArgumentParser, pipeline: Pipeline | None = None) -> None:
    """Adds the flags of `medley plan`: with a pipeline, those of the pipeline's options."""
    add_pipeline_flag(parser, pipeline)
    parser.add_argument("sources", nargs="+", type=without_password, metavar="SOURCE", help="as of medley ingest")
    parser.add_argument("--json", action="store_true", help="the answer as JSON on stdout")
    add_option_flags(parser, pipeline.options if pipeline else IngestOptions)


def run(arguments: argparse.Namespace) -> int:
    """Prints a line for each file about which something is to do, and totals."""
    settings = load_settings()
    prepare_environment(settings)
    chosen: Pipeline | None = arguments.chosen
    options: FileOptions = read_option_flags(arguments, chosen.options if chosen else IngestOptions)
    refused: list[Planned] = []
    files = files_of(arguments.sources, lambda source, error: refused.append(_refused(source, None, error)))
    found = one_pipeline(files, chosen) if chosen else batches(files, settings.routes)
    planned = [*_planned(found, options, settings), *refused]
    totals = {
        "files": len(planned),
        "actions": dict(Counter(item.action for item in planned)),
        "why": dict(Counter(reason for item in planned for reason in item.why)),
        "stages": dict(Counter(stage for item in planned for stage in item.stages)),
    }
    totals |= _priced(planned)
    if arguments.json:
        items = [asdict(item) for item in planned]
        print_json({"totals": totals, "items": items})
    else:
        _show(planned, totals)
    return 0


def _priced(planned: list[Planned]) -> dict[str, Any]:
    """Seconds by stage, and the stages of which nothing is known yet."""
    prices: dict[str, Price] = {}
    for item in planned:
        for stage, price in item.seconds.items():
            prices[stage] = prices.get(stage, Price()) + price
    whole = sum(prices.values(), Price())
    unknown = sorted({stage for item in planned for stage in item.stages if stage not in item.seconds})
    by_stage = {stage: asdict(price) for stage, price in prices.items()}
    return {"seconds": asdict(whole), "seconds_by_stage": by_stage, "never_run": unknown}


def _planned(found: Iterator[ChildJob], options: FileOptions, settings: Settings) -> Iterator[Planned]:
    catalog = open_catalog(settings)
    runs: dict[str, TaskContext] = {}
    prices = Prices(catalog.engine)
    for flow, paths in found:
        if flow is None:
            yield from (Planned(path, "skipped") for path in paths)
            continue
        if flow not in runs:
            pipeline = pipeline_named(flow)
            runs[flow] = new_run(pipeline, options_for(pipeline.options, options), settings, force=False)
        run = runs[flow]
        seen: set[str] = set()
        for path in paths:
            item = _item(path, run, catalog, prices)
            again = item.asset_id in seen and item.action == "run"
            yield (Planned(path, "unchanged", flow, item.asset_id, ["same content as another file"]) if again else item)
            seen |= {item.asset_id} if item.asset_id else set()


def _item(path: str, run: TaskContext, catalog: Catalog, prices: Prices) -> Planned:
    plan = plan_fingerprint(run.fingerprints)
    known = catalog.location(path if is_url(path) else os.path.abspath(path))
    try:
        if is_url(path) and (
            known is None or known.inode != head(path).version or not known.inode
        ):  # it is not fetched
            return Planned(path, "run", run.flow, why=["changed" if known else "new"], stages=list(run.fingerprints))
        asset = identify(path, run.flow, catalog, run.limits, run.spool)
    except (BadInput, TransientError) as error:
        return _refused(path, run.flow, error)
    before = known.asset_id if known and known.asset_id != asset.asset_id else None
    outcome = catalog.outcome(asset.asset_id, run.flow)
    done = finished_report(path, asset, outcome, plan, run)
    if done and done.status == "unchanged":
        return Planned(path, "unchanged", run.flow, asset.asset_id)
    why = reasons(asset, outcome, plan, run, catalog, before)
    if done:
        return Planned(path, "remembered", run.flow, asset.asset_id, why)
    stages = stages_to_run(asset, run)
    priced = ((stage, prices.of(run.flow, stage, run.fingerprints[stage], asset)) for stage in stages)
    seconds = {stage: price for stage, price in priced if price}
    return Planned(path, "run", run.flow, asset.asset_id, why, stages, seconds)


def _refused(path: str, flow: str | None, error: MedleyError) -> Planned:
    return Planned(path, "refused", flow, why=[f"{type(error).__name__}: {error.reason}"])


def _show(planned: list[Planned], totals: dict[str, Any]) -> None:
    console = PlainConsole()
    for item in planned:
        if item.action != "unchanged":
            told = "; ".join(item.why)
            stages = f"  [dim]{', '.join(item.stages)}[/]" if item.stages else ""
            console.print(f"{item.action:>10}  {escape(item.path)}  {escape(told)}{stages}", soft_wrap=True)
    console.print(", ".join(f"{count} {action}" for action, count in totals["actions"].items()) or "no files")
    for reason, count in totals["why"].items():
        console.print(f"{count:6}  {escape(reason)}", soft_wrap=True)
    for line in _told_price(totals):
        console.print(escape(line), soft_wrap=True)


def _told_price(totals: dict[str, Any]) -> Iterator[str]:
    """What the stages will take, the dearest first: not the time until all is done, for many run at once."""
    whole = totals["seconds"]
    if whole["likely"]:
        low, likely, high = (duration(whole[name]) for name in ("low", "likely", "high"))
        yield f"about {likely} of work ({low} to {high}), by what it took before; several stages run at a time"
        dearest = sorted(totals["seconds_by_stage"].items(), key=lambda stage: -stage[1]["likely"])
        yield "        " + ", ".join(f"{stage} {duration(price['likely'])}" for stage, price in dearest[:_DEAREST])
    if whole["tokens"] >= 1:
        yield f"about {whole['tokens']:.0f} tokens of models behind servers"
    if totals["never_run"]:
        yield f"not known yet: {', '.join(totals['never_run'])}"
