"""Hostile files by the hundred: each ends with a clear reason or with what it holds, and harms nobody.

`make test-hostile N=2000 SEED=7` takes more of them, through a whole ingest.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from medley.catalog import Catalog, open_catalog
from medley.errors import BadInput
from medley.media.audio import extract_audio
from medley.media.frames import sample_frames
from medley.media.pdf import find_figures, parse_pdf
from medley.media.pictures import PICTURE, convert_assets
from medley.media.sniff import sniff
from medley.options import FigureOptions, FrameOptions, PageOptions
from medley.plain import printable
from medley.report import error_entry
from medley.setting_groups import Limits
from medley.settings import Settings
from medley.sources.identify import identify
from medley.types import Asset
from tests.conftest import Medley
from tests.corpus.__main__ import looked_at, report
from tests.documents import picture
from tests.hostile.make import hostile_file, sound_files

LIMITS = Limits(wall_s=60, part_s=30, file_s=60, output_mb=64, memory_mb=1500)
SEED = int(os.environ.get("SEED", "13"))
SHORT, SLICES = 60, 6


@pytest.fixture
def canary() -> Iterator[str]:
    """A URL that nobody may open."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/canary"
        with pytest.raises(BlockingIOError):
            server.accept()


def through_first_stages(path: Path, catalog: Catalog, settings: Settings, out: Path) -> None:
    """What decodes the file, whatever it is; raises BadInput."""
    asset = identify(str(path), sniff(path).flow, catalog, LIMITS, settings.spool)
    out.mkdir()
    if asset.media.flow == "pdf":
        parse_pdf(asset, out, PageOptions(), LIMITS)
        find_figures(asset, out, PageOptions(), FigureOptions(), LIMITS)
    elif asset.media.flow == "image":
        [made] = convert_assets([(asset, out / PICTURE)], 640, LIMITS)
        if made.error:
            raise made.error
    else:
        _both_branches(asset, out)


def _both_branches(asset: Asset, out: Path) -> None:
    if asset.media.audio_stream is not None:
        extract_audio(asset, out, LIMITS)
    if asset.media.video_stream is not None:
        sample_frames(asset, out, FrameOptions(), LIMITS)


def outcome(path: Path, catalog: Catalog, settings: Settings, out: Path) -> str:
    """Empty where it is as it should be, else what is wrong with us."""
    began = time.monotonic()
    try:
        through_first_stages(path, catalog, settings, out)
    except BadInput as error:
        message = error_entry(error)["message"]
        told = message.replace(printable(str(path)), "")
        if len(told) > 500 or "Traceback" in told or " object at 0x" in told or printable(message) != message:
            return f"{path.name!r}: {message}"
    except Exception as error:  # noqa: BLE001  # that is what is looked for
        return f"{path.name!r}: {type(error).__name__}: {error}"
    return f"{path.name!r}: took {time.monotonic() - began:.0f} s" if time.monotonic() - began > 240 else ""


@pytest.mark.parametrize("part", range(SLICES))
def test_hostile_files_end_with_a_reason(settings: Settings, tmp_path: Path, canary: str, part: int) -> None:
    catalog = open_catalog(settings)
    sound_files(tmp_path)
    paths = []
    for number in range(part, SHORT, SLICES):
        name, content = hostile_file(SEED, number, tmp_path, canary)
        paths.append(tmp_path / name)
        Path(paths[-1]).write_bytes(content)
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda n: outcome(paths[n], catalog, settings, tmp_path / f"out-{n}"), range(len(paths)))
        wrong = [told for told in found if told]
    assert wrong == []


@pytest.mark.whole
@pytest.mark.timeout(7200)
def test_a_folder_of_hostile_files_beside_good_ones(
    medley: Medley, settings: Settings, tmp_path: Path, canary: str
) -> None:
    """Through a whole ingest: an entry for each, the neighbours complete, nothing live on the terminal."""
    folder, made = tmp_path / "in", tmp_path / "made"
    folder.mkdir(), made.mkdir()
    for number in range(int(os.environ.get("N", "200"))):
        name, content = hostile_file(SEED, number, made, canary)
        (folder / name).write_bytes(content)
    for n, colour in enumerate(("red", "green", "blue")):
        picture(colour=colour).save(folder / f"good-{n}.png")
    count = len(list(folder.iterdir()))
    answer = medley("ingest", folder, "--json")
    items = answer.report["items"]
    assert len(items) == count
    assert {item["status"] for item in items} <= {"complete", "partial", "failed", "skipped", "unchanged"}
    good = [item for item in items if Path(item["path"]).name.startswith("good-")]
    assert [item["status"] for item in good] == ["complete"] * 3
    assert not [item for item in items for error in item["errors"] if "Traceback" in error["message"]]
    assert printable(answer.out, keep="\n") == answer.out
    used = sum(path.stat().st_size for path in settings.home.rglob("*") if path.is_file())
    assert used < 2 << 30


def test_a_folder_of_anything_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """See `make test-corpus`."""
    made = sound_files(tmp_path)
    folder = tmp_path / "corpus"
    folder.mkdir()
    for kind in ("pdf", "PNG", "wav"):
        (folder / f"a.{kind}").write_bytes(made[kind])
    (folder / "b.pdf").write_bytes(made["pdf"][:200])
    assert report([looked_at(path) for path in sorted(folder.iterdir())]) == 0
    assert "3 complete, 1 CorruptMedia" in capsys.readouterr().out
