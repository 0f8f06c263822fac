"""Files behind URLs of other kinds (https://, sftp://, smb://, ...), by fsspec. See `medley/sources/urls.py`.

What a protocol needs besides (a package, credentials) is fsspec's to say: its own settings apply (FSSPEC_*).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from medley.errors import MedleyError, MissingFile, TooLarge, TransientError
from medley.sources.web import LeadsAway, http_options
from medley.system.stop import raise_if_stopped
from medley.types import Object

#: Other machines only: fsspec's names for this one, and for archives and caches, are not taken.
SCHEMES = (
    *("http", "https", "ftp", "sftp", "ssh", "smb", "webdav", "hdfs", "webhdfs", "hf", "github", "gist"),
    *("oci", "oss", "box", "dropbox", "gdrive", "lakefs", "dbfs"),
)
_CHUNK_BYTES = 8 << 20
_VERSIONS = ("ETag", "etag", "sha256", "md5", "Content-MD5", "Digest", "Last-Modified", "mtime", "modified", "sha")
_UNKNOWN = -1
_DEEPEST, _MOST_FOLDERS = 32, 100_000
_GONE = (404, 410)
_DENIED = (401, 403)


def head(url: str) -> Object:
    """Asks the server for size and version of the file at `url`. Raises MissingFile, TransientError."""
    with _told(url):
        files, path = _open(url)
        return _object(url, files.info(path))


def listing(url: str) -> Iterator[list[Object]]:
    """Lists all files below `url`, folder by folder; nothing where `url` is no folder. Raises as `head`.

    Over HTTP a folder is a page of links, and its URL ends with a slash: anything else would be downloaded to find
    out. Raises TooLarge after everything else where folders hold folders without an end.
    """
    with _told(url):
        files, path = _open(url)
        if not (url.endswith("/") if url.startswith("http") else files.isdir(path)):
            return
        for found in _folders(files, path):
            yield [_object(files.unstrip_protocol(info["name"]), info) for info in found]


def _folders(files: Any, top: str) -> Iterator[list[dict[str, Any]]]:
    """The files of each folder, each folder once; a link that leads away from `top` is not followed."""
    seen, waiting, unseen, folders = {_tidy(top)}, deque([(top, 0)]), False, 1
    while waiting:
        raise_if_stopped()
        folder, depth = waiting.popleft()
        plain = []
        for info in files.ls(folder, detail=True):
            name = _tidy(info["name"])
            if name in seen or not unquote(name).startswith(f"{unquote(_tidy(top)).rstrip('/')}/"):
                continue
            seen.add(name)
            if info["type"] != "directory":
                plain.append({**info, "name": name})
            elif depth < _DEEPEST and folders < _MOST_FOLDERS:
                waiting.append((name, depth + 1))
                folders += 1
            else:
                unseen = True
        yield plain
    if unseen:
        why = f"holds folders without end: {_DEEPEST} within each other or {_MOST_FOLDERS} were looked at, no more"
        raise TooLarge(why, remedy="Give the folders that you mean")


def _tidy(name: str) -> str:
    """Where a link leads, as servers see it: `..` and %2e are resolved, `#x` is left out, and `?C=N` of a folder.

    Empty where a step hides more than one: `..%2f..`.
    """
    parts = urlsplit(name) if "://" in name else SplitResult("", "", name, "", "")
    kept: list[str] = []
    for step in parts.path.split("/"):
        plain = unquote(step)
        if plain == "..":
            del kept[-1:]
        elif ".." in re.split(r"[/\\]", plain):
            return ""
        elif plain != ".":
            kept.append(step)
    path = "/".join(kept)
    return urlunsplit((parts.scheme, parts.netloc, path, "" if path.endswith("/") else parts.query, ""))


def first_bytes(url: str, count: int) -> bytes:
    """Reads the first `count` bytes of the file. Raises as `head`."""
    with _told(url):
        files, path = _open(url)
        with files.open(path, "rb") as file:
            return bytes(file.read(count))


def chunks(url: str) -> Iterator[bytes]:
    """Yields the file's bytes, some megabytes at a time. Raises as `head`."""
    with _told(url):
        files, path = _open(url)
        with files.open(path, "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk


def read(url: str) -> bytes:
    """Reads the whole file. Raises as `head`."""
    with _told(url):
        files, path = _open(url)
        return bytes(files.cat_file(path))


def put(path: Path, url: str) -> str:
    """Writes the file and the folders above it; returns its version, "" where nothing tells that. Raises as `head`."""
    with _told(url):
        files, target = _open(url)
        files.makedirs(target.rpartition("/")[0], exist_ok=True)
        files.put_file(str(path), target)
        return _object(url, files.info(target)).version


def remove(url: str) -> None:
    """Deletes the file; raises as `head`."""
    with _told(url):
        files, path = _open(url)
        files.rm_file(path)


def move(url: str, to: str) -> None:
    """Renames the file; raises as `head`."""
    with _told(url):
        files, path = _open(url)
        files.mv(path, _open(to)[1])


def _open(url: str) -> tuple[Any, str]:
    """Not by fsspec's own reading of URLs: `::` chains what may be a file's name, `file://` and archives among it."""
    from fsspec import get_filesystem_class

    scheme = urlsplit(url).scheme
    kind = get_filesystem_class(scheme)
    options = http_options(url) if scheme in ("http", "https") else kind._get_kwargs_from_urls(url)
    files = kind(**options)
    files.invalidate_cache()
    return files, kind._strip_protocol(url)


def _object(url: str, info: dict[str, Any]) -> Object:
    size = info.get("size")
    version = next((str(info[name]) for name in _VERSIONS if info.get(name)), "")
    return Object(url, _UNKNOWN if size is None else int(size), version)


@contextmanager
def _told(url: str) -> Iterator[None]:
    try:
        yield
    except MedleyError:
        raise
    except ImportError as error:
        needs = f"{urlsplit(url).scheme}:// needs a package that is not here: {error}"
        raise MissingFile(needs, file=url, remedy="Install it beside Medley") from error
    except Exception as error:  # each protocol has errors of its own
        raise _ours(url, error) from error


def _ours(url: str, error: Exception) -> MissingFile | TransientError:
    """Fsspec calls whatever goes wrong over HTTP a missing file; its cause says more."""
    cause = (error.__cause__ or error) if isinstance(error, FileNotFoundError) else error
    if away := _leads_away(error):
        return MissingFile(str(away), file=url, remedy="Give that address itself, if you trust it")
    status = getattr(cause, "status", None)  # of aiohttp's errors
    if isinstance(cause, FileNotFoundError) or status in _GONE:
        return MissingFile("does not exist", file=url, remedy="Check the address")
    if isinstance(cause, PermissionError) or status in _DENIED:
        return MissingFile("cannot be read: access denied", file=url, remedy="Check the credentials")
    why = " ".join(str(cause).split())[:200] or type(cause).__name__
    return TransientError(f"cannot be read: {why}", file=url, remedy="Check the address, then run again")


def _leads_away(error: BaseException | None) -> LeadsAway | None:
    """Clients wrap errors of a connection, and put those of several addresses together."""
    while error is not None:
        if isinstance(error, LeadsAway):
            return error
        some = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
        if found := next(filter(None, map(_leads_away, (*some, getattr(error, "os_error", None)))), None):
            return found
        error = error.__cause__ or error.__context__
    return None
