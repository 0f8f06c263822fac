"""Captions, and text embeddings from a server that speaks OpenAI's protocol; what is written on pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from medley.models.base import ModelSpec, load_model
from tests.conftest import Medley
from tests.documents import pdf, picture, placed, text
from tests.openai_server import Served, colour, openai_server
from tests.tiny_vlm import tiny_vlm
from tests.variants import ffmpeg

CHAT, EMBED = "/v1/chat/completions", "/v1/embeddings"


@pytest.fixture
def served(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server of captions."""
    with openai_server() as found:
        monkeypatch.setenv("MEDLEY_CAPTIONER__BASE_URL", found.url)
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A red picture, a blue one, and a document with a green one."""
    made = tmp_path / "in"
    made.mkdir()
    picture(colour="red").save(made / "red.png")
    picture(colour="blue").save(made / "blue.png")
    written = text((72, 100, "Purple elephants dance."))
    pdf(made / "page.pdf", written, placed(picture(colour="green"), 100, 100, 200, 150))
    return made


def items(answer: Any) -> dict[str, dict[str, Any]]:
    return {Path(item["path"]).name: item for item in answer.report["items"]}


def test_a_frame_of_each_shot_is_described(medley: Medley, tmp_path: Path, served: Served) -> None:
    inputs: list[object] = []
    for colour_of in ("red", "blue"):
        inputs += [
            "-f",
            "lavfi",
            "-t",
            3,
            "-i",
            f"color={colour_of}:size=320x180:rate=10,drawbox=20:20:30:30:black:fill",
        ]
    ffmpeg(*inputs, "-filter_complex", "concat=2", tmp_path / "a.mp4")
    asked = ("video", tmp_path / "a.mp4", "--captions.model", "looker", "--json")
    assert "caption" not in medley(*asked).report["items"][0]["records"]
    assert not served.asked
    item = medley(*asked, "--frames.captions", "true").report["items"][0]
    assert (item["status"], item["records"]["caption"], len(served.asked)) == ("complete", 2, 2)
    [hit] = medley("search", "a blue shape", "--modality", "caption", "--limit", "1", "--json").report["hits"]
    assert (hit["start_s"], round(hit["end_s"]), hit["text"]) == (3.0, 6, "A blue shape, zanzibar.")


def test_captions_know_what_is_said_meanwhile(medley: Medley, tmp_path: Path, served: Served) -> None:
    for n, name in enumerate(("told", "mute")):
        shown = f"color=red:size=320x180:rate=10:duration={6 + n},drawbox=20:20:30:30:black:fill"
        ffmpeg("-f", "lavfi", "-i", shown, tmp_path / f"{name}.mp4")
    (tmp_path / "told.srt").write_text("1\n00:00:01,000 --> 00:00:04,000\nThis is the harbour of Zorn.\n")
    options = ("--captions.model", "looker", "--frames.captions", "true", "--captions.words", "true", "--json")
    found = medley("video", tmp_path / "told.mp4", tmp_path / "mute.mp4", *options).report["items"]
    assert [(item["status"], item["records"]["caption"]) for item in found] == [("complete", 1)] * 2
    asked = [request["messages"][0]["content"][0]["text"] for _, request in served.asked]
    assert sum("Meanwhile somebody says: This is the harbour of Zorn." in text for text in asked) == 1
    assert len(asked) == 2, "a video in which nobody speaks is described, too"


def test_pictures_and_figures_are_found_by_their_captions(medley: Medley, folder: Path, served: Served) -> None:
    asked = ("ingest", folder, "--captions.model", "looker", "--captions.prompt", "What is it?", "--json")
    found = items(medley(*asked))
    assert {name: item["records"] for name, item in found.items()} == {
        "red.png": {"image": 1, "caption": 1},
        "blue.png": {"image": 1, "caption": 1},
        "page.pdf": {"page": 1, "image": 1, "caption": 1},
    }
    _, request = served.asked[0]
    assert (request["model"], request["messages"][0]["content"][0]["text"]) == ("looker", "What is it?")
    [hit] = medley("search", "a green zanzibar", "--modality", "caption", "--limit", "1", "--json").report["hits"]
    assert (Path(hit["path"]).name, hit["modality"], hit["page"]) == ("page.pdf", "caption", 2)
    assert hit["text"] == "A green shape, zanzibar.", "what it thought is no part of it"
    assert Path(hit["thumbnail"]).is_file()

    served.asked.clear()
    again = items(medley(*asked))
    assert {item["status"] for item in again.values()} == {"unchanged"}
    assert not served.asked
    without = items(medley("ingest", folder, "--json"))
    assert not {stage["state"] for item in without.values() for stage in item["stages"]} - {"cached"}
    assert not served.asked, "off by default"


def test_tokens_are_counted_foreseen_and_limited(medley: Medley, folder: Path, served: Served) -> None:
    options = ("--captions.model", "looker")
    [item] = medley("image", folder / "red.png", *options, "--json").report["items"]
    assert {stage["name"]: stage["tokens"] for stage in item["stages"] if stage["tokens"]} == {"caption": 912}
    foreseen = medley("plan", folder / "blue.png", *options, "--json").report["totals"]["seconds_by_stage"]["caption"]
    assert 450 < foreseen["tokens"] < 1900, "by the size of the file"
    assert "tokens of models behind servers" in medley("plan", folder / "blue.png", *options).out

    for n in range(8):
        picture((100 + n, 100), "green").save(folder / f"{n}.png")
    served.asked.clear()
    report = medley("ingest", folder, *options, "--budget", "3000tokens", "--json").report
    states = [item["status"] for item in report["items"]]
    assert states.count("pending") > 0
    assert served.asked, "the first files were begun"
    again = medley("ingest", folder, *options, "--json").report
    assert {item["status"] for item in again["items"]} <= {"complete", "unchanged"}


def test_another_prompt_leaves_everything_but_captions_alone(medley: Medley, folder: Path, served: Served) -> None:
    asked = ("image", folder / "red.png", "--captions.model", "looker", "--json")
    assert medley(*asked).code == 0
    [item] = medley(*asked, "--captions.prompt", "Who is it?").report["items"]
    done = {stage["name"] for stage in item["stages"] if stage["state"] == "completed"}
    assert done == {"caption", "embed_captions", "write_captions"}
    assert item["records"] == {"image": 1, "caption": 1}, "in the place of the first one"


def test_a_picture_that_the_server_refuses_costs_its_caption_only(medley: Medley, folder: Path, served: Served) -> None:
    served.refuse = lambda path, request: 400 if is_blue(request) else 0
    asked = ("image", folder / "red.png", folder / "blue.png", "--captions.model", "looker", "--json")
    found = items(medley(*asked))
    assert (found["red.png"]["status"], found["red.png"]["records"]) == ("complete", {"image": 1, "caption": 1})
    assert (found["blue.png"]["status"], found["blue.png"]["records"]) == ("partial", {"image": 1})
    error = found["blue.png"]["error"]
    assert (error["type"], error["stage"]) == ("CorruptMedia", "caption")
    assert all(part in error["message"] for part in ("blue.png", "looker", "answers 400", "refused by the test"))
    served.asked.clear()
    assert items(medley(*asked))["blue.png"]["status"] == "partial"
    assert not served.asked, "it is remembered"


def is_blue(request: dict[str, Any]) -> bool:
    return colour(request) == "blue"


def test_a_server_that_is_overloaded_is_asked_again(medley: Medley, folder: Path, served: Served) -> None:
    served.refuse = lambda path, request: 429 if len(served.asked) == 1 else 0
    [item] = medley("image", folder / "red.png", "--captions.model", "looker", "--json").report["items"]
    assert item["records"] == {"image": 1, "caption": 1}
    assert len(served.asked) == 2


@pytest.mark.parametrize("setting", ["MEDLEY_CAPTIONER__BASE_URL", "MEDLEY_EMBEDDER__BASE_URL"])
def test_no_item_is_touched_where_no_server_answers(
    medley_here: Medley, folder: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv(setting, "http://127.0.0.1:9/v1")
    asked = ("--captions.model", "looker") if "CAPTIONER" in setting else ("--pictures.ocr", "true")
    answer = medley_here("image", folder / "red.png", *asked)
    assert (answer.code, answer.out) == (2, "")
    assert "does not answer at http://127.0.0.1:9/v1" in answer.err
    assert setting in answer.err
    assert len(answer.err.strip().splitlines()) == 1


def test_texts_are_embedded_and_searched_by_the_server(
    medley: Medley, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDLEY_EMBEDDER__MODEL", "meanings")
    monkeypatch.setenv("MEDLEY_EMBEDDER__API_KEY", "open sesame")
    path = folder / "page.pdf"
    with openai_server() as first:
        monkeypatch.setenv("EMBEDDER_BASE_URL", first.url)
        assert medley("pdf", path, "--json").report["items"][0]["records"] == {"page": 1, "image": 1}
        assert {path for path, _ in first.asked} == {EMBED}
        assert {request["model"] for _, request in first.asked} == {"meanings"}
        assert first.keys == {"Bearer open sesame"}
    with openai_server() as second:  # the same model, served elsewhere
        monkeypatch.setenv("EMBEDDER_BASE_URL", second.url)
        assert medley("pdf", path, "--json").report["items"][0]["status"] == "unchanged"
        answer = medley("search", "elephants", "--modality", "page", "--json")
        assert Path(answer.report["hits"][0]["path"]).name == "page.pdf"
        assert "elephants" in [request["input"][0] for _, request in second.asked]
    monkeypatch.delenv("EMBEDDER_BASE_URL")
    answer = medley("search", "elephants")
    assert (answer.code, "MEDLEY_EMBEDDER__BASE_URL" in answer.err) == (2, True), answer.err


def test_a_wrong_key_or_name_is_the_set_ups_fault(medley: Medley, folder: Path, served: Served) -> None:
    served.refuse = lambda path, request: 404
    [item] = medley("image", folder / "red.png", "--captions.model", "looker", "--json").report["items"]
    assert (item["status"], item["error"]["type"]) == ("partial", "SetupError")
    assert "Check the model's name there, and the API key" in item["error"]["message"]
    served.refuse = lambda path, request: 0
    [item] = medley("image", folder / "red.png", "--captions.model", "looker", "--json").report["items"]
    assert item["status"] == "complete", "tried again with the next run"


def test_what_is_written_on_pictures_is_found_where_it_is_asked_for(medley: Medley, tmp_path: Path) -> None:
    sign = Image.new("RGB", (900, 300), "white")
    ImageDraw.Draw(sign).text((40, 100), "Beware of the crocodiles", fill="black", font_size=60)
    sign.save(tmp_path / "sign.png")
    picture().save(tmp_path / "silent.png")
    paths = (tmp_path / "sign.png", tmp_path / "silent.png")
    assert medley("image", *paths).code == 0
    found = items(medley("image", *paths, "--pictures.ocr", "true", "--json"))
    assert {name: item["records"] for name, item in found.items()} == {
        "sign.png": {"image": 1, "ocr": 1},
        "silent.png": {"image": 1, "ocr": 0},
    }
    done = {stage["name"] for stage in found["sign.png"]["stages"] if stage["state"] == "completed"}
    assert done == {"ocr", "chunk", "embed_text", "write_words"}
    [hit] = medley("search", "crocodiles", "--modality", "ocr", "--limit", "1", "--json").report["hits"]
    assert (Path(hit["path"]).name, hit["page"]) == ("sign.png", None)
    x0, y0, x1, y1 = hit["box"]
    assert (x0 < 60, 80 < y0 < 130, x1 > 600, y1 < 200) == (True, True, True, True)
    assert Path(hit["thumbnail"]).is_file()


def test_captions_by_a_checkpoint_on_this_machine(medley: Medley, folder: Path, tmp_path: Path) -> None:
    weights = tiny_vlm(tmp_path / "vlm")
    spec = ModelSpec("caption", "vlm", str(weights), "1", "float32")
    [direct] = load_model(spec, threads=1).describe([jpeg(folder, tmp_path)], "unused", 8)
    answer = medley("image", folder / "red.png", "--captions.model", weights, "--captions.max_tokens", "8", "--json")
    assert answer.report["items"][0]["records"] == {"image": 1, "caption": 1}, answer.err
    [hit] = medley("search", "anything", "--modality", "caption", "--json").report["hits"]
    assert hit["text"] == direct
    assert direct


def jpeg(folder: Path, tmp_path: Path) -> Path:
    Image.open(folder / "red.png").save(tmp_path / "red.jpg", quality=95)
    return tmp_path / "red.jpg"
