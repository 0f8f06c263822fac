"""Files behind URLs of other kinds (https://, sftp://, smb://, ...), by fsspec. See `medley/objects.py`.

What a protocol needs besides (a package, credentials) is fsspec's to say: its own settings apply (FSSPEC_*).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from medley.errors import MissingFile, TransientError
from medley.types import Object

#: Other machines only: fsspec's names for this one, and for archives and caches, are not taken.
SCHEMES = (
    *("http", "https", "ftp", "sftp", "ssh", "smb", "webdav", "hdfs", "webhdfs", "hf", "github", "gist"),
    *("oci", "oss", "box", "dropbox", "gdrive", "lakefs", "dbfs"),
)
_CHUNK_BYTES = 8 << 20
_VERSIONS = ("ETag", "etag", "sha256", "md5", "Content-MD5", "Digest", "Last-Modified", "mtime", "modified", "sha")
_UNKNOWN = -1
_GONE = (404, 410)
_DENIED = (401, 403)


def head(url: str) -> Object:
    """What is at `url`; raises MissingFile, TransientError."""
    with _told(url):
        files, path = _open(url)
        return _object(url, files.info(path))


def listing(url: str) -> Iterator[list[Object]]:
    """Everything below `url`, folder by folder; nothing where it is no folder. Raises as `head`.

    Over HTTP a folder is a page of links, and its URL ends with a slash: anything else would be downloaded to find out.
    """
    with _told(url):
        files, path = _open(url)
        if not (url.endswith("/") if url.startswith("http") else files.isdir(path)):
            return
        for _, folders, found in files.walk(path, detail=True):
            for name in [name for name, info in folders.items() if not info["name"].startswith(path)]:
                del folders[name]  # a link that leads away
            below = [info for info in found.values() if info["name"].startswith(path)]
            yield [_object(files.unstrip_protocol(info["name"]), info) for info in below]


def first_bytes(url: str, count: int) -> bytes:
    """The beginning of the file; raises as `head`."""
    with _told(url):
        files, path = _open(url)
        with files.open(path, "rb") as file:
            return bytes(file.read(count))


def chunks(url: str) -> Iterator[bytes]:
    """The file's bytes, some megabytes at a time; raises as `head`."""
    with _told(url):
        files, path = _open(url)
        with files.open(path, "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk


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
    from fsspec.core import url_to_fs

    files, path = url_to_fs(url)
    files.invalidate_cache()
    return files, path


def _object(url: str, info: dict[str, Any]) -> Object:
    size = info.get("size")
    version = next((str(info[name]) for name in _VERSIONS if info.get(name)), "")
    return Object(url, _UNKNOWN if size is None else int(size), version)


@contextmanager
def _told(url: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        needs = f"{urlsplit(url).scheme}:// needs a package that is not here: {error}"
        raise MissingFile(needs, file=url, remedy="Install it beside Medley") from error
    except Exception as error:  # each protocol has errors of its own
        raise _ours(url, error) from error


def _ours(url: str, error: Exception) -> MissingFile | TransientError:
    """Fsspec calls whatever goes wrong over HTTP a missing file; its cause says more."""
    cause = (error.__cause__ or error) if isinstance(error, FileNotFoundError) else error
    status = getattr(cause, "status", None)  # of aiohttp's errors
    if isinstance(cause, FileNotFoundError) or status in _GONE:
        return MissingFile("does not exist", file=url, remedy="Check the address")
    if isinstance(cause, PermissionError) or status in _DENIED:
        return MissingFile("cannot be read: access denied", file=url, remedy="Check the credentials")
    why = " ".join(str(cause).split())[:200] or type(cause).__name__
    return TransientError(f"cannot be read: {why}", file=url, remedy="Check the address, then run again")
