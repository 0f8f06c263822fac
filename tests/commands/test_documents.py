"""PDFs and pictures through their flows, in threads: reports, records, search, and what a bad one costs."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from actors import resident
from actors.resident import LocalPool
from medley.media.pictures import PictureJob, convert_pictures
from medley.media.source import open_source
from medley.models.base import ModelSpec
from medley.setting_groups import Limits
from medley.settings import Settings
from tests.conftest import Medley
from tests.documents import pdf, picture, placed, scan_of, text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A written page with a figure, a scan of another, and a PDF that is none."""
    made = tmp_path / "in"
    made.mkdir()
    pdf(
        made / "written.pdf",
        text((72, 100, "The invoice number is seven four two.")),
        placed(picture(), 100, 100, 200, 150),
    )
    pdf(tmp_path / "plain.pdf", text((72, 100, "Handwriting is read by machines."), size=20))
    scan_of(tmp_path / "plain.pdf", made / "scan.pdf")
    (made / "bad.pdf").write_bytes(b"%PDF-1.7\nnothing more")
    return made


def test_pdfs_are_found_by_what_is_written_drawn_and_scanned(medley: Medley, folder: Path, tmp_path: Path) -> None:
    answer = medley("pdf", *sorted(folder.iterdir()), "--json", "--export", tmp_path / "out")
    assert answer.code == 1
    bad, scan, written = answer.report["items"]
    assert (bad["status"], bad["error"]["type"], bad["error"]["stage"]) == ("failed", "CorruptMedia", "parse")
    assert str(folder / "bad.pdf") in bad["error"]["message"]
    assert len(bad["errors"]) == 1, "both branches met it, and it is told once"
    [again] = medley("pdf", folder / "bad.pdf", "--json").report["items"]
    assert (again["status"], again["stages"]) == ("failed", []), "it is remembered"
    assert [stage["name"] for stage in written["stages"]] == [
        *("parse", "ocr", "chunk", "embed_text", "write_pages"),
        *("page_images", "embed_images", "write_images"),
    ]
    assert (written["status"], written["records"]) == ("complete", {"page": 1, "image": 1})
    assert scan["records"] == {"page": 0, "ocr": 1, "image": 1}

    [hit] = medley("search", "invoice number seven four two", "--limit", "1", "--json").report["hits"]
    assert (Path(hit["path"]).name, hit["modality"], hit["page"], hit["start_s"]) == ("written.pdf", "page", 1, None)
    assert hit["box"][0] == pytest.approx(72, abs=3)
    [hit] = medley("search", "machines read handwriting", "--modality", "ocr", "--limit", "1", "--json").report["hits"]
    assert (Path(hit["path"]).name, hit["text"]) == ("scan.pdf", "Handwriting is read by machines.")
    hits = medley("search", "a red circle", "--modality", "image", "--json").report["hits"]
    assert (Path(hits[0]["path"]).name, hits[0]["page"]) == ("written.pdf", 2)
    assert Path(hits[0]["thumbnail"]).is_file()

    exported = json.loads((tmp_path / "out" / "scan.json").read_text())
    assert [(page["page"], page["source"]) for page in exported["pages"]] == [(1, "ocr")]
    assert "invoice number" in (tmp_path / "out" / "written.md").read_text()


def test_another_size_of_passages_leaves_pages_and_figures_alone(medley: Medley, folder: Path) -> None:
    path = folder / "written.pdf"
    assert medley("pdf", path).code == 0
    [item] = medley("pdf", path, "--passages.max_tokens", "50", "--json").report["items"]
    states = {stage["name"]: stage["state"] for stage in item["stages"]}
    done = {name for name, state in states.items() if state == "completed"}
    assert done == {"chunk", "embed_text", "write_pages"}
    assert set(states.values()) == {"completed", "cached"}
    [item] = medley("pdf", path, "--passages.max_tokens", "50", "--json").report["items"]
    assert (item["status"], item["stages"]) == ("unchanged", [])


def test_a_password_is_tried_where_one_is_given(medley: Medley, tmp_path: Path, settings: Settings) -> None:
    document = pdf(tmp_path / "a.pdf", text((72, 100, "A secret.")), encrypt="open sesame")
    for _ in range(2):
        [item] = medley("pdf", document, "--json").report["items"]
        assert (item["status"], item["error"]["type"]) == ("failed", "EncryptedPdf")
    answer = medley("pdf", document, "--json", "--pages.password", "open sesame")
    assert answer.report["items"][0]["status"] == "complete"
    assert medley("pdf", document, "--json").report["items"][0]["status"] == "unchanged"
    kept = [path for path in settings.home.rglob("*") if path.is_file()]
    assert not any(b"open sesame" in path.read_bytes() for path in kept), "it is written down nowhere"


def test_a_bad_picture_is_named_and_its_unit_unharmed(medley: Medley, tmp_path: Path) -> None:
    for n, colour in enumerate(("red", "blue", "green")):
        picture(colour=colour).save(tmp_path / f"{n}.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "0.png").read_bytes()[:60])
    (tmp_path / "same.png").write_bytes((tmp_path / "0.png").read_bytes())
    answer = medley("image", *sorted(tmp_path.glob("*.png")), "--json")
    by_name = {Path(item["path"]).name: item for item in answer.report["items"]}
    assert {name: item["status"] for name, item in by_name.items()} == {
        "0.png": "complete",
        "1.png": "complete",
        "2.png": "complete",
        "cut.png": "failed",
        "same.png": "unchanged",
    }
    error = by_name["cut.png"]["error"]
    assert (error["type"], error["stage"]) == ("CorruptMedia", "load_images")
    assert [stage["state"] for stage in by_name["cut.png"]["stages"]] == ["failed"]
    hits = medley("search", "a red circle", "--json").report["hits"]
    assert (Path(hits[0]["path"]).name, hits[0]["modality"]) in {("0.png", "image"), ("same.png", "image")}

    (tmp_path / "1.png").write_bytes((tmp_path / "2.png").read_bytes())
    again = medley("image", *sorted(tmp_path.glob("*.png")), "--json").report["items"]
    assert {item["status"] for item in again} == {"unchanged", "failed"}
    assert not any(item["stages"] for item in again), "the bad one is remembered"


def test_the_wrong_verb_says_the_right_one(medley_here: Medley, tmp_path: Path) -> None:
    picture().save(tmp_path / "a.pdf", "PNG")
    [item] = medley_here("pdf", tmp_path / "a.pdf", "--json").report["items"]
    assert item["error"]["type"] == "UnsupportedMedia"
    assert "is no pdf but image/png. Use: medley image FILE" in item["error"]["message"]


def test_an_ingest_exports_too(medley: Medley, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    pdf(folder / "a.pdf", text((72, 100, "Exported words.")))
    picture().save(folder / "b.png")
    first = medley("ingest", folder, "--export", out)
    assert first.code == 0
    assert f"exported 2 files to {out}" in first.err
    assert {path.name for path in out.iterdir()} == {"a.json", "a.md", "b.json"}
    (out / "a.json").unlink()
    medley("ingest", folder, "--export", out)
    assert (out / "a.json").exists(), "also of what is unchanged"


def test_nobody_is_asked_who_has_nothing_to_do(medley: Medley, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Counted(LocalPool):
        def __init__(self, host: type, spec: ModelSpec, threads: int) -> None:
            asked.append(spec.kind)
            super().__init__(host, spec, threads)

    monkeypatch.setattr(resident, "LocalPool", Counted)
    pdf(tmp_path / "words.pdf", text((72, 100, "Words, and nothing to look at on this page.")))
    [item] = medley("pdf", tmp_path / "words.pdf", "--json").report["items"]
    assert (item["status"], item["records"]) == ("complete", {"page": 1, "image": 0})
    assert set(asked) == {"text"}
    asked.clear()
    samples = np.zeros(3 * 16_000, np.int16)
    with wave.open(str(tmp_path / "still.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, len(samples), "NONE", ""))
        file.writeframes(samples.tobytes())
    [item] = medley("video", tmp_path / "still.wav", "--json").report["items"]
    assert (item["status"], item["records"]) == ("complete", {"speech": 0})
    assert set(asked) <= {"speech"}
    assert item["notes"], "that it is silent is said"


def tiff(path: Path, *colours: str) -> Path:
    first, *others = (picture(colour=colour) for colour in colours)
    first.save(path, "TIFF", save_all=True, append_images=others)
    return path


def test_every_page_of_a_tiff_is_found(medley: Medley, tmp_path: Path) -> None:
    tiff(tmp_path / "fax.tif", "red", "blue", "green")
    answer = medley("image", tmp_path / "fax.tif", "--json")
    [item] = answer.report["items"]
    assert (item["status"], item["records"]["image"], item["notes"]) == ("complete", 3, [])
    for number, colour in enumerate(("red", "blue", "green"), 1):
        [hit, *_] = medley("search", f"a {colour} circle", "--json").report["hits"]
        assert (hit["page"], Path(hit["thumbnail"]).is_file()) == (number, True)
    alone = tiff(tmp_path / "alone.tif", "yellow")
    assert medley("image", alone).code == 0
    assert medley("search", "a yellow circle", "--json").report["hits"][0]["page"] is None


@pytest.mark.parametrize(("page", "strip", "kept"), [(2, 0, 2), (1, 0, 2)])
def test_a_page_of_a_tiff_that_cannot_be_decoded_is_said(
    medley: Medley, tmp_path: Path, page: int, strip: int, kept: int
) -> None:
    first, *others = (picture(colour=colour) for colour in ("red", "blue", "green"))
    path = tmp_path / "fax.tif"
    first.save(path, "TIFF", compression="tiff_adobe_deflate", save_all=True, append_images=others)
    with Image.open(path) as known:
        known.seek(page - 1)
        at, size = known.tag_v2[273][strip], known.tag_v2[279][strip]
    content = bytearray(path.read_bytes())
    content[at : at + size] = bytes([0xFF]) * size
    path.write_bytes(content)
    [item] = medley("image", path, "--json").report["items"]
    assert (item["status"], item["records"]["image"]) == ("partial", kept)
    assert "cannot be decoded" in item["error"]["message"]


def test_smaller_copies_of_a_page_are_no_pages(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    whole = picture()
    with TiffImagePlugin.AppendingTiffWriter(str(path), True) as file:
        whole.save(file, "TIFF")
        file.newFrame()
        whole.resize((160, 120)).save(file, "TIFF", tiffinfo={254: 1})
    with open_source(path) as source:
        out = tmp_path / "out"
        out.mkdir()
        [made] = convert_pictures([PictureJob(source, "TIFF", out / "picture.jpg")], 1280, Limits())
    assert (made.error, made.damage, [at.name for at in out.iterdir()]) == (None, "", ["picture.jpg"])
