"""Files in buckets (s3://, gs://, az://), by obstore: listed page by page, streamed. See `medley/sources/urls.py`.

Credentials and endpoints are the provider's own environment variables (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ...).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from medley.errors import MissingFile, TransientError
from medley.types import Object

SCHEMES = ("s3", "gs", "az", "abfs", "abfss")
_PAGE = 500
_CHUNK_BYTES = 8 << 20
_TRIES = 3


def head(url: str) -> Object:
    """Asks the bucket for size and version of the object at `url`. Raises MissingFile, TransientError."""
    store, key = _open(url)
    with _told(url):
        found = store.head(key)
    return Object(url, int(found["size"]), str(found["e_tag"]))


def listing(url: str) -> Iterator[list[Object]]:
    """Lists all objects below `url`, some hundreds at a time. Raises MissingFile, TransientError."""
    store, prefix = _open(url)
    base = _bucket_of(url)
    with _told(url):
        for page in store.list(prefix or None, chunk_size=_PAGE):
            yield [Object(base + found["path"], int(found["size"]), str(found["e_tag"])) for found in page]


def folder(url: str) -> list[Object]:
    """Lists the objects of a folder, without those of folders in it. Raises MissingFile, TransientError."""
    store, prefix = _open(url)
    base = _bucket_of(url)
    with _told(url):
        found = store.list_with_delimiter(prefix or None)["objects"]
        return [Object(base + one["path"], int(one["size"]), str(one["e_tag"])) for one in found]


def first_bytes(url: str, count: int) -> bytes:
    """Reads the first `count` bytes of the object. Raises MissingFile, TransientError."""
    store, key = _open(url)
    with _told(url):
        return bytes(store.get_range(key, start=0, length=count))


def chunks(url: str) -> Iterator[bytes]:
    """Yields the object's bytes, some megabytes at a time. Raises MissingFile, TransientError."""
    store, key = _open(url)
    with _told(url):
        yield from map(bytes, store.get(key).stream(min_chunk_size=_CHUNK_BYTES))


def read(url: str) -> bytes:
    """Reads the whole object; raises MissingFile, TransientError."""
    store, key = _open(url)
    with _told(url):
        return bytes(store.get(key).bytes())


def put(path: Path, url: str) -> str:
    """Writes the object, all of it or nothing; returns its version. Raises MissingFile, TransientError."""
    store, key = _open(url)
    with _told(url):
        return str(store.put(key, path)["e_tag"] or "")


def remove(url: str) -> None:
    """Deletes the object; raises MissingFile, TransientError."""
    store, key = _open(url)
    with _told(url):
        store.delete(key)


def move(url: str, to: str) -> None:
    """Renames the object within its bucket; raises MissingFile, TransientError."""
    store, key = _open(url)
    with _told(url):
        store.rename(key, _open(to)[1])


def _bucket_of(url: str) -> str:
    """The address of the bucket, with the slash that nobody writes behind a bucket as a whole."""
    parts = urlparse(url, allow_fragments=False)
    return f"{parts.scheme}://{parts.netloc}/"


def _open(url: str) -> tuple[Any, str]:
    parts = urlparse(url, allow_fragments=False)
    return _bucket(f"{parts.scheme}://{parts.netloc}"), url.split("://", 1)[1].partition("/")[2]


@lru_cache
def _bucket(url: str) -> Any:
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    options: Any = {"client_options": {"allow_http": plain}, "retry_config": {"max_retries": _TRIES}}
    try:
        return from_url(url, **options)
    except (BaseError, ValueError) as error:
        raise MissingFile("is no address of a bucket", file=url, remedy="Use s3://BUCKET/PREFIX") from error


@contextmanager
def _told(url: str) -> Iterator[None]:
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

    try:
        yield
    except FileNotFoundError as error:
        raise MissingFile("does not exist", file=url, remedy="Check the address") from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise MissingFile("cannot be read: access denied", file=url, remedy="Check the credentials") from error
    except BaseError as error:
        first = str(error).splitlines()[0]
        if "404" in first:  # a bucket that there is not
            raise MissingFile("does not exist", file=url, remedy="Check the address") from error
        raise TransientError(f"the bucket does not answer: {first}", file=url) from error
