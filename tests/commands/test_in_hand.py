"""What people hold in their hands: choices of speech, what is said and where it is written, how a hit is played."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.commands.search import player_command
from flows.commands.summary import print_summary
from medley.models.base import Vectors
from medley.models.profiles import models_of
from medley.models.whisper import load
from medley.option_values import Profile
from medley.options import ModelOptions
from medley.report import ItemReport, RunReport
from tests.conftest import SAMPLE, Medley
from tests.variants import ffmpeg, first_seconds


@pytest.fixture
def two_tracks(tmp_path: Path) -> Path:
    """Ten seconds of the sample; its first sound track is silent (German), the second speaks (English)."""
    path = tmp_path / "two tracks.mkv"
    silence = ("-f", "lavfi", "-t", "10", "-i", "anullsrc=r=16000:cl=mono")
    maps = ("-map", "0:v", "-map", "1:a", "-map", "0:a", "-disposition:a:0", "default", "-disposition:a:1", "0")
    languages = ("-metadata:s:a:0", "language=ger", "-metadata:s:a:1", "language=eng")
    ffmpeg("-t", "10", "-i", SAMPLE, *silence, *maps, *languages, "-c:v", "libx264", path)
    return path


def test_sound_track_by_number_and_language(medley: Medley, two_tracks: Path) -> None:
    either = medley("video", two_tracks, "--json").report["items"][0]
    assert either["records"]["speech"] > 0
    assert "sound track 1 is silence; track 2 is heard" in either["notes"]
    silent = medley("video", two_tracks, "--speech.track", "1", "--json").report["items"][0]
    assert (silent["status"], silent["records"]["speech"]) == ("complete", 0)
    assert "its sound is silence" in silent["notes"]
    second = medley("video", two_tracks, "--speech.track", "2", "--json").report["items"][0]
    assert second["records"]["speech"] > 0
    states = {stage["name"]: stage["state"] for stage in second["stages"]}
    assert (states["sample_frames"], states["write_frames"]) == ("cached", "cached"), "pictures have no sound track"
    english = medley("video", two_tracks, "--speech.track", "eng", "--json").report["items"][0]
    assert english["records"] == second["records"]


def test_sound_track_that_is_not_there(medley: Medley, two_tracks: Path) -> None:
    answer = medley("video", two_tracks, "--speech.track", "fra", "--json")
    item = answer.report["items"][0]
    assert (answer.code, item["status"], item["records"]) == (
        1,
        "partial",
        {"frame": item["records"]["frame"], "ocr": 0},
    )
    assert (item["error"]["type"], item["error"]["stage"]) == ("UnsupportedMedia", "extract_audio")
    assert "two tracks.mkv: has no sound track fra, only 1 (ger), 2 (eng). " in item["error"]["message"]
    assert "--speech.track" in item["error"]["message"]


def test_language_that_the_model_does_not_know(medley: Medley, tmp_path: Path) -> None:
    first_seconds(SAMPLE, tmp_path / "clip.mp4", 4)
    item = medley("video", tmp_path / "clip.mp4", "--speech.language", "fr", "--json").report["items"][0]
    assert (item["status"], item["error"]["type"]) == ("partial", "SetupError")
    assert "demo/whisper does not know the language fr" in item["error"]["message"]


def test_task_that_is_none(medley: Medley) -> None:
    answer = medley("video", SAMPLE, "--speech.task", "sing")
    assert answer.code == 2
    assert "--speech.task sing" in answer.err
    assert "translate" in answer.err


def test_translating_is_another_transcript(medley: Medley, tmp_path: Path) -> None:
    first_seconds(SAMPLE, tmp_path / "clip.mp4", 4)
    medley("video", tmp_path / "clip.mp4")
    item = medley("video", tmp_path / "clip.mp4", "--speech.task", "translate", "--json").report["items"][0]
    states = {stage["name"]: stage["state"] for stage in item["stages"]}
    assert (item["status"], states["transcribe"], states["embed_frames"]) == ("complete", "completed", "cached")


class Recorded:
    """Stands before faster-whisper's pipeline, and notes the task."""

    def __init__(self, pipeline: Any) -> None:
        self.model, self._pipeline, self.tasks = pipeline.model, pipeline, []

    def transcribe(self, samples: Vectors, *, task: str, **more: Any) -> Any:
        self.tasks.append(task)
        return self._pipeline.transcribe(samples, task=task, **more)


def test_translating_is_what_the_model_is_asked_for() -> None:
    model = load(models_of(Profile.DEMO, ModelOptions()).speech, threads=1)
    asked = Recorded(model._pipeline)
    model._pipeline = asked
    silence = np.zeros(16_000, np.float32)
    for translate in (False, True):
        assert model.transcribe(silence, language="en", beam_size=1, translate=translate) == []
    assert asked.tasks == ["transcribe", "translate"]


def test_failed_run_names_its_log_and_the_log_says_why(
    medley: Medley, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_seconds(SAMPLE, tmp_path / "clip.mp4", 4)
    monkeypatch.setenv("MEDLEY_ALLOW_FAULTS", "1")
    monkeypatch.setenv("MEDLEY_FAULTS", '{"embed_frames": "CorruptMedia"}')
    answer = medley("video", tmp_path / "clip.mp4")
    assert answer.code == 1
    log = Path(answer.err.strip().splitlines()[-1].removeprefix("Log: "))
    written = log.read_text()
    assert "model {" in written
    assert "transcribe completed" in written
    assert "embed_frames failed" in written
    assert "fault set for tests in stage embed_frames" in written


def test_verbose_shows_the_log_and_quiet_only_what_went_wrong(medley: Medley, tmp_path: Path) -> None:
    first_seconds(SAMPLE, tmp_path / "clip.mp4", 4)
    loud = medley("video", tmp_path / "clip.mp4", "-v")
    assert "transcribe completed" in loud.err
    assert (loud.code, "Log:" in loud.err) == (0, False)
    quiet = medley("video", tmp_path / "clip.mp4", tmp_path / "missing.mp4", "-q")
    assert (quiet.code, quiet.out) == (1, "")
    assert "clip.mp4" not in quiet.err
    assert "missing.mp4" in quiet.err
    silent = medley("video", tmp_path / "clip.mp4", "-q")
    assert (silent.code, silent.out, silent.err) == (0, "", "")


def test_a_stopped_run_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    items = [ItemReport("a.mp4", "cancelled").to_dict()]
    print_summary(RunReport("id", "video", "cancelled", 1.0, 0.5, None, items), None)
    assert "The same command goes on from here" in capsys.readouterr().out


def test_hit_is_printed_with_a_command_that_plays_it(medley: Medley, tmp_path: Path) -> None:
    clip = tmp_path / "it's a clip.mp4"
    first_seconds(SAMPLE, clip, 4)
    medley("video", clip)
    found = medley("search", "a red circle", "--limit", "1").out
    command = shlex.split(found.splitlines()[-1])
    assert command[0] in ("mpv", "vlc", "ffplay")
    assert command[-1] == str(clip)


def test_player_that_is_installed_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert player_command("/a b.mp4", 12.34) == "mpv --start=12.3 -- '/a b.mp4'"
    (tmp_path / "vlc").write_text("")
    (tmp_path / "vlc").chmod(0o755)
    assert player_command("/a b.mp4", 12.34) == "vlc --start-time=12.3 '/a b.mp4'"
