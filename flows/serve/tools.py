"""What agents can do with an index: tools of the Model Context Protocol, made of the service's API and nothing else."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal
from urllib.parse import quote

import httpx
from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from medley import __version__
from medley.types import clock

_ABOUT = """Searches an index of videos, sound recordings, PDFs and pictures by what is said, seen and written.
`search` finds moments; `moment` shows one (words, picture, a link that plays it); `transcript` gives what is said
around one. Scores below 0.5 mean that a hit probably does not fit: say so instead of using it."""
Kind = Literal["video", "audio", "image", "pdf", "document"]
_READS = ToolAnnotations(readOnlyHint=True, openWorldHint=False)
_CHANGES = ToolAnnotations(readOnlyHint=False, destructiveHint=False, idempotentHint=True, openWorldHint=False)
_LETTERS = 600
_LOADING_S = 60


class Tools:
    """The tools over one API. `page` is the address under which people reach the service's page."""

    def __init__(self, api: httpx.AsyncClient, page: str) -> None:
        self._api, self._page = api, page.rstrip("/")

    async def search(
        self,
        query: Annotated[str, Field(description="what to look for, in words")],
        limit: Annotated[int, Field(ge=1, le=50)] = 8,
        kind: Annotated[Kind | None, Field(description="only files of this kind")] = None,
        file: Annotated[str | None, Field(description="only this file, or the files of this folder")] = None,
        since: Annotated[str | None, Field(description="only files first seen then or later: last week")] = None,
    ) -> dict[str, Any]:
        """Finds moments by words, the best first."""
        asked = {"query": query, "limit": limit, "kind": kind, "file": file, "since": since}
        for _ in range(_LOADING_S):
            found = await self._json("POST", "/api/search", json=asked)
            if not found["loading"]:
                break
            await asyncio.sleep(1.0)  # an agent would take hits by words alone for all there is
        return {"hits": [self._short(hit) for hit in found["hits"]], "notes": found["notes"]}

    async def moment(self, record_id: Annotated[str, Field(description="of a hit")]) -> list[Any]:
        """Shows one moment: its words, its picture and a link that plays it or opens its page."""
        found = self._short(await self._json("GET", f"/api/records/{quote(record_id, safe='')}"))
        words = "\n".join(f"{name}: {value}" for name, value in found.items() if value not in (None, ""))
        if not found.pop("picture"):
            return [words]
        picture = await self._ask("GET", f"/api/thumbnails/{found['record_id']}")
        return [words, Image(data=picture.content, format="jpeg")]

    async def transcript(
        self,
        asset_id: Annotated[str, Field(description="of a hit")],
        start_s: Annotated[float, Field(ge=0, description="from this second")] = 0.0,
        end_s: Annotated[float | None, Field(description="to this second; an hour at most")] = None,
    ) -> str:
        """Gives what is said in a part of a video or a recording, a line for each sentence."""
        found = await self._json("GET", f"/api/assets/{quote(asset_id, safe='')}/transcript.json")
        last = min(start_s + 3600.0, start_s + 300.0 if end_s is None else end_s)
        within = [one for one in found["segments"] if one["end_s"] >= start_s and one["start_s"] <= last]
        return "\n".join(f"{clock(one['start_s'])} {one['text']}" for one in within) or "Nothing is said there."

    async def list_files(
        self,
        contains: Annotated[str, Field(description="only paths with this in them")] = "",
        status: Annotated[Literal["complete", "partial", "failed"] | None, Field()] = None,
        limit: Annotated[int, Field(ge=1, le=200)] = 50,
    ) -> dict[str, Any]:
        """Lists the files that are known, and what became of each."""
        asked = {"contains": contains, "limit": limit, **({"status": status} if status else {})}
        found: dict[str, Any] = await self._json("GET", "/api/assets", params=asked)
        return found

    async def status(self) -> dict[str, Any]:
        """Tells how the index is: its health, its newest runs, how many files it has."""
        health, runs = await self._json("GET", "/api/health"), await self._json("GET", "/api/runs", params={"limit": 5})
        files = await self._json("GET", "/api/assets", params={"limit": 1})
        return {"health": health, "runs": runs, "files": files["total"]}

    async def plan(self, path: Annotated[str, Field(description="a file or folder that the index knows")]) -> Any:
        """Tells what another ingest of a known file or folder would do, and why; does nothing."""
        return await self._json("GET", "/api/plan", params={"path": path})

    async def retry(
        self, paths: Annotated[list[str], Field(description="paths of files that are not complete")]
    ) -> Any:
        """Starts a run that tries files again."""
        return await self._json("POST", "/api/retry", json={"paths": paths})

    def _short(self, hit: dict[str, Any]) -> dict[str, Any]:
        names = ("record_id", "asset_id", "path", "parent", "title", "modality", "start_s", "end_s", "page")
        short = {name: hit.get(name) for name in names}
        short |= {"text": hit["text"][:_LETTERS], "picture": bool(hit["thumbnail_url"])}
        if "score" in hit:
            short |= {"score": round(hit["score"], 3), "weak": hit["weak"]}
        return short | {"link": f"{self._page}/?record={hit['record_id']}"}

    async def _json(self, method: str, path: str, **how: Any) -> Any:
        return (await self._ask(method, path, **how)).json()

    async def _ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        answer = await self._api.request(method, path, **how)
        if answer.is_error:
            told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
            raise ToolError(f"{told.get('detail', answer.reason_phrase)}. {told.get('remedy', '')}".strip())
        return answer


def mcp_server(api: httpx.AsyncClient, page: str, *, writes: bool) -> MCPServer[Any]:
    """Builds the server of the tools; with `writes` those that change something are there, too."""
    server: MCPServer[Any] = MCPServer(
        "medley", title="Medley", instructions=_ABOUT, version=__version__, log_level="WARNING"
    )
    tools = Tools(api, page)
    for tool in (tools.search, tools.transcript, tools.list_files, tools.status, tools.plan):
        server.add_tool(tool, annotations=_READS)
    server.add_tool(tools.moment, annotations=_READS, structured_output=False)  # a picture is none
    if writes:
        server.add_tool(tools.retry, annotations=_CHANGES)
    return server
