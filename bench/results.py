"""What the last run of each benchmark has found: JSON in .bench/results, from which docs/benchmarks.md is made."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / ".bench" / "results"


def keep(name: str, found: dict[str, Any]) -> None:
    """Replaces what was found before."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    told = {"date": time.strftime("%Y-%m-%d"), **found}
    (FOLDER / f"{name}.json").write_text(json.dumps(told, indent=1))


def found(name: str) -> dict[str, Any] | None:
    """What the last run found; None where there was none."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def turns_wanted() -> int:
    """Reads how often everything is measured from the command line: `-n TURNS`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=3)
    return int(parser.parse_args().n)
