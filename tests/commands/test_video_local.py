"""The video command in this process: results, state, bad input, faults, export, search."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from medley.artifacts import MANIFEST, ArtifactStore
from medley.catalog import Catalog, open_catalog
from medley.catalog.tables import outcomes, stages
from medley.dag.fingerprints import fingerprints
from medley.models.profiles import models_of
from medley.option_values import Profile
from medley.options import ModelOptions, VideoOptions
from medley.settings import Settings, load_settings
from medley.sources.identify import identify
from medley.system.stop import request_stop
from tests.conftest import SAMPLE, Medley
from tests.variants import first_seconds, without_index, without_picture, without_sound
from tests.world.score import hit_in_scene, starts_matched, word_error_rate
from tests.world.truth import VideoTruth
from tests.world.videos import make_video

SPEECH = ["extract_audio", "transcribe", "chunk", "embed_text", "write_speech"]
SCREENS = ["read_frames", "chunk_screens", "embed_screens", "write_screens"]
WRITTEN = ["read_subtitles", "chunk_subtitles", "embed_subtitles", "write_subtitles"]
WRITTEN += ["read_chapters", "embed_chapters", "write_chapters"]
FRAMES = ["sample_frames", "embed_frames", "write_frames", *SCREENS]


def words_of(exported: Path) -> list[tuple[str, float]]:
    found = json.loads(exported.read_text())
    return [(word["text"], word["start_s"]) for segment in found["segments"] for word in segment["words"]]


def states(item: dict[str, Any]) -> dict[str, str]:
    """Of the stages that have something to do in the sample, which has neither subtitles nor chapters."""
    found = {stage["name"]: stage["state"] for stage in item["stages"]}
    assert all(found.pop(name, "skipped") == "skipped" for name in WRITTEN)
    return found


def assert_meaning(medley: Medley, video: Path, truth: VideoTruth, exported: Path) -> tuple[float, float]:
    """Returns word error rate and share of caption queries whose first hit is right."""
    words = words_of(exported)
    assert starts_matched(truth.sentences, words) >= 0.9
    right = 0
    for scene in truth.scenes:
        hit = medley("search", scene.caption, "--modality", "frame", "--json").report["hits"][0]
        assert hit["path"] == str(video)
        right += hit_in_scene(hit["start_s"], scene.caption, truth)
    return word_error_rate(truth.text, " ".join(text for text, _ in words)), right / len(truth.scenes)


def test_sample_is_found_by_what_is_said_and_seen(medley: Medley, tmp_path: Path, sample_truth: VideoTruth) -> None:
    answer = medley("video", SAMPLE, "--json", "--export", tmp_path / "out")
    assert answer.code == 0, answer.err
    item = answer.report["items"][0]
    assert states(item) == dict.fromkeys(SPEECH + FRAMES, "completed")
    error_rate, found = assert_meaning(medley, SAMPLE, sample_truth, tmp_path / "out" / "sample.json")
    assert error_rate <= 0.08
    assert found >= 0.9

    spoken = medley("search", "welcome to the museum", "--json").report["hits"][0]
    assert (spoken["modality"], spoken["path"]) == ("speech", str(SAMPLE))
    assert spoken["start_s"] < 2 < spoken["end_s"]
    seen = medley("search", "an orange star", "--json").report["hits"][0]
    assert seen["modality"] == "frame"
    assert hit_in_scene(seen["start_s"], "an orange star", sample_truth)
    assert Path(seen["thumbnail"]).is_file()
    assert (tmp_path / "out" / "sample.srt").read_text().startswith("1\n00:00:0")
    assert (tmp_path / "out" / "sample.vtt").read_text().startswith("WEBVTT\n\n00:00:0")


@pytest.mark.whole  # make test-hard has it
@pytest.mark.synthesisers
def test_fresh_media_of_the_world(medley: Medley, tmp_path: Path) -> None:
    rates = []
    for seed in (1, 2, 3):
        video = tmp_path / f"fresh{seed}.mp4"
        truth = make_video(video, seed=seed, seconds=40, silent=(12.0, 20.0))
        assert medley("video", video, "--export", tmp_path / "out").code == 0
        error_rate, found = assert_meaning_of_one(medley, video, truth, tmp_path / "out" / f"fresh{seed}.json")
        rates.append(error_rate)
        assert found >= 0.9
    assert sum(rates) / len(rates) <= 0.12


def assert_meaning_of_one(medley: Medley, video: Path, truth: VideoTruth, exported: Path) -> tuple[float, float]:
    """Captions repeat between videos, so a hit in another video of the same caption counts as neither."""
    words = words_of(exported)
    assert starts_matched(truth.sentences, words) >= 0.9
    right = 0
    for scene in truth.scenes:
        hits = medley("search", scene.caption, "--modality", "frame", "--limit", 50, "--json").report["hits"]
        own = next(hit for hit in hits if hit["path"] == str(video))
        right += hit_in_scene(own["start_s"], scene.caption, truth)
    return word_error_rate(truth.text, " ".join(text for text, _ in words)), right / len(truth.scenes)


def test_unchanged_force_and_manifests(medley: Medley, home: Path, tmp_path: Path) -> None:
    video = tmp_path / "talk.mp4"
    shutil.copy(SAMPLE, video)
    assert medley("video", video).code == 0
    again = medley("video", video, "--json").report
    assert again["prefect_url"] is None
    assert (again["items"][0]["status"], again["items"][0]["stages"]) == ("unchanged", [])
    assert again["items"][0]["records"]["frame"] == 10

    chunks = next((home / "artifacts").glob("*/*/chunk/*/chunks.json"))
    chunks.unlink()
    asset = chunks.parents[2]
    (next((asset / "write_speech").glob("*")) / MANIFEST).unlink()
    mended = states(medley("video", video, "--json").report["items"][0])
    assert mended == dict.fromkeys(SPEECH + FRAMES, "cached") | {"chunk": "completed", "write_speech": "completed"}

    forced = states(medley("video", video, "--force", "--json").report["items"][0])
    assert forced == dict.fromkeys(SPEECH + FRAMES, "completed")
    assert not list(home.glob("artifacts/*/*/extract_audio/*"))  # the WAV is gone

    other = states(medley("video", video, "--chunks.max_words", 5, "--json").report["items"][0])
    redone = {"chunk", "embed_text", "write_speech"}
    assert other == {stage: "completed" if stage in redone else "cached" for stage in SPEECH + FRAMES}


def write_bad_files(directory: Path) -> dict[str, str]:
    """Bad files by name, with the error that each must end in; one of them does not exist."""
    content = {
        "empty.mp4": (b"", "CorruptMedia"),
        "text.mp4": (b"just a text\n" * 50, "UnsupportedMedia"),
        "list.mp4": (f"#EXTM3U\n#EXTINF:5,\nfile://{SAMPLE}\n".encode(), "UnsupportedMedia"),
        "script.mp4": (f"ffconcat version 1.0\nfile '{SAMPLE}'\n".encode(), "UnsupportedMedia"),
        "cut.mp4": (without_index(SAMPLE), "CorruptMedia"),
    }
    for name, (data, _) in content.items():
        (directory / name).write_bytes(data)
    (directory / "folder.mp4").mkdir()
    expected = {name: kind for name, (_, kind) in content.items()}
    return expected | {"missing.mp4": "MissingFile", "folder.mp4": "MissingFile"}


def test_bad_input_is_named_and_neighbours_complete(
    medley: Medley, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good = "-x %d 'ü.mp4"
    shutil.copy(SAMPLE, good)
    shutil.copy(SAMPLE, "twin.mp4")
    without_sound(SAMPLE, Path("silent.mp4"))
    without_picture(SAMPLE, Path("sound.m4a"))
    bad = write_bad_files(tmp_path)
    answer = medley("video", "--json", *bad, "silent.mp4", "sound.m4a", "--", good, "twin.mp4")
    items = {item["path"]: item for item in answer.report["items"]}
    assert (answer.code, answer.report["status"], "Traceback" in answer.err) == (1, "partial", False)
    assert {items[name]["status"] for name in (good, "silent.mp4", "sound.m4a")} == {"complete"}
    assert (items["twin.mp4"]["status"], items["twin.mp4"]["duplicate_of"]) == ("unchanged", good)
    for name, kind in bad.items():
        error = items[name]["error"]
        assert (items[name]["status"], error["type"], "\n" in error["message"]) == ("failed", kind, False)
        assert name in error["message"], "names the file"

    again = medley("video", "--json", *bad, "--", good, "twin.mp4").report
    assert [item["status"] for item in again["items"]] == ["failed"] * len(bad) + ["unchanged", "unchanged"]
    assert again["prefect_url"] is None
    listed = medley("status", "--failed", "--json").report["items"]
    assert {Path(item["path"]).name for item in listed} == set(bad)


def test_streams_that_are_not_there(medley: Medley, tmp_path: Path) -> None:
    silent, sound = tmp_path / "silent.mp4", tmp_path / "sound.m4a"
    without_sound(SAMPLE, silent)
    without_picture(SAMPLE, sound)
    items = medley("video", silent, sound, "--json").report["items"]
    assert [item["status"] for item in items] == ["complete", "complete"]
    assert states(items[0]) == dict.fromkeys(SPEECH, "skipped") | dict.fromkeys(FRAMES, "completed")
    assert states(items[1]) == dict.fromkeys(SPEECH, "completed") | dict.fromkeys(FRAMES, "skipped")
    assert items[1]["media_type"] == "audio/mp4"
    again = medley("video", silent, sound, "--json").report["items"]
    assert [item["status"] for item in again] == ["unchanged", "unchanged"]


def test_a_dead_branch_makes_the_item_partial(medley: Medley, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLEY_FAULTS", '{"embed_frames": "CorruptMedia"}')
    refused = medley("video", SAMPLE)
    assert (refused.code, "MEDLEY_ALLOW_FAULTS" in refused.err) == (2, True)

    monkeypatch.setenv("MEDLEY_ALLOW_FAULTS", "1")
    answer = medley("video", SAMPLE, "--json")
    item = answer.report["items"][0]
    assert (answer.code, item["status"], item["records"]) == (
        1,
        "partial",
        {"speech": item["records"]["speech"], "ocr": 1},
    )
    assert (item["error"]["type"], item["error"]["stage"]) == ("CorruptMedia", "embed_frames")
    done = dict.fromkeys(["sample_frames", *SPEECH, *SCREENS], "completed")
    assert states(item) == done | {"embed_frames": "failed"}
    assert medley("search", "welcome to the museum", "--json").report["hits"][0]["modality"] == "speech"

    remembered = medley("video", SAMPLE, "--json").report["items"][0]
    assert (remembered["status"], remembered["stages"]) == ("partial", [])
    monkeypatch.delenv("MEDLEY_FAULTS")
    assert medley("video", SAMPLE, "--force", "--json").report["items"][0]["status"] == "complete"


def test_transient_faults_are_retried(medley: Medley, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLEY_FAULTS", '{"chunk": "StoreUnavailable"}')
    monkeypatch.setenv("MEDLEY_ALLOW_FAULTS", "1")
    item = medley("video", SAMPLE, "--json").report["items"][0]
    failed = next(stage for stage in item["stages"] if stage["state"] == "failed")
    assert (failed["name"], failed["attempts"]) == ("chunk", 3)
    monkeypatch.delenv("MEDLEY_FAULTS")
    mended = medley("video", SAMPLE, "--json").report["items"][0]
    assert (mended["status"], states(mended)["transcribe"]) == ("complete", "cached")


def test_new_content_replaces_the_old(medley: Medley, tmp_path: Path) -> None:
    video = tmp_path / "talk.mp4"
    shutil.copy(SAMPLE, video)
    assert medley("video", video).code == 0
    first_seconds(SAMPLE, video, 9)
    old = time.time() - 60
    os.utime(video, (old, old))
    assert medley("video", video, "--json").report["items"][0]["records"]["frame"] == 2
    hits = medley("search", "a brown cross", "--modality", "frame", "--json").report["hits"]
    assert all(hit["start_s"] < 9 and hit["path"] == str(video) for hit in hits)
    catalog = open_catalog(load_settings())
    with catalog.engine.connect() as connection:
        assert len(connection.execute(outcomes.select()).all()) == 1
        assert connection.execute(stages.select()).all()


def test_a_file_from_the_future(medley: Medley, tmp_path: Path) -> None:
    """The clock was set back: it is read again each time, and known by its content."""
    clip, tomorrow = tmp_path / "clip.mp4", time.time() + 86_400
    first_seconds(SAMPLE, clip, 4)
    os.utime(clip, (tomorrow, tomorrow))
    assert medley("video", clip).code == 0
    item = medley("video", clip, "--json").report["items"][0]
    assert (item["status"], item["stages"]) == ("unchanged", [])


def test_usage_and_setup_errors_touch_nothing(medley: Medley, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert medley().code == 2
    assert medley("vidoe").code == 2
    assert "--frames.interval_s" in medley("video", SAMPLE, "--frames.interval_s", "0").err
    unavailable = medley("video", SAMPLE, "--models.speech", tmp_path)
    assert (unavailable.code, "model.bin" in unavailable.err) == (2, True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub = medley("video", SAMPLE, "--profile", "cpu")
    assert hub.code == 2
    assert "--profile demo" in hub.err
    assert len(hub.err.strip().splitlines()) == 1
    monkeypatch.setenv("MEDLEY_STORE__URI", "http://127.0.0.1:9")
    away = medley("video", SAMPLE)
    assert (away.code, "MEDLEY_STORE__URI" in away.err) == (2, True)
    assert medley("status", "--json").report["items"][0]["status"] == "pending"


def test_cancelling_leaves_what_another_run_holds_alone(
    medley: Medley, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = open_catalog(settings)
    catalog.begin_run("other", "video", "demo")
    asset = identify(str(SAMPLE), "video", catalog, settings.limits, settings.spool)
    assert catalog.claim([asset.asset_id], "other")
    models = models_of(Profile.DEMO, ModelOptions())
    fingerprint = fingerprints("video", VideoOptions(), models)["extract_audio"]
    with ArtifactStore(settings.artifact_root).create(asset.asset_id, "extract_audio", fingerprint, "other") as draft:
        (draft.directory / "audio.wav").write_bytes(b"the other run reads it")
    claim = Catalog.claim

    def stop_once_refused(self: Catalog, assets: Collection[str], run: str) -> set[str]:
        if not (claimed := claim(self, assets, run)):
            request_stop()
        return claimed

    monkeypatch.setattr(Catalog, "claim", stop_once_refused)
    item = medley("video", SAMPLE, "--json").report["items"][0]
    assert (item["status"], item["stages"]) == ("cancelled", [])
    assert catalog.outcome(asset.asset_id, "video") is None
    assert ArtifactStore(settings.artifact_root).find(asset.asset_id, "extract_audio", fingerprint)
