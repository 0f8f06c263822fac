"""Whom an erasure is about: assets, every path that they were ever seen at, and the flow runs that showed them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from medley.catalog.tables import locations, outcomes, runs, stages


@dataclass(slots=True)
class Subjects:
    """`others`: known paths of assets that stay. `flow_runs`: ids of Prefect's runs that had the assets."""

    assets: set[str]
    paths: set[str]
    others: set[str] = field(default_factory=set)
    flow_runs: set[str] = field(default_factory=set)


def gather(engine: Engine, reports: Path, assets: set[str], paths: set[str]) -> Subjects:
    """Gathers the subjects of an erasure; has to come before the catalog forgets.

    `paths` are the paths that never became an asset.
    """
    found, ours = Subjects(set(assets), set(paths)), set()
    with engine.connect() as connection:
        for path, asset_id in connection.execute(select(locations.c.path, locations.c.asset_id)):
            (found.paths if asset_id in assets or path in paths else found.others).add(path)
        for table in (stages, outcomes):
            pairs = connection.execute(select(table.c.run_id, table.c.asset_id).distinct())
            ours |= {run_id for run_id, asset_id in pairs if asset_id in assets}
        for run_id, entry in _entries(reports):
            if entry.get("asset_id") in assets or entry.get("path") in paths:
                ours.add(run_id)
                found.paths.add(entry["path"])  # one that was moved: the catalog has its old name no more
        shown = select(runs.c.run_id, runs.c.prefect_run_id).where(runs.c.prefect_run_id.is_not(None))
        found.flow_runs = {flow_run for run_id, flow_run in connection.execute(shown) if run_id in ours}
    found.others -= found.paths
    return found


def _entries(reports: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for report in reports.glob("*/report.jsonl"):
        with report.open(encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                if line.startswith("{") and line.endswith("}\n"):  # the last one may be torn
                    yield report.parent.name, json.loads(line)
