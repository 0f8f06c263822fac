"""Pictures: what is read off them, and what is refused before anything runs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from flows.engine.run import RunContext
from flows.video import video
from medley.dag import registry
from medley.dag.drawing import as_mermaid, as_svg, as_text
from medley.dag.fingerprints import dag_fingerprints
from medley.dag.pipeline import Pipeline, pipeline
from medley.dag.registry import pipeline_at, pipeline_named, route
from medley.dag.stage import Stage, no_sound, stage
from medley.errors import PipelineError
from medley.models.profiles import models_of
from medley.option_values import Profile
from medley.options import FileOptions, ModelOptions, VideoOptions
from medley.types import Asset, MediaInfo
from tasks.frames import embed_frames, sample_frames, write_frames
from tasks.speech import chunk, embed_text, extract_audio, transcribe, write_speech
from tests.conftest import ROOT


@stage(takes="assets", makes="one")
def first(source: Any, draft: Any, context: Any) -> None:
    """The first one."""


@stage(takes="assets", makes="other", skips=no_sound)
def second(source: Any, draft: Any, context: Any) -> None:
    """The second one."""


@stage(takes=("one", "other"))
def join(one: Any, other: Any, draft: Any, context: Any) -> None:
    """What both say."""


def made(picture: Any) -> Pipeline:
    return pipeline(options=VideoOptions, media=("video/*",))(picture)


def refused(picture: Any) -> str:
    with pytest.raises(PipelineError) as error:
        made(picture).dag(VideoOptions())
    return str(error.value)


def test_two_stages_that_have_changed_places_are_refused() -> None:
    def broken(assets: Any, options: Any) -> None:
        write_speech(embed_text(transcribe(chunk(extract_audio(assets)))))

    assert "pipeline broken does not fit together: chunk takes transcript, and extract_audio gives sound" in refused(
        broken
    )


def test_two_lines_that_have_changed_places_are_refused() -> None:
    def broken(assets: Any, options: Any) -> None:
        pictures = embed_frames(frames)  # type: ignore[used-before-def]  # noqa: F821
        frames = sample_frames(assets)  # noqa: F841
        write_frames(pictures)

    assert "pipeline broken uses what it has not made yet" in refused(broken)


@pytest.mark.parametrize("left_out", ["transcribe", "chunk", "embed_text", "write_speech"])
def test_a_stage_that_is_left_out_is_refused(left_out: str) -> None:
    def broken(assets: Any, options: Any) -> None:
        node = assets
        for one in (extract_audio, transcribe, chunk, embed_text, write_speech):
            node = node if one.name == left_out else one(node)

    assert "pipeline broken" in (told := refused(broken))
    assert "does not fit together" in told or "ends too early: no stage reads the vectors of embed_text" in told


def test_a_name_that_is_there_twice_is_refused() -> None:
    def broken(assets: Any, options: Any) -> None:
        sample_frames(assets)
        sample_frames(assets)

    assert "has two stages of the name sample_frames" in refused(broken)


def test_what_is_no_picture_is_refused() -> None:
    assert "has no stages" in refused(lambda assets, options: None)
    assert "places first behind nothing" in refused(lambda assets, options: first())
    assert "something that no stage has made: 'a file'" in refused(lambda assets, options: first("a file"))
    with pytest.raises(TypeError, match="called within a pipeline's picture"):
        first()


def test_branches_may_join() -> None:
    def forked(assets: Any, options: Any) -> None:
        join(first(assets), second(assets))

    dag = made(forked).dag(VideoOptions())
    assert dag["join"].after == ("first", "second")
    assert dag.branches_without(["second"]) == {"second", "join"}
    known = dag_fingerprints(dag, VideoOptions(profile=Profile.DEMO), models_of(Profile.DEMO, ModelOptions()))
    assert len(set(known.values())) == 3


def test_a_pipeline_goes_on_where_another_one_ends() -> None:
    @stage(takes="transcript")
    def count_words(transcript: Any, draft: Any, context: Any) -> None:
        """How many words there are."""

    def counted(assets: Any, options: Any) -> None:
        count_words(video(assets, options)["transcribe"])

    dag = made(counted).dag(VideoOptions())
    assert list(dag) == [*video.dag(VideoOptions()), "count_words"]
    assert dag["count_words"].after == ("transcribe",)


def test_a_stage_is_done_where_its_only_reader_is() -> None:
    dag = video.dag(VideoOptions())
    assert dag.reader_of_transient("extract_audio") == "transcribe"
    assert dag.reader_of_transient("transcribe") is None

    def greedy(assets: Any, options: Any) -> None:
        sound = extract_audio(assets)
        write_speech(embed_text(chunk(transcribe(sound))))
        Stage(name="measure", work=first.work)(sound)

    assert "drops what extract_audio makes, which 2 stages read" in refused(greedy)


@pytest.mark.parametrize("reference", ["nowhere:x", "medley.types:Row", "flows.video:nothing", "video"])
def test_what_is_no_pipeline_is_said(reference: str) -> None:
    if reference == "video":
        assert pipeline_named("video") is video
        return
    with pytest.raises(PipelineError):
        pipeline_at(reference)


def test_the_working_directory_is_on_the_path_only_for_a_module_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text((ROOT / "examples" / "audio.py").read_text())
    script = (
        "import os, sys; from medley.dag.registry import pipeline_named\n"
        "pipeline_named('video'); print(os.getcwd() in sys.path)\n"
        "print(pipeline_named('own:audio').name, os.getcwd() in sys.path)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "False\naudio True\n", done.stderr


def test_files_go_where_routes_say_else_to_ours() -> None:
    assert route("audio/mpeg", {}) is video
    found = route("audio/mpeg", {"audio/*": "image"})
    assert found
    assert found.name == "image"
    assert route("application/x-elf", {}) is None


def test_one_name_for_two_pipelines_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    two = [EntryPoint("video", where, registry.GROUP) for where in ("flows.video:video", "elsewhere:video")]
    monkeypatch.setattr(registry, "entry_points", lambda group: two)
    registry._entry_points.cache_clear()
    try:
        with pytest.raises(PipelineError, match="two packages have a pipeline video"):
            registry.names()
    finally:
        registry._entry_points.cache_clear()


def test_a_picture_is_drawn_as_it_is() -> None:
    dag = video.dag(VideoOptions())
    assert as_text(dag).splitlines() == [
        "assets -> extract_audio -> transcribe -> chunk -> embed_text -> write_speech",
        "assets -> read_subtitles -> chunk_subtitles -> embed_subtitles -> write_subtitles",
        "assets -> sample_frames -> embed_frames -> write_frames",
        "sample_frames -> read_frames -> chunk_screens -> embed_screens -> write_screens",
        "assets -> read_chapters -> embed_chapters -> write_chapters",
    ]
    assert "  transcribe --> chunk[chunk]" in as_mermaid(dag).splitlines()
    texts = [node.text for node in ElementTree.fromstring(as_svg(dag)).iter() if node.text and node.text.strip()]
    assert texts == ["assets", *dag]


def test_pictures_load_neither_prefect_nor_ray_nor_models() -> None:
    script = "import sys, medley.pipelines, flows.video, flows.pdf, flows.image; print(sorted({'prefect', 'ray', 'torch', 'pymilvus'} & set(sys.modules)))"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_options_of_a_pipeline_are_fields_of_one_class() -> None:
    assert issubclass(video.options, FileOptions)
    assert video.doc == "Makes videos searchable by what is said, seen and written on their pictures."


def test_models_that_are_seldom_asked_are_not_loaded_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    models = models_of(Profile.DEMO, ModelOptions())
    started: list[str] = []
    monkeypatch.setattr("flows.engine.run.pool_for", lambda model, run: started.append(model.kind))
    host = SimpleNamespace(task_host=SimpleNamespace(start=lambda modules: None))
    monkeypatch.setitem(sys.modules, "flows.services.ray_task_host", host)
    media = MediaInfo("mov", "video/mp4", audio_stream=0, video_stream=1)
    opened: Any = SimpleNamespace(
        pipeline=video,
        run=SimpleNamespace(dag=video.dag(VideoOptions())),
        first=Asset("a" * 64, "/a.mp4", 1, media),
        models=[models.speech, models.vision, models.text, models.ocr],
    )
    RunContext.on_ray_up(opened)
    assert started == ["speech", "vision", "text"]
