"""Files in buckets: listed, copied once, named by their URL; on moto's server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.engine.items import Item
from flows.engine.routing import files_of
from flows.engine.spool import make_copy
from flows.uploads.bucket import Bucket
from medley.catalog import open_catalog
from medley.catalog.uploads import Uploads
from medley.errors import MissingFile, TransientError
from medley.settings import Settings
from medley.sources import buckets
from medley.sources import urls as objects
from medley.types import Asset
from tests.conftest import SAMPLE, Medley, put
from tests.fakes import MEDIA
from tests.variants import first_seconds

URL = "s3://media/in"


def test_what_is_in_a_bucket_is_noted_once_and_again_when_it_changes(bucket: None, settings: Settings) -> None:
    uploads = Uploads(open_catalog(settings).engine)
    watched = Bucket(URL, "keep", uploads)
    for key in ("in/a.mp4", "in/deep/b c.mp4", "in/.hidden/x.mp4", "in/x.part", "in/done/y.mp4", "other/z.mp4"):
        put(key, b"x")
    assert watched.look(0.0) == 2
    assert uploads.waiting_paths(10) == [f"{URL}/a.mp4", f"{URL}/deep/b c.mp4"]
    assert watched.look(5.0) == 0, "not yet"
    assert watched.look(10.0) == 0, "nothing new"
    put("in/a.mp4", b"y")
    assert watched.look(20.0) == 1


def test_a_long_listing_comes_in_pages(bucket: None) -> None:
    for n in range(buckets._PAGE + 1):
        put(f"in/{n:04}.mp4", b"x")
    assert [len(page) for page in objects.listing(URL)] == [buckets._PAGE, 1]


def test_what_is_not_there_is_named(bucket: None) -> None:
    with pytest.raises(MissingFile, match=r"s3://media/in/no.mp4.*does not exist"):
        objects.head(f"{URL}/no.mp4")
    with pytest.raises(MissingFile, match=r"s3://nobody/x.*does not exist"):
        list(objects.listing("s3://nobody/x"))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://x/y", "simplecache::file:///etc/passwd"])
def test_nothing_is_fetched_by_other_names_of_this_machine(url: str, medley: Medley) -> None:
    item = medley("video", url, "--json").report["items"][0]
    assert (item["status"], item["error"]["type"]) == ("failed", "MissingFile")


def test_an_object_that_changes_between_two_looks_is_not_taken_for_the_old_one(
    bucket: None, settings: Settings, tmp_path: Path
) -> None:
    put("in/a.mp4", b"new content")
    old = Asset("0" * 64, str(settings.spool / "run" / ("0" * 64) / "a.mp4"), 1, MEDIA)
    with pytest.raises(TransientError, match="has changed"):
        make_copy(Item(f"{URL}/a.mp4", old), old)
    assert not Path(old.path).exists()


def test_a_bucket_that_does_not_answer_is_tried_again_later(bucket: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    buckets._bucket.cache_clear()
    with pytest.raises(TransientError, match="does not answer"):
        objects.head(f"{URL}/a.mp4")


def test_an_object_may_be_a_source_of_its_own(bucket: None) -> None:
    put("in/a.png", b"x")
    put("in/a.png.txt", b"y")
    refused: list[str] = []
    found = files_of([f"{URL}/a.png", f"{URL}/nothing", URL], lambda source, error: refused.append(source))
    assert list(found) == [f"{URL}/a.png", f"{URL}/a.png", f"{URL}/a.png.txt"]
    assert refused == [f"{URL}/nothing"]


def test_a_video_in_a_bucket_becomes_searchable(bucket: None, medley: Medley, tmp_path: Path, home: Path) -> None:
    clip = tmp_path / "clip.mp4"
    first_seconds(SAMPLE, clip, 4)
    put("in/clip.mp4", clip.read_bytes())
    put("in/broken.mp4", clip.read_bytes()[:2000])
    put("in/text.mp4", b"no video at all")
    urls = [f"{URL}/{name}.mp4" for name in ("clip", "broken", "text", "missing")]
    first = medley("video", *urls, "--json")
    assert first.code == 1
    assert [item["status"] for item in first.report["items"]] == ["complete", "failed", "failed", "failed"]
    assert all(url in item["error"]["message"] for url, item in zip(urls[1:], first.report["items"][1:], strict=True))
    assert str(home) not in first.out, "nobody knows the copies"
    hits = medley("search", "a red circle", "--json").report["hits"]
    assert {hit["path"] for hit in hits} == {urls[0]}
    assert list((home / "spool").glob("*")) == []

    again = medley("video", urls[0], "--json")
    assert [item["status"] for item in again.report["items"]] == ["unchanged"]
    changed = medley("video", urls[0], "--json", "--chunks.max_words", "3").report["items"][0]
    states = {stage["name"]: stage["state"] for stage in changed["stages"]}
    assert (changed["status"], states["transcribe"], states["chunk"]) == ("complete", "cached", "completed")


def test_the_copy_of_a_run_that_was_killed_goes_with_the_next_run(settings: Settings, medley: Medley) -> None:
    left = settings.spool / "of-a-dead-run" / "x.mp4"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    medley("video", os.devnull)
    assert not left.exists()
