"""What a search can be asked, the same on the command line and of the query process."""

from __future__ import annotations

import os

from pydantic import BaseModel, ConfigDict, Field

from medley.catalog import Catalog
from medley.catalog.known import assets_at, assets_seen, assets_tagged
from medley.errors import SetupError
from medley.sources.urls import is_url
from medley.stores.base import Scope
from medley.types import Modality

_DATE = r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?$"


class SearchRequest(BaseModel):
    """Words, or something that what is looked for is like; and where to look."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: str = ""
    like: str | None = Field(None, description="id of a record, or path of a picture file")
    limit: int = Field(10, ge=1, le=10_000)
    modalities: tuple[Modality, ...] | None = Field(None, description="only records of these")
    file: str | None = Field(None, description="path or URL of a file, or of the folder it is in")
    tags: tuple[str, ...] = Field((), description="only files that have all of them")
    page: int | None = Field(None, ge=1)
    since: str | None = Field(None, pattern=_DATE, description="first seen then or later, UTC")
    until: str | None = Field(None, pattern=_DATE, description="first seen before that, UTC")

    def scope(self, catalog: Catalog) -> Scope:
        """Returns where to look. Conditions that only the catalog knows (file, dates, tags) are looked up there.

        Raises SetupError for an unknown file.
        """
        within: list[list[str]] = []
        if self.file is not None:
            path = self.file if is_url(self.file) else os.path.abspath(os.path.expanduser(self.file))
            within.append(assets_at(catalog.engine, path))
            if not within[0]:
                raise SetupError(f"nothing is known of {self.file}", remedy="See medley status for what is")
        if self.since or self.until:
            within.append(assets_seen(catalog.engine, self.since, self.until))
        if self.tags:
            within.append(assets_tagged(catalog.engine, self.tags))
        return Scope(self.modalities, frozenset.intersection(*map(frozenset, within)) if within else None, self.page)
