"""The index of a service, by its URL: the same methods as those of `medley.index.Index`."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

from medley.errors import MedleyError, ServiceUnreachable, SetupError, error_class
from medley.results import Hit, Hits, Item, Report, Status

_PATIENCE_S = 120.0
_POLL_S = 0.5
_BLOCK = 1 << 20
_ENDED = ("complete", "partial", "failed", "unchanged", "skipped", "cancelled")
_FINE = ("complete", "unchanged", "skipped")
_PAGE = 1000


class Said(TypedDict, total=False):
    """Conditions on what files say of themselves, and on who speaks.

    `where`: parts of tags: {"camera": "nikon"}; `dated_since`, `dated_until`: when the file was made, by its own word;
    `near`: "48.858,2.294,5", degrees north and east, and kilometres; `speaker`: a name;
    `language`: in which something is said, "en"; `labels`: that pictures have.
    """

    where: Mapping[str, str]
    dated_since: str
    dated_until: str
    near: str
    speaker: str
    language: str
    labels: Sequence[str]


class RemoteIndex:
    """Files, their state and their records, of a running service. Use one from one thread at a time.

    Every method raises SetupError or ServiceUnreachable where the service refuses or does not answer.
    """

    def __init__(self, url: str, *, token: str | None = None) -> None:
        import httpx

        secret = token or os.environ.get("MEDLEY_TOKEN", "")
        headers = {"Authorization": f"Bearer {secret}"}
        self._client = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=_PATIENCE_S)
        weakref.finalize(self, self._client.close)  # of one that nobody has closed

    def __enter__(self) -> RemoteIndex:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def search(
        self,
        query: str = "",
        *,
        like: str | os.PathLike[str] | None = None,
        limit: int = 10,
        modalities: Iterable[str] | None = None,
        file: str | os.PathLike[str] | None = None,
        tags: Iterable[str] = (),
        page: int | None = None,
        since: str | None = None,
        until: str | None = None,
        kind: str | None = None,
        least: float = 0.0,
        rerank: str = "no",
        **said: Unpack[Said],
    ) -> Hits:
        """Finds moments by words, or by likeness to a record or a picture file; see `Index.search`.

        Paths of `file` are those of the service's machine.
        """
        asked = {"limit": limit, "tags": list(tags), "page": page, "since": since, "until": until}
        more = {"modalities": modalities and list(modalities), "kind": kind, "least": least, "rerank": rerank}
        more |= conditions(**said)
        asked |= {**more, "file": None if file is None else str(file)}
        if like is not None and Path(like).is_file():
            return self._hits(str(like), self._by_picture(Path(like), asked))
        given = {"query": query} if like is None else {"like": str(like)}
        return self._hits(query or str(like), self._ask("POST", "/api/search", json={**asked, **given}))

    def ingest(
        self,
        *sources: str | os.PathLike[str],
        pipeline: Any = None,
        options: Mapping[str, Any] | None = None,
        force: bool = False,
        progress: Callable[[str], object] | None = None,
    ) -> Report:
        """Uploads files, or all files of folders, and waits until the service has made them searchable.

        The service decides on pipelines and options. Raises SetupError where some are given.
        """
        if pipeline or options or force:
            raise SetupError("a service takes no options with a file", remedy="Set them where the service runs")
        began, say = time.monotonic(), progress or (lambda line: None)
        sent = [(path, self._send(path, say)) for source in sources for path in _files(Path(source))]
        items = tuple(self._ended(path, upload, say) for path, upload in sent)
        fine = all(item.status in _FINE for item in items)
        status = "complete" if fine else "failed" if all(item.status == "failed" for item in items) else "partial"
        return Report("", "upload", status, time.monotonic() - began, 0.0, None, items)

    def status(self, *, failed: bool = False) -> Status:
        """Reports what is known of runs and files; with `failed` only of files that have failed."""
        items: list[dict[str, Any]] = []
        asked = {"status": "failed"} if failed else {}
        while True:
            page = self._ask("GET", "/api/assets", params={**asked, "limit": _PAGE, "offset": len(items)})
            items += page["items"]
            if len(items) >= page["total"] or not page["items"]:
                break
        totals = {"items": page["total"]}
        for item in items:
            totals[item["status"]] = totals.get(item["status"], 0) + 1
        return Status(totals, self._ask("GET", "/api/runs"), {}, items)

    def forget(self, *targets: str | os.PathLike[str]) -> dict[str, Any]:
        """Takes assets, by their ids, out of index, disk and catalog; gives the receipts by id."""
        return {str(target): self._ask("DELETE", f"/api/assets/{target}") for target in targets}

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()

    def _send(self, path: Path, say: Callable[[str], object]) -> dict[str, Any]:
        say(f"sending {path}")
        sent: dict[str, Any] = self._ask("POST", "/api/uploads", params={"name": path.name}, content=_blocks(path))
        return sent

    def _ended(self, path: Path, upload: dict[str, Any], say: Callable[[str], object]) -> Item:
        while upload["status"] not in _ENDED:
            time.sleep(_POLL_S)
            upload = self._ask("GET", upload["url"])
        say(f"{upload['status']} {path}")
        errors = upload["errors"]
        known = {"asset_id": upload["asset_id"], "stages": upload["stages"], "errors": errors}
        return Item(str(path), upload["status"], error=errors[0] if errors else None, **known)

    def _by_picture(self, picture: Path, asked: dict[str, Any]) -> Any:
        import json

        with picture.open("rb") as file:
            return self._ask(
                "POST", "/api/search/picture", data={"request": json.dumps(asked)}, files={"picture": file}
            )

    def _hits(self, query: str, answer: dict[str, Any]) -> Hits:
        for hit in answer["hits"]:
            for piece in (hit, *hit["evidence"]):
                piece.pop("thumbnail_url")
        return Hits(query, map(Hit.of, answer["hits"]), answer["notes"])

    def _ask(self, method: str, path: str, **how: Any) -> Any:
        import httpx

        try:
            answer = self._client.request(method, path, **how)
        except httpx.HTTPError as error:
            why = f"{self._client.base_url} does not answer: {error}"
            raise ServiceUnreachable(why, remedy="Is the service up? medley serve") from error
        if answer.is_success:
            return answer.json()
        raise _error(answer)


def _error(answer: Any) -> MedleyError:
    told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    kind = error_class(told["error"]) if "error" in told else SetupError
    return kind(told.get("reason") or told.get("detail") or str(answer), remedy=told.get("remedy", ""))


def _files(source: Path) -> list[Path]:
    if source.is_dir():
        return sorted(path for path in source.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not source.is_file():
        raise SetupError(f"{source} does not exist", remedy="Give a file or a folder of this machine")
    return [source]


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def conditions(where: Mapping[str, str] | None = None, **said: Any) -> dict[str, Any]:
    """Builds the conditions of a search that are about what files say of themselves; see `Said`."""
    return {"where": [f"{name}={text}" for name, text in (where or {}).items()], **said}
