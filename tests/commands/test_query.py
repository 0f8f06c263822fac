"""The query process: who may ask, and what it says where something is wrong."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from flows.serve.client import token
from flows.serve.server import application
from medley.settings import Settings


async def _post(settings: Settings, asked: dict[str, Any], secret: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=application(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://query") as client:
        return await client.post("/search", json=asked, headers={"Authorization": f"Bearer {secret}"})


@pytest.fixture
def secret(settings: Settings) -> str:
    (settings.run_dir / "token").write_text("secret")
    return token(settings)


@pytest.mark.anyio
async def test_what_is_wrong_keeps_its_kind_and_remedy(settings: Settings, secret: str) -> None:
    answer = await _post(settings, {"query": "x", "file": "/no/where"}, secret)
    assert answer.status_code == httpx.codes.BAD_REQUEST
    told = answer.json()
    assert (told["type"], told["reason"]) == ("SetupError", "nothing is known of /no/where")
    assert "medley status" in told["remedy"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("asked", "given", "status"),
    [({"query": "x"}, "wrong", 401), ({"query": "x", "limit": 0}, "secret", 422), ({"nonsense": 1}, "secret", 422)],
)
async def test_who_asks_wrongly_is_told_so(
    settings: Settings, secret: str, asked: dict[str, Any], given: str, status: int
) -> None:
    answer = await _post(settings, asked, given)
    assert answer.status_code == status
    assert answer.json()["type"] == "ServiceUnreachable"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
