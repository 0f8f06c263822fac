"""Looking after what is kept: retry, forget, gc, rebuild-index, prune; and searches that look at a part of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.services.shared import vector_store
from medley.catalog import open_catalog
from medley.models.locate import bundled
from medley.settings import Settings
from medley.stores.connect import open_store
from tests.conftest import Medley
from tests.documents import both, pdf, picture, placed, text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, one of them damaged, a document, a text and a link."""
    made = tmp_path / "in"
    (made / "deep").mkdir(parents=True)
    picture(colour="red").save(made / "red.png")
    picture(colour="blue", shape="rectangle").save(made / "deep" / "blue.png")
    (made / "cut.png").write_bytes((made / "red.png").read_bytes()[:60])
    written = text((72, 100, "Purple elephants dance at midnight."))
    painted = text((72, 100, "Here is what the zoo has painted green."))
    shown = both(painted, placed(picture(colour="green"), 100, 150, 200, 150))
    pdf(made / "page.pdf", written, shown)  # a page without words goes to the OCR, which takes seconds
    (made / "notes.log").write_text("# no list\n")
    (made / "link.png").symlink_to(made / "red.png")
    return made


def statuses(answer: Any) -> dict[str, str]:
    return {Path(item["path"]).name: item["status"] for item in answer.report["items"]}


def search(medley: Medley, *arguments: object) -> list[dict[str, Any]]:
    answer = medley("search", *arguments, "--json")
    assert answer.code == 0, answer.err
    hits: list[dict[str, Any]] = answer.report["hits"]
    return hits


def plan(medley: Medley, folder: Path, *flags: str) -> dict[str, Any]:
    answer = medley("plan", folder, "--json", *flags)
    assert answer.code == 0, answer.err
    return {Path(item["path"]).name: item for item in answer.report["items"]}


def names(hits: list[dict[str, Any]]) -> set[str]:
    return {Path(hit["path"]).name for hit in hits}


def test_ingest_takes_everything_once_and_says_what_is_not_ours(
    medley: Medley, folder: Path, settings: Settings
) -> None:
    answer = medley("ingest", folder, "--json")
    assert statuses(answer) == {
        "red.png": "complete",
        "blue.png": "complete",
        "cut.png": "failed",
        "page.pdf": "complete",
        "notes.log": "skipped",
        "link.png": "skipped",
    }
    assert (answer.code, answer.report["flow"], answer.report["status"]) == (1, "ingest", "partial")
    again = medley("ingest", folder, "--json")
    assert again.report["prefect_url"] is None, "nothing to do starts nothing"
    assert not any(item["stages"] for item in again.report["items"])
    assert statuses(again) | {"cut.png": "", "notes.log": "", "link.png": ""} == {
        name: "unchanged" if name in ("red.png", "blue.png", "page.pdf") else "" for name in statuses(again)
    }


def test_sources_may_be_lists_and_patterns(medley: Medley, folder: Path) -> None:
    assert medley("ingest", folder).code == 1
    listed = folder.parent / "list"
    listed.write_text(f"# pictures\n{folder}/red.png\nin/deep/blue.png\n")
    assert statuses(medley("ingest", listed, "--json")) == {"red.png": "unchanged", "blue.png": "unchanged"}
    assert statuses(medley("ingest", f"{folder}/**/*.png", "--json")).keys() == {
        "red.png",
        "blue.png",
        "cut.png",
        "link.png",
    }
    listed.write_text("# A report\n\nWords that are [no](paths) of files,\n- though in lines.\n")
    [item] = medley("ingest", listed, "--json").report["items"]
    assert (item["path"], item["status"]) == (str(listed), "failed")
    assert "none of its first lines names one that exists" in item["error"]["message"]
    [item] = medley("ingest", folder / "nowhere", "--json").report["items"]
    assert (item["status"], item["error"]["type"]) == ("failed", "MissingFile")


def test_what_has_gone_or_changed_leaves_the_index(medley: Medley, folder: Path) -> None:
    assert medley("ingest", folder).code == 1
    (folder / "deep" / "blue.png").unlink()
    (folder / "red.png").write_bytes((folder / "page.pdf").read_bytes())  # changed, and to another kind
    answer = medley("ingest", folder, "--prune", "--json")
    assert statuses(answer)["red.png"] == "unchanged", "its content is known"
    assert "blue.png" not in {Path(item["path"]).name for item in medley("status", "--json").report["items"]}
    assert names(search(medley, "a blue square", "--modality", "image")) <= {"page.pdf", "red.png"}


def test_what_failed_is_tried_again_on_demand_only(medley: Medley, folder: Path) -> None:
    assert statuses(medley("ingest", folder, "--json"))["cut.png"] == "failed"
    [item] = medley("retry", "--failed", "--json").report["items"]
    assert (Path(item["path"]).name, item["status"]) == ("cut.png", "failed")
    assert [stage["name"] for stage in item["stages"]] == ["load_images"], "it was tried"
    [known] = medley("status", "--failed", "--json").report["items"]
    assert (known["attempts"], known["errors"][0]["type"], known["errors"][0]["stage"]) == (
        2,
        "CorruptMedia",
        "load_images",
    )


@pytest.mark.whole  # make test-hard has it
def test_searches_look_where_they_are_told_to(medley: Medley, folder: Path, settings: Settings) -> None:
    assert medley("ingest", folder).code == 1
    assert names(search(medley, "a red circle", "--file", folder / "deep")) == {"blue.png"}
    assert names(search(medley, "anything", "--file", folder / "page.pdf")) == {"page.pdf"}
    assert {hit["page"] for hit in search(medley, "anything", "--page", "2")} == {2}
    assert search(medley, "anything", "--until", "2020-01-01") == []
    assert len(search(medley, "anything", "--since", "2020-01-01")) > 2
    kinds = search(medley, "anything", "--modality", "page", "--modality", "image")
    assert {hit["modality"] for hit in kinds} == {"page", "image"}
    for wrong, said in ((("--since", "soon"), "--since soon"), (("--file", "/no/where"), "nothing is known of")):
        answer = medley("search", "x", *wrong)
        assert (answer.code, said in answer.err) == (2, True), answer.err

    picture(colour="red", size=(500, 400)).save(folder.parent / "like.webp")
    assert names(search(medley, "--like", folder.parent / "like.webp", "--limit", "1")) == {"red.png"}
    [hit] = search(medley, "purple elephants", "--modality", "page", "--limit", "1")
    assert {like["page"] for like in search(medley, "--like", hit["record_id"])} == {2}, "not itself"
    assert medley("search", "--like", "0" * 40).code == 2
    assert medley("search", "--like", folder / "notes.log").code == 2
    assert medley("search").code == 2


def test_searches_look_at_what_is_tagged(medley: Medley, folder: Path) -> None:
    assert medley("ingest", folder / "deep", "--tags", "blue, mine").code == 0
    assert medley("ingest", folder, "--tags", "mine").code == 1, "known files get them too"
    assert names(search(medley, "anything", "--tag", "mine")) == {"red.png", "blue.png", "page.pdf"}
    assert names(search(medley, "anything", "--tag", "mine", "--tag", "blue")) == {"blue.png"}
    assert search(medley, "anything", "--tag", "yours") == []
    assert search(medley, "anything", "--tag", "blue", "--file", folder / "page.pdf") == []
    answer = medley("ingest", folder, "--tags", "x" * 65)
    assert (answer.code, "--tags" in answer.err) == (2, True), answer.err


def test_forgotten_files_leave_the_index(medley: Medley, folder: Path, settings: Settings) -> None:
    assert medley("ingest", folder).code == 1
    [hit] = search(medley, "purple elephants", "--modality", "page", "--limit", "1")
    directory = settings.artifact_root / hit["asset_id"][:2] / hit["asset_id"]
    assert directory.is_dir()
    assert medley("forget", folder / "page.pdf").out == "forgot 1 asset, 1 name\n"
    assert not directory.exists()
    assert not names(search(medley, "purple elephants")) & {"page.pdf"}
    with vector_store(settings) as address:
        store = open_store(address)
        assert (store.count(hit["asset_id"], "pages"), store.count(hit["asset_id"], "images")) == (0, 0)
        store.close()
    assert medley("forget", folder / "page.pdf").code == 2, "nothing is known of it any more"
    medley("forget", folder)
    assert medley("status", "--json").report["totals"]["assets"] == 0
    assert statuses(medley("ingest", folder / "page.pdf", "--json")) == {"page.pdf": "complete"}


def test_what_nobody_knows_is_collected(medley: Medley, folder: Path, settings: Settings) -> None:
    assert medley("ingest", folder / "red.png").code == 0
    unknown = settings.artifact_root / "ab" / ("ab" * 32)
    (unknown / "stage").mkdir(parents=True)
    (unknown / "stage" / "file").write_bytes(bytes(2_000_000))
    assert medley("gc").out == "removed 1 directories, 2.0 MB\n"
    assert not unknown.exists()
    assert names(search(medley, "a red circle")) == {"red.png"}


def without_scores(hits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    numbers = ("score", "raw")
    pieces = [[{k: v for k, v in piece.items() if k not in numbers} for piece in hit["evidence"]] for hit in hits]
    return [{**hit, "score": None, "evidence": evidence} for hit, evidence in zip(hits, pieces, strict=True)]


def test_the_index_is_made_anew_from_what_is_kept(medley_here: Medley, folder: Path, settings: Settings) -> None:
    shapes = [f"a {colour} {shape}" for colour in ("red", "blue", "green", "white") for shape in ("circle", "square")]
    asked = [
        "purple elephants",
        "midnight",
        *shapes,
        *(f"{words} {n}" for words in ("dance", "page") for n in range(20)),
    ]
    assert len(asked) == 50
    with vector_store(settings):  # up between the commands
        assert medley_here("ingest", folder).code == 1
        before = [search(medley_here, query, "--limit", "20") for query in asked]
    shutil.rmtree(settings.home / "milvus")
    with vector_store(settings):
        assert not search(medley_here, asked[0])
        assert medley_here("rebuild-index").out == "5 records of 3 assets\n"
        after = [search(medley_here, query, "--limit", "20") for query in asked]
        assert [without_scores(hits) for hits in after] == [without_scores(hits) for hits in before]
        scores = [[hit["score"] for hit in hits] for hits in before]
        for hits, known in zip(after, scores, strict=True):  # a store adds up in an order of its own
            assert [hit["score"] for hit in hits] == pytest.approx(known, abs=1e-4)
        again = medley_here("ingest", folder, "--json").report["items"]
        assert not any(item["stages"] for item in again), "all is written"


def test_what_the_artifacts_lack_the_next_run_makes(medley: Medley, folder: Path, settings: Settings) -> None:
    page = folder / "page.pdf"
    assert medley("pdf", page).code == 0
    shutil.rmtree(next(settings.artifact_root.glob("*/*/embed_text")))
    assert "1 assets lack artifacts" in medley("rebuild-index").out
    [item] = medley("pdf", page, "--json").report["items"]
    done = [stage["name"] for stage in item["stages"] if stage["state"] == "completed"]
    assert done == ["embed_text", "write_pages"]
    assert open_catalog(settings).running_runs() == set()


@pytest.mark.whole  # make test-hard has it
def test_what_is_deleted_by_hand_is_made_again(medley: Medley, folder: Path, settings: Settings) -> None:
    assert medley("ingest", folder).code == 1
    for lost in ("manifest.json", "vectors.npy", "*.jpg"):
        path = next(settings.artifact_root.glob(f"*/*/*/*/{lost}"))
        path.unlink()
        [item] = [item for item in plan(medley, folder).values() if item["action"] == "run"]
        assert (item["why"], item["stages"]) == (["what was kept is missing"], [path.parts[-3]])
        entries = medley("ingest", folder, "--json").report["items"]
        done = [stage["name"] for entry in entries for stage in entry["stages"] if stage["state"] == "completed"]
        assert done == item["stages"]
        assert path.exists()
    assert not any(item["stages"] for item in medley("ingest", folder, "--json").report["items"])


@pytest.mark.whole  # make test-hard has it
def test_another_vision_model_leaves_text_alone_and_takes_the_old_space_away(
    medley: Medley, folder: Path, tmp_path: Path, settings: Settings
) -> None:
    (folder / "cut.png").unlink()
    assert medley("ingest", folder).code == 0
    other = tmp_path / "clip"
    shutil.copytree(demo_clip(), other)
    (other / "note.txt").write_text("another revision")
    with_other = ("--models.vision", other)
    planned = medley("plan", folder, "--json", *with_other).report["items"]
    why = {reason for item in planned for reason in item["why"]}
    assert len(why) == 1
    assert next(iter(why)).startswith("model vision changed: demo/clip@")

    assert medley("ingest", folder / "red.png", *with_other).code == 0
    assert len(spaces(settings)) == 3, "one of texts, two of pictures, until all are in the new one"
    assert names(search(medley, "a red circle", "--modality", "image")) >= {"red.png", "blue.png"}, "both are asked"
    items = medley("ingest", folder, "--json", *with_other).report["items"]
    worked = {stage["name"] for item in items for stage in item["stages"] if stage["state"] == "completed"}
    assert worked == {"embed_images", "write_images"}
    assert len(spaces(settings)) == 2, "no asset has its latest records in the old one"
    assert names(search(medley, "a blue square", "--modality", "image", "--limit", "1")) == {"blue.png"}


def demo_clip() -> Path:
    directory = bundled("demo/clip")
    assert directory
    return directory


def spaces(settings: Settings) -> list[str]:
    with vector_store(settings) as address:
        store = open_store(address)
        found = [collection.name for collection in store.collections()]
        store.close()
    return found


def test_status_has_a_line_for_a_file_and_one_for_each_reason(medley: Medley, folder: Path) -> None:
    (folder / "red.png").unlink()
    medley("image", folder / "cut.png", folder / "red.png")
    shown = medley("status").out.splitlines()
    of_files = shown[next(n for n, line in enumerate(shown) if str(folder) in line) :]
    assert len(of_files) == 4, of_files
    assert all(of_files[n].endswith(f"/in/{name}") for n, name in ((0, "cut.png"), (2, "red.png")))
    assert "CorruptMedia in load_images: cannot be decoded" in of_files[1]
    assert "MissingFile in identify: does not exist" in of_files[3]
