"""A retriever for LangChain: `pip install medley-media[langchain]`."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field, PrivateAttr

import medley
from medley.integrations.hits import facts_of, words_of


class MedleyRetriever(BaseRetriever):
    """Retrieves moments of an index as documents: the words, and where they are in the metadata.

    A hit without words (a frame, a picture) is described by its file and its place.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    index: str | None = Field(None, description="directory of the index, or URL of a service; default: MEDLEY_HOME")
    token: str | None = Field(None, description="secret of the service")
    k: int = Field(4, ge=1, description="documents at most")
    least: float = Field(0.5, ge=0.0, le=1.0, description="least score; below 0.5 hits are weak")
    filters: dict[str, Any] = Field(default_factory=dict, description="further arguments of `Index.search`")
    _open: Any = PrivateAttr(None)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        self._open = self._open or medley.open(self.index, token=self.token)
        limit = int(kwargs.pop("k", self.k))
        hits = self._open.search(query, **{"limit": limit, "least": self.least, **self.filters, **kwargs})
        return [Document(page_content=words_of(hit), metadata=facts_of(hit), id=hit.record_id) for hit in hits]
