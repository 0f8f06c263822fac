"""Artifacts in a bucket: what counts is what is there, and every machine has a cache of it. On moto's server."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from medley.artifacts import MANIFEST, artifact_store
from medley.artifacts.at_url import UrlArtifacts
from medley.artifacts.cache import FILES
from medley.artifacts.references import as_paths, as_references
from medley.errors import SetupError, TransientError
from medley.media.source import asset_here
from medley.sources import buckets
from medley.sources import urls as objects
from medley.types import Asset
from tests.conftest import SAMPLE, Medley
from tests.fakes import MEDIA, asset_id

URL = "s3://media/kept"
KEY = (asset_id("video"), "chunk", "f" * 32)
HERE = f"{KEY[0][:2]}/{KEY[0]}/chunk/{KEY[2]}"


@pytest.fixture
def machines(bucket: None, tmp_path: Path) -> tuple[UrlArtifacts, UrlArtifacts]:
    """Two machines with a cache each."""
    return tuple(UrlArtifacts(tmp_path / name, URL, 1 << 20) for name in ("one", "two"))  # type: ignore[return-value]


def make(store: UrlArtifacts, text: str = "one", key: tuple[str, str, str] = KEY) -> None:
    with store.create(*key, "run-1") as draft:
        (draft.directory / "a.txt").write_text(text)
        (draft.directory / "deep").mkdir()
        (draft.directory / "deep" / "b.txt").write_text("b")
        draft.data["facts"] = [1, 2]


def names() -> list[str]:
    return sorted(found.url.removeprefix(f"{URL}/") for page in objects.listing(URL) for found in page)


def test_what_one_machine_makes_another_one_reads(machines: tuple[UrlArtifacts, UrlArtifacts]) -> None:
    one, two = machines
    make(one)
    found = two.find(*KEY)
    assert found
    assert found.data == {"facts": [1, 2]}
    with two.hold([KEY]) as [directory]:
        assert directory.is_relative_to(two.root)
        assert ((directory / "a.txt").read_text(), (directory / "deep/b.txt").read_text()) == ("one", "b")
    assert (two.stages(KEY[0], KEY[2]), list(two.assets())) == (["chunk"], [KEY[0]])


def test_nothing_counts_before_the_manifest_is_there(
    machines: tuple[UrlArtifacts, UrlArtifacts], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = machines
    put = objects.put

    def only_files(path: Path, url: str) -> str:
        if url.endswith(MANIFEST):
            raise TransientError("the bucket does not answer")
        return put(path, url)

    monkeypatch.setattr(objects, "put", only_files)
    with pytest.raises(TransientError):
        make(one)
    assert names() == [f"{HERE}/a.txt", f"{HERE}/deep/b.txt"]
    assert one.find(*KEY) is None
    assert two.find(*KEY) is None


def test_what_is_made_anew_takes_the_place_of_every_copy(machines: tuple[UrlArtifacts, UrlArtifacts]) -> None:
    one, two = machines
    make(one)
    with two.hold([KEY]) as [directory]:
        assert (directory / "a.txt").read_text() == "one"
    make(one, "two")
    with two.hold([KEY]) as [directory]:
        assert (directory / "a.txt").read_text() == "two"


def test_a_copy_of_what_is_gone_does_not_count(machines: tuple[UrlArtifacts, UrlArtifacts]) -> None:
    one, two = machines
    make(one)
    with two.hold([KEY]):
        pass
    one.remove(*KEY)
    assert names() == []
    assert two.find(*KEY) is None
    with pytest.raises(TransientError, match="not at s3://media/kept any more"), two.hold([KEY]):
        pass


@pytest.mark.parametrize("lost", ["a.txt", "deep/b.txt"])
def test_an_artifact_without_one_of_its_objects_is_none(machines: tuple[UrlArtifacts, UrlArtifacts], lost: str) -> None:
    make(machines[0])
    objects.remove(f"{URL}/{HERE}/{lost}")
    assert machines[0].find(*KEY) is None


def test_the_cache_keeps_its_size_and_what_is_held(bucket: None, tmp_path: Path) -> None:
    store = UrlArtifacts(tmp_path / "cache", URL, 20_000)
    keys = [(asset_id(str(n)), "chunk", "f" * 32) for n in range(8)]
    make(store, "x" * 5_000, keys[0])
    with store.hold(keys[:1]) as [held]:
        for key in keys[1:]:
            make(store, "x" * 5_000, key)
        assert (held / "a.txt").stat().st_size == 5_000
    kept = [key for key in keys if store.directory(*key).exists()]
    assert keys[0] in kept
    assert sum(path.stat().st_size for path in store.root.rglob("*.txt")) <= 20_000
    assert all(store.find(*key) for key in keys), "all are in the bucket"
    with store.hold(keys) as directories:
        assert all((directory / "a.txt").exists() for directory in directories)


def test_one_file_is_fetched_alone(machines: tuple[UrlArtifacts, UrlArtifacts]) -> None:
    one, two = machines
    make(one)
    assert two.file(f"{HERE}/deep/b.txt").read_text() == "b"
    assert two.file(f"{HERE}/deep/b.txt").is_relative_to(two.root / FILES)
    assert not two.directory(*KEY).exists()
    assert not two.file(f"{HERE}/none.txt").exists()


def test_a_call_carries_references_and_its_machine_paths(machines: tuple[UrlArtifacts, UrlArtifacts]) -> None:
    one, two = machines
    make(one)
    args = ([one.directory(*KEY) / "a.txt"], 5, Path("/elsewhere"))
    sent = as_references(args, two.root.with_name("one"), URL, 1)
    assert not isinstance(sent[0][0], Path)
    with as_paths(sent) as (paths, number, other):
        assert (paths[0].read_text(), number, other) == ("one", 5, Path("/elsewhere"))


def test_a_copy_of_the_source_has_the_bytes_of_the_asset(machines: tuple[UrlArtifacts, UrlArtifacts]) -> None:
    buckets._bucket("s3://media").put("in/a.txt", b"text")
    wrong = "0" * 64
    with pytest.raises(TransientError, match="has changed"), machines[0].hold_source("s3://media/in/a.txt", wrong, "a"):
        pass
    assert not [path for path in machines[0].root.rglob("*") if path.is_file() and not path.name.endswith(".lock")]


def test_a_file_that_this_machine_does_not_see_is_fetched_whatever_its_name(
    machines: tuple[UrlArtifacts, UrlArtifacts], tmp_path: Path
) -> None:
    content = b"text"
    buckets._bucket("s3://media").put("in/a.txt", content)
    name = "\x01" * 200 + ".mp4"  # in words longer than a name may be
    seen = Asset(hashlib.sha256(content).hexdigest(), f"/nowhere/{name}", 4, MEDIA, url="s3://media/in/a.txt")
    with asset_here(seen, machines[0]) as here:
        assert Path(here.path).read_bytes() == content
    there = tmp_path / "a.mp4"
    there.write_bytes(b"another file, at the same path")
    with asset_here(replace(seen, path=str(there), stamp="1:2:3:4"), machines[1]) as here:
        assert Path(here.path).read_bytes() == content
    own = replace(seen, path=str(there))
    with asset_here(own, machines[1]) as here:
        assert here is own, "a copy of ours has no stamp"


def test_assets_that_are_looked_up_together_are_not_asked_for_one_by_one(
    machines: tuple[UrlArtifacts, UrlArtifacts], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [(asset_id(str(n)), "chunk", "f" * 32) for n in range(3)]
    for key in keys[:2]:
        make(machines[0], key=key)
    machines[1].look_up([key[0] for key in keys])

    def refuse(url: str) -> None:
        raise AssertionError(f"asked for {url}")

    monkeypatch.setattr(objects, "listing", refuse)
    snapshot = machines[1].snapshot()
    assert [bool(snapshot.find(*key)) for key in keys] == [True, True, False]
    with pytest.raises(AssertionError, match="asked for"):
        machines[1].find(*keys[0])


def test_what_is_forgotten_leaves_bucket_and_caches(machines: tuple[UrlArtifacts, UrlArtifacts]) -> None:
    one, two = machines
    make(one)
    assert two.file(f"{HERE}/a.txt").exists()
    assert one.remove_asset(KEY[0])[0] == 3
    assert names() == []
    two.forget_copies(lambda known: False)
    assert not list(two.root.rglob("*.txt"))


def test_a_bucket_that_is_not_there_is_the_set_ups_fault(bucket: None, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"s3://nobody/x.*MEDLEY_ARTIFACTS"):
        artifact_store(tmp_path, "s3://nobody/x", 64).check()


def test_a_run_keeps_nothing_on_its_machine_that_it_needs_again(
    bucket: None, medley: Medley, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MEDLEY_ARTIFACTS", URL)
    first = medley("video", str(SAMPLE), "--profile", "demo", "--runner", "local", "--json").report["items"][0]
    assert (first["status"], first["records"]["speech"] > 0) == ("complete", True)
    assert not [name for name in names() if name.endswith(".wav")]
    os.rename(home / "cache", tmp_path / "lost")
    again = medley("video", str(SAMPLE), "--profile", "demo", "--runner", "local", "--json").report["items"][0]
    assert (again["status"], again["stages"]) == ("unchanged", [])
    hit = medley("search", "circle", "--modality", "frame", "--json").report["hits"][0]
    assert Path(hit["thumbnail"]).is_file()
    exported = medley("video", str(SAMPLE), "--profile", "demo", "--runner", "local", "--export", str(tmp_path / "out"))
    assert exported.code == 0
    assert (tmp_path / "out" / "sample.srt").read_text().strip()
