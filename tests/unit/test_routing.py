"""Which files a run has, and how many of them a child run takes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.engine.routing import files_of, one_pipeline
from flows.image import image
from flows.pdf import pdf
from flows.uploads import drain
from medley.catalog.uploads import Upload
from medley.sources.stability import seen_at
from tests.conftest import SAMPLE


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


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    for name in ("talk.mp4", "other.mp4"):
        shutil.copyfile(SAMPLE, tmp_path / name)
    for name in ("talk.en.srt", "alone.srt"):
        (tmp_path / name).write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n")
    return tmp_path


def names(*sources: Path) -> list[str]:
    return sorted(Path(path).name for path in files_of(map(str, sources), lambda path, error: pytest.fail(str(error))))


def test_subtitles_are_a_part_of_their_video(talks: Path) -> None:
    assert names(talks) == ["alone.srt", "other.mp4", "talk.mp4"]
    assert names(talks / "talk.en.srt") == ["talk.mp4"]
    assert names(*talks.glob("[ot]*")) == ["other.mp4", "talk.mp4"], "as a shell writes DIRECTORY/*"
    refused: list[str] = []
    assert list(files_of([str(talks / "alone.srt")], lambda path, error: refused.append(str(error)))) == []
    assert "no video of that name lies beside it" in refused[0]


def test_uploaded_subtitles_wait_for_their_video_or_have_it_done_again(talks: Path) -> None:
    known = set[str]()
    uploads = SimpleNamespace(unknown=lambda landed: [one for one in landed if one.path not in known])
    parent: Any = SimpleNamespace(uploads=uploads)

    def work(name: str) -> str:
        return drain._work_of(Upload(str(talks / name), str(talks), "1"), parent)

    assert work("talk.en.srt") == "", "the video is still landing: it will be read with them"
    known.add(str(talks / "talk.mp4"))
    assert work("talk.en.srt") == str(talks / "talk.mp4")
    assert work("alone.srt") == str(talks / "alone.srt")


@pytest.mark.parametrize("landing", [(), ("talk.de.srt",)])
@pytest.mark.parametrize("order", [("talk.en.srt", "talk.mp4"), ("talk.mp4", "talk.en.srt")])
@pytest.mark.parametrize(
    ("after", "left"),
    [
        ("move", ["alone.srt", "done/talk.en.srt", "done/talk.mp4", "other.mp4"]),
        ("delete", ["alone.srt", "other.mp4", "talk.en.srt"]),
    ],
)
def test_what_becomes_of_a_video_and_its_subtitles(
    talks: Path, after: str, left: list[str], order: tuple[str, str], landing: tuple[str, ...]
) -> None:
    """They are moved with it, none that is still being written is touched, and none is deleted."""
    for name in landing:
        (talks / name).write_text("1\n00:00:0")
    known = lambda upload: Path(upload.path).name not in landing  # noqa: E731
    uploads = SimpleNamespace(
        forget=lambda path: None,
        settle=lambda file, done: None,
        unknown=lambda landed: [one for one in landed if not known(one)],
    )
    parent: Any = SimpleNamespace(uploads=uploads, catalog=SimpleNamespace(move_location=lambda path, to: None))
    files = [seen_at(talks / name, str(talks), after) for name in order]
    for file in files:
        entry = {"status": "complete", "errors": [], "asset_id": "a" * 64}
        drain._settle(file, entry, parent, alone=file.path.endswith(".mp4"))
    assert sorted(str(path.relative_to(talks)) for path in talks.rglob("*.*")) == sorted([*left, *landing])
