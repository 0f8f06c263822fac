"""Opens a connection to a vector store: Milvus, or what another package brings for the scheme of the URI."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

from medley.errors import SetupError
from medley.run import StoreAddress
from medley.stores.base import VectorStore

GROUP = "medley.stores"
_MILVUS = ("http", "https", "tcp", "unix")


def open_store(address: StoreAddress) -> VectorStore:
    """Opens a connection to the store at `address`; close it. Raises StoreUnavailable, SetupError."""
    if entry := store_entry(address.uri):
        store: VectorStore = entry.load()(address)
        return store
    from medley.stores.milvus import MilvusStore  # pymilvus takes a second to import

    return MilvusStore(address)


@lru_cache
def store_entry(uri: str) -> EntryPoint | None:
    """Finds the entry point of the package that has stores for the scheme of `uri`; None for Milvus.

    Raises SetupError where no package has such stores.
    """
    scheme = uri.partition("://")[0]
    for entry in entry_points(group=GROUP, name=scheme):
        return entry
    if scheme not in _MILVUS:
        remedy = "Install the package that has it, or give the URI of a Milvus server: http://HOST:19530"
        raise SetupError(f"no package here has stores for {scheme}:// (MEDLEY_STORE__URI)", remedy=remedy)
    return None
