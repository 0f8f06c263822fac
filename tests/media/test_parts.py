"""A long file that several machines work on gives what one machine makes of it, to the last byte."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from medley.media import frame_decoder
from medley.media.frames import sample_frames
from medley.media.pdf import find_figures, parse_pdf
from medley.media.spread import PartWork, Threads
from medley.option_values import ShotTimes
from medley.options import FigureOptions, FrameOptions, PageOptions
from medley.setting_groups import Limits
from medley.types import Asset
from tests.documents import pdf, picture, placed, text
from tests.media.test_pdf import asset
from tests.media.test_time_line import probed
from tests.variants import ffmpeg

LIMITS = Limits()
LENGTH_S = 1500
RARE = FrameOptions(shots=ShotTimes.ROUGH, interval_s=20, max_gap_s=60, duplicate_threshold=0)


@dataclass
class Machines:
    """Two machines: each part in a directory of its own, whose files come back."""

    machines: int = 2
    jobs: list[Any] = field(default_factory=list)

    def run(self, work: PartWork, asset: Asset, jobs: Sequence[Any], directory: Path) -> Iterator[Any]:
        for job in jobs:
            self.jobs.append(job)
            with tempfile.TemporaryDirectory() as made:
                result = work(asset, job, Path(made))
                for path in Path(made).iterdir():
                    assert not (directory / path.name).exists(), "two parts with the same name"
                    shutil.copyfile(path, directory / path.name)
            yield result


def everything(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 minutes of moving pictures: with a keyframe every ten seconds, and one with hardly any."""
    folder = tmp_path_factory.mktemp("long")
    source = ("-f", "lavfi", "-i", f"testsrc2=s=96x64:r=5:d={LENGTH_S}")
    how = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-x264-params")
    ffmpeg(*source, *how, "keyint=50:scenecut=0", folder / "dense.mp4")
    ffmpeg(*source, *how, "keyint=50:scenecut=0:open-gop=1", folder / "open.mp4")
    ffmpeg(*source, *how, "keyint=2000:scenecut=0", folder / "sparse.mp4")
    for name in ("dense.mkv", "dense.ts", "sparse.mkv"):
        ffmpeg("-i", folder / f"{name.partition('.')[0]}.mp4", "-c", "copy", folder / name)
    ffmpeg("-i", folder / "dense.mp4", "-c", "copy", "-output_ts_offset", 33, folder / "late.mkv")
    return folder


@pytest.mark.parametrize("name", ["dense.mp4", "dense.ts", "late.mkv", "open.mp4", "sparse.mp4", "sparse.mkv"])
def test_frames(videos: Path, tmp_path: Path, name: str) -> None:
    made = {}
    machines = Machines()
    for where, spread in (("one", Threads()), ("two", machines)):
        (tmp_path / where).mkdir()
        found = sample_frames(probed(videos / name), tmp_path / where, RARE, LIMITS, spread)
        assert (len(found.frames) > 60, found.damage) == (True, "")
        made[where] = everything(tmp_path / where)
    tries = 2 if name == "open.mp4" else 1  # its keyframes are none to a decoder that skips all others
    assert len(machines.jobs) == 3 * tries
    assert made["two"] == made["one"]


def test_a_video_with_damage_is_decoded_as_a_whole(videos: Path, tmp_path: Path) -> None:
    """What is lost is told in the words of one machine, and once."""
    content = bytearray((videos / "dense.mkv").read_bytes())
    for at in range(len(content) // 3, len(content) // 3 + 4000, 50):
        content[at] ^= 0xFF
    (tmp_path / "torn.mkv").write_bytes(content)
    told = []
    for where, spread in (("one", Threads()), ("two", Machines())):
        (tmp_path / where).mkdir()
        found = sample_frames(probed(tmp_path / "torn.mkv"), tmp_path / where, RARE, LIMITS, spread)
        told.append((found.damage, [(frame.time_s, frame.blank) for frame in found.frames]))
    assert told[0] == told[1]


def test_a_short_video_stays_whole(videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_decoder, "_PART_S", LENGTH_S + 1.0)
    machines = Machines()
    sample_frames(probed(videos / "dense.mp4"), tmp_path, RARE, LIMITS, machines)
    assert machines.jobs == []


def test_pages(tmp_path: Path) -> None:
    scan = placed(picture((200, 100), "red"), 100, 100, 200, 200)
    pages = [text((72, 100, f"Page {n} tells of trains.")) if n % 10 else scan for n in range(1, 100)]
    path = pdf(tmp_path / "long.pdf", *pages)
    made = {}
    machines = Machines()
    for where, spread in (("one", Threads()), ("two", machines)):
        for what in ("text", "figures"):
            (tmp_path / where / what).mkdir(parents=True)
        read = parse_pdf(asset(path), tmp_path / where / "text", PageOptions(), LIMITS, spread)
        find_figures(asset(path), tmp_path / where / "figures", PageOptions(), FigureOptions(), LIMITS, spread)
        made[where] = (read, everything(tmp_path / where / "text"), everything(tmp_path / where / "figures"))
    assert len(machines.jobs) == 6
    assert made["two"] == made["one"]
