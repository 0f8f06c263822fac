"""How many files a child run takes."""

from __future__ import annotations

import json
from pathlib import Path

from flows.engine.routing import one_pipeline
from flows.image import image
from flows.pdf import pdf


def sizes(paths: list[str], pipeline: object) -> list[int]:
    return [len(some) for _, some in one_pipeline(paths, pipeline)]  # type: ignore[arg-type]


def test_a_child_run_takes_some_hundreds_of_files_or_twenty_batches() -> None:
    paths = [f"/nowhere/{n}" for n in range(4500)]
    assert sizes(paths, image) == [2000, 2000, 500]
    assert sizes(paths[:1200], pdf) == [500, 500, 200]


def test_the_paths_of_a_child_run_fit_into_the_parameters_of_a_flow_run() -> None:
    most = 524_288  # PREFECT_SERVER_API_MAX_PARAMETER_SIZE
    paths = [str(Path("/nowhere") / ("図" * 80) / ("図" * 80) / str(n)) for n in range(2000)]
    assert len(json.dumps(paths)) > most
    found = [some for _, some in one_pipeline(paths, image)]
    assert [path for some in found for path in some] == paths
    assert max(len(json.dumps(some)) for some in found) < most


def test_long_files_begin_first_and_the_others_keep_their_order(tmp_path: Path) -> None:
    sizes_of = {"a.pdf": 10, "b.pdf": 5000, "c.pdf": 10, "d.pdf": 900}
    for name, size in sizes_of.items():
        (tmp_path / name).write_bytes(b"%PDF-1.7\n".ljust(size))
    paths = [str(tmp_path / name) for name in sizes_of]
    [(_, ordered)] = one_pipeline([*paths, "/nowhere/e.pdf"], pdf)
    assert [Path(path).name for path in ordered] == ["b.pdf", "d.pdf", "a.pdf", "c.pdf", "e.pdf"]
