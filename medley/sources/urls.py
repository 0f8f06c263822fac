"""Files that are not on this machine, by URL: listed a part at a time, copied once to work on them.

Buckets by obstore, everything else by fsspec: the first streams whole listings in pages, the second knows more kinds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from medley.errors import NO_SPACE, MissingFile, TooLarge, no_space
from medley.sources import attached, buckets, remote
from medley.types import Object

#: user:password@ of a URL; the password may hold anything but a slash.
_PASSWORD = re.compile(r"^([a-z0-9+.-]+://[^/@:]*):[^/]*@", re.IGNORECASE)
_HIDDEN = ":***"
#: What helps where a file is larger than we take.
RAISE = "Raise MEDLEY_LIMITS__MAX_FILE_BYTES"


def is_url(path: str) -> bool:
    """Tells whether `path` names something that is not on this machine, of a kind that Medley fetches."""
    scheme, found, _ = path.partition("://")
    return bool(found) and scheme in (*buckets.SCHEMES, *remote.SCHEMES, *attached.SCHEMES)


def without_password(source: str) -> str:
    """Hides the password in a path or URL, so that the path or URL may be kept and shown."""
    return _PASSWORD.sub(rf"\1{_HIDDEN}@", source) if is_url(source) else source


def _source(url: str) -> ModuleType:
    if f"{_HIDDEN}@" in url:
        remedy = "Put it into ~/.netrc (http, https), a key or an agent (sftp), or FSSPEC_... variables"
        raise MissingFile("has a password in its address, which would be kept and shown", file=url, remedy=remedy)
    scheme = url.partition("://")[0]
    return next((module for module in (buckets, attached) if scheme in module.SCHEMES), remote)


def head(url: str) -> Object:
    """Looks up size and version of the file at `url`. Raises MissingFile, TransientError."""
    found: Object = _source(url).head(url)
    return found


def listing(url: str) -> Iterator[list[Object]]:
    """Lists all files below `url`, some hundreds at a time. Raises as `head`."""
    yield from _source(url).listing(url)


def first_bytes(url: str, count: int) -> bytes:
    """Reads the first `count` bytes of the object. Raises as `head`."""
    return bytes(_source(url).first_bytes(url, count))


def fetch(url: str, target: Path, most_bytes: int = 1 << 60) -> str:
    """Copies the object to `target`; returns the SHA-256 of its bytes. Raises as `head`, TooLarge, NoSpace."""
    digest, count = hashlib.sha256(), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("wb") as file:
            for chunk in _source(url).chunks(url):
                count += len(chunk)
                if count > most_bytes:
                    raise TooLarge(f"has more than {most_bytes} bytes", file=url, remedy=RAISE)
                digest.update(chunk)
                file.write(chunk)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise no_space(target) from None
        raise
    return digest.hexdigest()


def read(url: str) -> bytes:
    """Reads the whole object. Raises as `head`."""
    return bytes(_source(url).read(url))


def put(path: Path, url: str) -> str:
    """Writes an object from a file; returns its version, "" where nothing tells that. Raises as `head`."""
    return str(_source(url).put(path, url))


def remove(url: str) -> None:
    """Deletes the object; raises as `head`."""
    _source(url).remove(url)


def move(url: str, to: str) -> None:
    """Renames the object within its bucket or machine; raises as `head`."""
    _source(url).move(url, to)
