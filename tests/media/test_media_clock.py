"""One clock for sound and picture, and children that end when they must."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

from medley.errors import Cancelled, CorruptMedia, TooLarge
from medley.media.audio import SAMPLE_RATE_HZ, WAV, extract_audio
from medley.media.child import run_child
from medley.media.frames import FRAMES, SHOTS, read_frames, sample_frames
from medley.media.probe import probe_media
from medley.options import FrameOptions
from medley.setting_groups import Limits
from medley.system import stop
from medley.types import Asset
from tests.conftest import ROOT, SAMPLE, eventually
from tests.fakes import asset_id
from tests.variants import ffmpeg, read_samples

LIMITS = Limits()
QUICK = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"]
TONE = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2"]
PICTURE = ["-f", "lavfi", "-i", "testsrc=size=160x90:rate=10:duration=6"]


def probed(path: Path) -> Asset:
    return Asset(asset_id(path.name), str(path), path.stat().st_size, probe_media(path, LIMITS))


def loud(samples: np.ndarray, start_s: float, end_s: float) -> float:
    """Root mean square of a stretch."""
    part = samples[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)]
    return float(np.sqrt(np.mean(part**2)))


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv", "late.ts", "late.mov"])
def test_sound_that_begins_late_keeps_its_silence(tmp_path: Path, name: str) -> None:
    ffmpeg(*PICTURE, "-itsoffset", 3, *TONE, "-map", "0:v", "-map", "1:a", *QUICK, tmp_path / name)
    length_s = extract_audio(probed(tmp_path / name), tmp_path, LIMITS).length_s
    samples = read_samples(tmp_path / WAV)
    assert length_s == len(samples) / SAMPLE_RATE_HZ == pytest.approx(5.0, abs=0.15)
    assert loud(samples, 0, 2.9) < 0.001
    assert loud(samples, 3.1, 4.9) > 0.05


def test_sound_that_begins_first_is_not_cut(tmp_path: Path) -> None:
    path = tmp_path / "late-picture.mkv"
    ffmpeg(*TONE, "-itsoffset", 3, *PICTURE, "-map", "1:v", "-map", "0:a", *QUICK, path)
    asset = probed(path)
    assert extract_audio(asset, tmp_path, LIMITS).length_s == pytest.approx(2.0, abs=0.15)
    assert loud(read_samples(tmp_path / WAV), 0.1, 1.9) > 0.05
    frames = sample_frames(asset, tmp_path, FrameOptions(max_gap_s=600), LIMITS).frames
    assert frames[0].time_s == pytest.approx(3.0, abs=0.15)


@pytest.mark.parametrize(("name", "options"), [("a.ts", ["-output_ts_offset", 10]), ("a.mkv", [])])
def test_time_0_is_the_containers_start(tmp_path: Path, name: str, options: list[object]) -> None:
    path = tmp_path / name
    ffmpeg("-i", SAMPLE, "-t", 4, "-s", "160x90", *QUICK, "-g", 25, *options, path)
    asset = probed(path)
    assert (asset.media.start_s > 10) == bool(options)
    frames = sample_frames(asset, tmp_path, FrameOptions(duplicate_threshold=0), LIMITS).frames
    assert [frame.time_s for frame in frames] == [pytest.approx(n, abs=0.1) for n in range(4)]
    assert frames == read_frames(tmp_path)
    assert extract_audio(asset, tmp_path, LIMITS).length_s == pytest.approx(4.0, abs=0.15)
    assert loud(read_samples(tmp_path / WAV), 0, 4) > 0.01


def test_frames_are_a_whole_artifact(tmp_path: Path) -> None:
    path = tmp_path / "still.mp4"
    still = ["-f", "lavfi", "-i", "color=red:size=320x180:rate=5:duration=5"]
    ffmpeg(*still, *QUICK, path)
    made = tmp_path / "frames"
    made.mkdir()
    frames = sample_frames(probed(path), made, FrameOptions(max_side_px=64), LIMITS).frames
    assert len(frames) == 1, "the others are the same picture"
    assert sorted(file.name for file in made.iterdir()) == sorted([frames[0].image, FRAMES, SHOTS])


def test_sound_that_cannot_be_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    ffmpeg(*TONE, path)
    asset = probed(path)
    path.write_bytes(path.read_bytes()[:44])
    with pytest.raises(CorruptMedia, match="cannot be decoded"):
        extract_audio(asset, tmp_path, LIMITS)


# children

SLEEP = ["/bin/sh", "-c", "echo $$ > pid; exec sleep 600"]


def pid_of(directory: Path) -> int:
    eventually(lambda: (directory / "pid").exists() and (directory / "pid").read_text().endswith("\n"))
    return int((directory / "pid").read_text())


def test_a_child_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="more than 1 s to decode") as caught:
        run_child(SLEEP, cwd=tmp_path, limits=Limits(wall_s=1), file="/x.mp4")
    assert str(caught.value).startswith("/x.mp4: ")
    assert not psutil.pid_exists(pid_of(tmp_path))


def test_a_stopped_run_ends_its_child(tmp_path: Path) -> None:
    pids: list[int] = []

    def stop_when_it_runs() -> None:
        pids.append(pid_of(tmp_path))
        stop.request_stop()

    watcher = threading.Thread(target=stop_when_it_runs)
    watcher.start()
    with pytest.raises(Cancelled):
        run_child(SLEEP, cwd=tmp_path, limits=LIMITS, file="/x.mp4")
    watcher.join()
    assert not psutil.pid_exists(pids[0])


PARENT = """
import sys
from pathlib import Path
from medley.media.child import run_child
from medley.setting_groups import Limits
run_child(sys.argv[2:], cwd=Path(sys.argv[1]), limits=Limits(), file="/x.mp4")
"""


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path), *SLEEP], cwd=ROOT) as parent:
        child = psutil.Process(pid_of(tmp_path))
        parent.send_signal(signal.SIGKILL)
    eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_child_is_told_apart_by_what_it_leaves(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "echo out; echo err >&2; pwd; ulimit -v; ulimit -c; read line; exit 3"]
    result = run_child(command, cwd=tmp_path, limits=Limits(memory_mb=300), file="/x.mp4")
    assert (result.returncode, result.stderr) == (3, "err\n")
    assert result.stdout.splitlines() == ["out", str(tmp_path), str(300 * 1024), "0"], "its stdin is empty"


def test_of_a_talkative_child_the_end_is_kept(tmp_path: Path) -> None:
    code = "import os, sys; print('x' * 100_000, file=sys.stderr); print('last', file=sys.stderr); os.abort()"
    command = [sys.executable, "-c", code]
    result = run_child(command, cwd=tmp_path, limits=LIMITS, file="/x.mp4")
    assert result.returncode == -signal.SIGABRT
    assert len(result.stderr) < 20_000
    assert result.stderr == "last\n", "half a line says nothing"
