"""Fingerprints: what changes them, and what stays."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from medley.dag.fingerprints import fingerprints, plan_fingerprint
from medley.dag.registry import pipeline_named
from medley.models.base import spec_from_json
from medley.models.profiles import Models, models_of
from medley.option_values import Profile
from medley.options import (
    CaptionOptions,
    ChunkOptions,
    FileOptions,
    ImageOptions,
    ModelOptions,
    PdfOptions,
    PictureOptions,
    VideoOptions,
)
from medley.planning import plan_contents, wanted_stages

OPTIONS = VideoOptions(profile=Profile.DEMO)
MODELS = models_of(Profile.DEMO, ModelOptions())
SPEECH = {"transcribe", "chunk", "embed_text", "write_speech"}
CUES = {"chunk_subtitles", "embed_subtitles", "write_subtitles"}
SUBTITLES = CUES | {"read_subtitles"}
CHAPTERS = {"read_chapters", "embed_chapters", "write_chapters"}
CHUNKS = {"chunk", "embed_text", "write_speech"} | CUES
SCREENS = {"read_frames", "chunk_screens", "embed_screens", "write_screens"}
PASSAGES = SCREENS - {"read_frames"}
TITLES = {"embed_subtitles", "write_subtitles", "embed_chapters", "write_chapters"}
FRAMES = {"sample_frames", "embed_frames", "write_frames"} | SCREENS


def changed(options: VideoOptions = OPTIONS, models: Models = MODELS) -> set[str]:
    """Stages whose fingerprint is another than with the plain options and models."""
    before, after = fingerprints("video", OPTIONS, MODELS), fingerprints("video", options, models)
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def test_one_for_each_stage_and_none_twice() -> None:
    known = fingerprints("video", OPTIONS, MODELS)
    dag = pipeline_named("video").dag(OPTIONS)
    assert list(known) == list(dag)
    assert len(set(known.values())) == len(dag)
    assert all(len(value) == 32 and int(value, 16) >= 0 for value in known.values())


@pytest.mark.parametrize("seed", ["1", "2"])
def test_same_in_every_process(seed: str) -> None:
    script = (
        "from medley.models.profiles import models_of\n"
        "from medley.options import *\n"
        "from medley.dag.fingerprints import fingerprints\n"
        "print(fingerprints('video', VideoOptions(profile='demo'), models_of(Profile.DEMO, ModelOptions())))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env={"PYTHONHASHSEED": seed})
    assert done.stdout.strip() == str(fingerprints("video", OPTIONS, MODELS)), done.stderr


OTHER: list[tuple[str, str, Any, set[str]]] = [
    ("speech", "track", "2", {"extract_audio", *SPEECH}),
    ("speech", "language", "de", SPEECH),
    ("speech", "task", "translate", SPEECH),
    ("speech", "beam_size", 1, SPEECH),
    ("chunks", "max_words", 5, CHUNKS),
    ("chunks", "max_s", 5.0, CHUNKS),
    ("chunks", "max_pause_s", 0.5, CHUNKS),
    ("speech", "subtitles", "beside", SUBTITLES),
    ("speech", "subtitle_track", "2", SUBTITLES),
    ("frames", "interval_s", 2.0, FRAMES),
    ("frames", "max_gap_s", 4.0, FRAMES),
    ("frames", "max_side_px", 640, FRAMES),
    ("frames", "duplicate_threshold", 1.0, FRAMES),
    ("frames", "shots", "rough", FRAMES),
    ("frames", "track", "2", FRAMES),
    ("frames", "ocr", "always", SCREENS),
    ("passages", "max_tokens", 40, PASSAGES),
    ("passages", "overlap", 0.2, PASSAGES),
]


@pytest.mark.parametrize(("group", "name", "value", "expected"), OTHER)
def test_another_option_changes_what_depends_on_it(group: str, name: str, value: Any, expected: set[str]) -> None:
    options = VideoOptions.model_validate({"profile": "demo", group: {name: value}})
    assert changed(options) == expected


def test_every_option_is_tried_above() -> None:
    groups = {"speech", "chunks", "frames", "passages"}
    known = {(group, name) for group in groups for name in type(getattr(OPTIONS, group)).model_fields}
    assert {(group, name) for group, name, _, _ in OTHER} == known - {
        ("speech", "speakers"),
        ("speech", "topics"),
        ("speech", "titles"),
        ("frames", "captions"),
    }


def test_speakers_need_no_new_transcript() -> None:
    options = VideoOptions.model_validate({"profile": "demo", "speech": {"speakers": True}})
    before, after = fingerprints("video", OPTIONS, MODELS), fingerprints("video", options, MODELS)
    assert after.keys() - before.keys() == {"find_speakers", "write_speakers", "chunk_by_speaker"}
    same = {name for name in before if before[name] == after.get(name)}
    assert before.keys() - same == {"chunk", "embed_text", "write_speech"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("speech", SPEECH),
        ("text", {"embed_text", "write_speech"} | PASSAGES | TITLES),
        ("vision", {"embed_frames", "write_frames"}),
        ("ocr", SCREENS),
    ],
)
@pytest.mark.parametrize("what", ["id", "revision", "compute_type"])
def test_another_model_changes_what_depends_on_it(kind: str, expected: set[str], what: str) -> None:
    other = replace(getattr(MODELS, kind), **{what: "another"})
    assert changed(models=replace(MODELS, **{kind: other})) == expected


def test_device_and_profile_name_change_nothing() -> None:
    assert changed(models=models_of(Profile.DEMO, ModelOptions(), "cuda")) == set()
    assert changed(VideoOptions(profile=Profile.CPU)) == set()


def test_every_other_field_of_a_model_counts() -> None:
    spec = MODELS.vision
    for name in ("loader", "id", "revision", "compute_type", "resize_mode"):
        assert replace(spec, **{name: "another"}).fingerprint != spec.fingerprint, name
    assert replace(spec, chunk_length_s=7).fingerprint != spec.fingerprint
    assert replace(spec, device="cuda").fingerprint == spec.fingerprint


def test_model_specification_there_and_back() -> None:
    assert spec_from_json(MODELS.text.to_json()) == MODELS.text
    for wrong in ('{"kind": "text"}', "not json", '{"what": 1}'):
        with pytest.raises(ValueError, match=r"not a model specification|Expecting value"):
            spec_from_json(wrong)


def test_plan_stands_for_all_stages() -> None:
    known = fingerprints("video", OPTIONS, MODELS)
    plan = plan_fingerprint(known)
    assert plan == plan_fingerprint(dict(reversed(known.items())))
    for name in known:
        assert plan_fingerprint({**known, name: "0" * 32}) != plan


EVERYTHING = {
    "video": VideoOptions(),
    "pdf": PdfOptions(captions=CaptionOptions(model="m")),
    "image": ImageOptions(captions=CaptionOptions(model="m"), pictures=PictureOptions(ocr=True)),
}


@pytest.mark.parametrize("name", EVERYTHING)
def test_branches_are_chains_that_end_in_their_write(name: str) -> None:
    dag = pipeline_named(name).dag(EVERYTHING[name])
    for branch in {stage.branch for stage in dag.values()}:
        chain = [stage for stage in dag.values() if stage.branch == branch]
        elsewhere = {None, *(stage.name for stage in dag.values() if stage.branch != branch)}
        assert set(chain[0].inputs) <= elsewhere
        assert [stage.after for stage in chain[1:]] == [(stage.name,) for stage in chain[:-1]]
        assert [stage.writes for stage in chain] == [False] * (len(chain) - 1) + [True]


SOUND = SPEECH | {"extract_audio"}


@pytest.mark.parametrize(("stream", "missing"), [("audio_stream", SOUND), ("video_stream", FRAMES)])
def test_a_stage_says_itself_which_stream_it_needs(stream: str, missing: set[str]) -> None:
    dag = pipeline_named("video").dag(OPTIONS)
    streams: dict[str, Any] = {"audio_stream": 0, "video_stream": 1, "texts": (), "chapters": ()} | {stream: None}
    asset: Any = SimpleNamespace(media=SimpleNamespace(**streams))
    run: Any = SimpleNamespace(dag=dag)
    assert {stage.name for stage in wanted_stages(asset, run)} == set(dag) - missing - SUBTITLES - CHAPTERS


def test_a_plan_notes_options_outside_of_groups_and_no_secrets() -> None:
    class Own(FileOptions):
        most: int = 3
        since: tuple[int, ...] = (1, 2)
        key: SecretStr | None = SecretStr("hidden")
        chunks: ChunkOptions = ChunkOptions()

    told = plan_contents(Own(profile=Profile.DEMO, tags=("mine",)), [])["options"]
    grouped = {f"chunks.{name}": value for name, value in ChunkOptions().model_dump().items()}
    assert told == {"most": 3, "since": [1, 2], **grouped}
