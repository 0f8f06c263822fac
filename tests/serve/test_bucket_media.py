"""Files in buckets are shown and cut as those on disks are, wherever artifacts are kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from flows.serve.problems import handle_errors
from flows.serve.routes import media
from flows.serve.service import Service
from flows.serve.sessions import Sessions
from medley.artifacts import sha256_of
from medley.catalog import open_catalog
from medley.catalog.lookup import Location
from medley.media.probe import probe_media
from medley.settings import Settings
from tests.conftest import SAMPLE, put

URL = "s3://media/in/sample.mp4"


@pytest.fixture(params=[None, "s3://media/artifacts"])
def client(bucket: None, settings: Settings, request: Any) -> TestClient:
    """The routes of files, of a service whose only asset is in a bucket."""
    put("in/sample.mp4", SAMPLE.read_bytes())
    settings = settings.model_copy(update={"artifacts": request.param})
    catalog = open_catalog(settings)
    found = Location(URL, sha256_of(SAMPLE), SAMPLE.stat().st_size, None, None)
    catalog.upsert_location(found, replace(probe_media(SAMPLE, settings.limits)))
    app = FastAPI()
    app.include_router(media.router)
    handle_errors(app)
    app.state.service = Service(settings, catalog, None, Sessions("x"))  # type: ignore[arg-type]  # nothing is searched
    return TestClient(app, raise_server_exceptions=False)


def test_a_file_in_a_bucket_is_given_in_parts_and_cut(client: TestClient) -> None:
    address = f"/api/assets/{sha256_of(SAMPLE)}/media"
    part = client.get(address, headers={"Range": "bytes=4-11"})
    assert (part.status_code, part.content) == (206, SAMPLE.read_bytes()[4:12])
    cut = client.get(address, params={"at": 3, "seconds": 2})
    assert (cut.status_code, cut.content[4:8]) == (200, b"ftyp"), cut.text


def test_what_has_changed_or_gone_in_the_bucket_is_said(client: TestClient) -> None:
    address = f"/api/assets/{sha256_of(SAMPLE)}/media"
    put("in/sample.mp4", b"something else")
    told = client.get(address)
    assert told.status_code >= 400
    assert "changed" in told.json()["detail"], told.json()
