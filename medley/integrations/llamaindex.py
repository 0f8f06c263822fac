"""A retriever for LlamaIndex: `pip install medley-media[llamaindex]`."""

from __future__ import annotations

from typing import Any

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

import medley
from medley.integrations.hits import facts_of, words_of


class MedleyRetriever(BaseRetriever):
    """Retrieves moments of an index as nodes with scores: the words, and where they are in the metadata."""

    def __init__(
        self,
        index: str | None = None,
        *,
        token: str | None = None,
        similarity_top_k: int = 4,
        least: float = 0.5,
        filters: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """Opens the index in a directory, or of a service by its URL; see `medley.open`."""
        self._index = medley.open(index, token=token)
        self._how = {"limit": similarity_top_k, "least": least, **(filters or {})}
        super().__init__(**more)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [
            NodeWithScore(node=_node(hit), score=hit.score)
            for hit in self._index.search(query_bundle.query_str, **self._how)
        ]


def _node(hit: medley.Hit) -> TextNode:
    return TextNode(id_=hit.record_id, text=words_of(hit), metadata=facts_of(hit))
