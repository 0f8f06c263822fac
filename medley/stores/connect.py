"""Opens a connection to a vector store."""

from __future__ import annotations

from medley.run import StoreAddress
from medley.stores.base import VectorStore


def open_store(address: StoreAddress) -> VectorStore:
    """A connection to the store at `address`; raises ServiceUnreachable. Milvus is the only kind so far."""
    from medley.stores.milvus import MilvusStore  # pymilvus takes a second to import

    return MilvusStore(address)
