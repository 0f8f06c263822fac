"""The service over HTTP: what it answers, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

import medley
from flows.serve.webhooks import Webhooks, is_signed, signature
from medley.catalog import open_catalog
from medley.errors import MedleyError
from medley.setting_groups import ServeSettings
from medley.settings import Settings
from tests.conftest import SAMPLE
from tests.serve.conftest import PAGE_TWO, SECRET, TITLE, Receiver, Served

OK, PARTIAL = 200, 206


def test_a_search_finds_what_is_said_what_is_seen_and_what_is_written(served: Served) -> None:
    said, written, seen = (
        served.hits(query, limit=2)[0] for query in ("welcome to the museum", "migrating geese", "an orange star")
    )
    assert (said["modality"], Path(said["path"]).name) == ("speech", "sample.mp4")
    assert (written["modality"], written["page"], written["text"]) == ("page", 2, PAGE_TWO)
    assert seen["modality"] == "frame"
    assert not any(hit["weak"] for hit in (said, written, seen))
    assert all(hit["weak"] for hit in served.hits("how to tie a bow tie"))
    assert served.hits("how to tie a bow tie", least=0.5) == []


def test_a_file_is_found_by_its_title(served: Served) -> None:
    best = served.hits("ornithology northern inlets")[0]
    assert (Path(best["path"]).name, best["title"], best["weak"]) == ("birds.pdf", TITLE, False)
    with served.client() as client:
        assert client.get(f"/api/assets/{best['asset_id']}").json()["about"]["title"] == TITLE


def test_filters_pages_of_hits_and_likeness(served: Served) -> None:
    pictures = served.hits("a red circle", kind="image")
    assert {Path(hit["path"]).suffix for hit in pictures} == {".png"}
    assert served.hits("a red circle", kind="image", offset=1) == pictures[1:]
    assert served.hits("a red circle", kind="image", since="yesterday") == pictures
    assert served.hits("a red circle", until="2020-01-01") == []
    with served.client() as client:
        record = client.get(f"/api/records/{pictures[0]['record_id']}").json()
        origin = client.get(f"/api/records/{pictures[0]['record_id']}/origin").json()
        assert [stage["stage"] for stage in origin["stages"]] == ["load_images", "embed_images", "write_images"]
        assert origin["paths"] == [{"path": pictures[0]["path"], "state": "there"}]
        assert client.get(f"/api/assets/{record['asset_id']}/origin").json()["record"] is None
        assert record["asset_id"] == pictures[0]["asset_id"]
        alike = client.get("/api/search", params={"like": pictures[0]["record_id"], "kind": "image"}).json()["hits"]
        assert pictures[0]["record_id"] not in {hit["record_id"] for hit in alike}
        with Path(pictures[0]["path"]).open("rb") as picture:
            same = client.post(
                "/api/search/picture", files={"picture": ("x.png", picture)}, data={"request": '{"limit": 1}'}
            )
        assert same.json()["hits"][0]["asset_id"] == pictures[0]["asset_id"]


def test_a_file_is_given_whole_and_in_parts(served: Served) -> None:
    sample = served.hits("welcome to the museum")[0]["asset_id"]
    content = SAMPLE.read_bytes()
    with served.client() as client:
        where = f"/api/assets/{sample}/media"
        whole = client.get(where)
        assert (whole.status_code, whole.content, whole.headers["content-type"]) == (OK, content, "video/mp4")
        part = client.get(where, headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (PARTIAL, content[100:200])
        assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
        assert client.get(where, headers={"Range": "bytes=-50"}).content == content[-50:]
        assert client.get(where, headers={"Range": f"bytes={len(content)}-"}).status_code == 416
        cut = client.get(where, params={"at": 3, "seconds": 2})
        assert cut.content[4:8] == b"ftyp"
        assert client.get(f"/api/assets/{'0' * 64}/media").status_code == 404


def test_a_file_with_other_content_by_now_is_not_given(served: Served, tmp_path: Path) -> None:
    asset = served.hits("a green circle", kind="image")[0]
    path = Path(asset["path"])
    kept = path.read_bytes(), path.stat()
    try:
        path.write_bytes(b"somebody else's")
        with served.client() as client:
            answer = client.get(f"/api/assets/{asset['asset_id']}/media")
        assert (answer.status_code, b"somebody" in answer.content) == (404, False)
    finally:
        path.write_bytes(kept[0])
        os.utime(path, ns=(kept[1].st_atime_ns, kept[1].st_mtime_ns))


def test_transcript_page_thumbnail_and_clip(served: Served) -> None:
    said, written, seen = (
        served.hits(query)[0] for query in ("welcome to the museum", "migrating geese", "an orange star")
    )
    with served.client() as client:
        made = f"/api/assets/{said['asset_id']}/transcript"
        segments = client.get(f"{made}.json").json()["segments"]
        assert any("museum" in one["text"] for one in segments)
        assert client.get(f"{made}.vtt").text.startswith("WEBVTT")
        assert client.get(f"{made}.srt").text.startswith("1\n00:00:")
        assert "museum" in client.get(f"{made}.txt").text
        page = client.get(
            f"/api/assets/{written['asset_id']}/pages/2.png", params={"box": ",".join(map(str, written["box"]))}
        )
        plain = client.get(f"/api/assets/{written['asset_id']}/pages/2.png")
        assert page.headers["content-type"] == "image/png"
        assert page.content[:4] == b"\x89PNG"
        assert page.content != plain.content
        assert client.get(f"/api/assets/{written['asset_id']}/pages/9.png").status_code == 404
        assert PAGE_TWO in json.dumps(client.get(f"/api/assets/{written['asset_id']}/pages.json").json())
        assert client.get(seen["thumbnail_url"]).content[:2] == b"\xff\xd8"
        assert client.get(f"/api/clips/{said['record_id']}.mp4").content[4:8] == b"ftyp"
        assert client.get(f"/api/clips/{written['record_id']}.mp4").status_code == 404


def test_assets_and_runs(served: Served) -> None:
    with served.client() as client:
        failed = client.get("/api/assets", params={"status": "failed"}).json()
        assert [Path(item["path"]).name for item in failed["items"]] == ["broken.pdf"]
        assert failed["items"][0]["errors"][0]["type"] == "CorruptMedia"
        found = client.get("/api/assets", params={"contains": "sample"}).json()["items"][0]
        details = client.get(f"/api/assets/{found['asset_id']}").json()
        assert {stage["stage"] for stage in details["stages"]} >= {"transcribe", "embed_frames"}
        assert details["outcomes"][0]["models"]["speech"].startswith("demo/whisper")
        runs = client.get("/api/runs").json()
        assert {run["run_id"] for run in runs} >= {stage["run_id"] for stage in details["stages"]}
        assert client.get(f"/api/runs/{runs[0]['run_id']}").json()["status"] in ("complete", "partial", "failed")
        planned = client.get("/api/plan", params={"path": found["path"]})
        assert planned.status_code == OK, planned.text
        assert client.get("/api/plan", params={"path": "/etc"}).status_code == 404


def test_health_and_metrics(served: Served) -> None:
    with served.client() as client:
        assert client.get("/api/health").json()["status"] == "healthy"
        ray = client.get("/api/health/ray").json()
        assert ray == {
            "status": "unavailable",
            "ray_status": "disconnected",
            "nodes": 0,
            "cpus": {"total": 0, "available": 0.0},
            "gpus": {"total": 0, "available": 0.0},
            "actor_pools": [],
        }
        told = client.get("/metrics").text
    assert 'medley_items{status="complete"}' in told
    assert 'medley_requests_total{method="GET",route="/api/health",status="200"}' in told


def test_an_upload_lands_under_a_free_name_and_has_a_state(served: Served) -> None:
    content = Path(served.hits("a red circle", kind="image")[0]["path"]).read_bytes()
    with served.client() as client:
        for name in ("../../Holiday <1>.png", "../../Holiday <1>.png"):
            answer = client.post("/api/uploads", params={"name": name}, content=content)
            assert answer.status_code == 202, answer.text
            state = client.get(answer.headers["location"]).json()
            assert state["status"] == "landing"
        landed = {path.name for path in (served.home / "uploads").iterdir()}
        assert landed >= {"Holiday <1>.png", "Holiday <1>-1.png"}
        assert client.post("/api/uploads", params={"name": "..."}, content=content).status_code == 422
        assert client.post("/api/uploads", params={"name": "empty.png"}, content=b"").status_code == 422


def test_agents_find_the_moment_and_get_its_picture(served: Served) -> None:
    from mcp import Client, StdioServerParameters
    from mcp.client.streamable_http import streamable_http_client

    async def ask(target: Any) -> None:
        async with Client(target) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert names == {"search", "moment", "transcript", "list_files", "status", "plan"}, "nothing that changes"
            found = await client.call_tool("search", {"query": "an orange star", "limit": 1})
            hit = found.structured_content["hits"][0]
            assert hit["link"] == f"{served.url}/?record={hit['record_id']}"
            words, picture = (await client.call_tool("moment", {"record_id": hit["record_id"]})).content
            assert "sample.mp4" in words.text
            assert (picture.type, picture.mime_type) == ("image", "image/jpeg")
            said = await client.call_tool("transcript", {"asset_id": hit["asset_id"], "end_s": 3600})
            assert "museum" in said.content[0].text
            wrong = await client.call_tool("moment", {"record_id": "0" * 40})
            assert wrong.is_error

    async def both() -> None:
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {SECRET}"}, timeout=60) as http:
            await ask(streamable_http_client(f"{served.url}/mcp", http_client=http))
        command = StdioServerParameters(command=sys.executable, args=["-P", "-m", "medley", "mcp"], env=served.env)
        await ask(command)

    asyncio.run(both())


def test_the_same_interface_by_url_and_by_home(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with medley.open(served.url, token=SECRET) as index:
        hits = index.search("an orange star", limit=3)
        assert hits[0].path == str(served.files / "sample.mp4")
        assert index.search("", like=hits[0].record_id, kind="image")
        assert index.search("", like=served.files / "a-red-circle.png", limit=1)[0].path == str(
            served.files / "a-red-circle.png"
        )
        assert index.status(failed=True).totals["failed"] == 1
        with pytest.raises(MedleyError, match="options"):
            index.ingest(SAMPLE, options={"tags": "x"})
    with medley.open(served.url, token="wrong") as stranger, pytest.raises(MedleyError, match="secret"):
        stranger.search("x")
    for name, value in served.env.items():
        monkeypatch.setenv(name, value)
    with medley.open(served.home) as index:
        assert [hit.record_id for hit in index.search("an orange star", limit=3)] == [hit.record_id for hit in hits]


def test_the_command_line_asks_the_service(served: Served) -> None:
    picture = str(served.files / "a-red-circle.png")
    for arguments in (["an orange star"], ["--like", picture]):
        command = [sys.executable, "-m", "medley", "search", *arguments, "--json", "--limit", "1"]
        done = subprocess.run(command, env=served.env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["hits"][0]["thumbnail"]


def test_webhooks_are_signed_and_tell_of_what_is_new(served: Served, receiver: Receiver) -> None:
    told = ServeSettings(webhooks=(receiver.url,), saved_queries=("geese",))
    settings = Settings(home=served.home, serve=told)

    async def match(query: str, asset_id: str) -> list[dict[str, Any]]:
        return served.hits(query, asset=asset_id, least=0.5)

    async def listen() -> None:
        webhooks = Webhooks(settings, open_catalog(settings), SECRET)
        webhooks._since = {"items": "2020", "runs": "2020"}
        telling = asyncio.create_task(webhooks.run(match))
        while not any(b"query.matched" in body for _, body in receiver.heard):
            await asyncio.sleep(0.05)
        telling.cancel()

    asyncio.run(asyncio.wait_for(listen(), 60))
    events = receiver.events
    assert {event["event"] for event in events} >= {"run.ended", "item.ended", "query.matched"}
    matched = next(event for event in events if event["event"] == "query.matched")
    assert matched["hits"][0]["text"] == PAGE_TWO
    assert len({json.dumps({**event, "sent": ""}) for event in events}) == len(events), "each is told once"
    _check_signature(*receiver.heard[0])


def _check_signature(given: str, body: bytes) -> None:
    assert is_signed(SECRET.encode(), body, given, int(time.time()))
    assert not is_signed(SECRET.encode(), body + b" ", given, int(time.time()))
    assert not is_signed(SECRET.encode(), body, given, int(time.time()) + 3600)
    assert not is_signed(b"another", body, signature(SECRET.encode(), body, 7), 7)
