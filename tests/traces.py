"""What a run leaves behind: processes, artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from flows.chaos.faults import running
from flows.chaos.kept import manifests
from medley.records import load_vectors

__all__ = ["assert_same_results", "manifests", "of_medley", "pids_of", "results"]

#: Word times are sums of float32: they move by some hundredths of a second with the number of threads.
_NOISE_MS = 100


def of_medley(home: Path) -> list[str]:
    """Command lines of everything that runs for a home: services, their supervisors, Ray, workers."""
    return [line[:200] for line in running(home).values()]


def pids_of(home: Path, words: str) -> list[int]:
    """Processes of a home, but for supervisors, whose command lines hold `words`."""
    return [pid for pid, line in running(home).items() if words in line and "flows.services.supervise" not in line]


def results(home: Path) -> dict[str, Any]:
    """Rows and vectors of every embedding, by stage and asset."""
    found = {}
    for stage in ("embed_text", "embed_frames"):
        for directory in (home / "artifacts").glob(f"*/*/{stage}/*"):
            rows, vectors = load_vectors(directory)
            found[stage, directory.parents[1].name] = (rows, vectors)
    return found


def assert_same_results(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for key, (rows, vectors) in one.items():
        other_rows, other_vectors = other[key]
        assert [(row.modality, row.text) for row in rows] == [(row.modality, row.text) for row in other_rows]
        for row, other_row in zip(rows, other_rows, strict=True):
            assert abs(row.start_ms - other_row.start_ms) <= _NOISE_MS
            assert abs(row.end_ms - other_row.end_ms) <= _NOISE_MS
        assert (np.sum(vectors * other_vectors, axis=1) >= 0.999).all()
