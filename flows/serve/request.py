"""What a search can be asked, the same on the command line and of the service."""

from __future__ import annotations

import os
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from medley import labels, languages
from medley.catalog import Catalog
from medley.catalog.known import assets_at, assets_of_kind, assets_seen, assets_tagged
from medley.catalog.said import assets_dated, assets_near, assets_saying
from medley.dates import as_utc
from medley.errors import SetupError
from medley.sources.urls import is_url
from medley.stores.base import Scope
from medley.types import Modality

RECORD_ID = "[0-9a-f]{40}"
#: Conditions of a search that may leave nothing to look at, and what they are called.
FILTERS = {
    "modalities": "modality",
    "file": "file",
    "asset": "asset",
    "tags": "tag",
    "page": "page",
    "speaker": "speaker",
    "language": "language",
    "labels": "label",
    "since": "since",
    "until": "until",
    "kind": "kind",
    "where": "where",
    "dated_since": "dated-since",
    "dated_until": "dated-until",
    "near": "near",
    "least": "min",
}

_NUMBER = r"-?\d{1,3}(\.\d{1,10})?"
_NEAR = rf"^{_NUMBER},{_NUMBER}(,\d{{1,5}}(\.\d{{1,3}})?)?$"
_NEAR_KM = 1.0
Kind = Literal["video", "audio", "image", "pdf", "document"]


class SearchRequest(BaseModel):
    """Words, or something that what is looked for is like; and where to look."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: str = Field("", max_length=4000, description="words")
    like: str | None = Field(None, max_length=4096, description="id of a record, or path of a picture file")
    limit: int = Field(10, ge=1, le=10_000, description="hits at most")
    offset: int = Field(0, ge=0, le=10_000, description="hits to leave out, for the next page of an answer")
    modalities: tuple[Modality, ...] | None = Field(None, description="only records of these")
    kind: Kind | None = Field(None, description="only files of this kind")
    file: str | None = Field(None, description="path or URL of a file, or of the folder it is in")
    asset: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="id of an asset: only in that one")
    tags: tuple[str, ...] = Field((), description="only files that have all of them")
    page: int | None = Field(None, ge=1, le=2**31, description="only records of this page, from 1")
    speaker: str | None = Field(
        None, min_length=1, max_length=64, description="only what somebody says: a name, or with `file` a number"
    )
    language: str | None = Field(
        None, pattern="^[A-Za-z]{2,3}([-_][A-Za-z]+)?$", description="only what is said in this language: en, de"
    )
    labels: tuple[Annotated[str, StringConstraints(min_length=1, max_length=40)], ...] = Field(
        (), description="only pictures that have all of these labels"
    )
    since: str | None = Field(None, description="first seen then or later: 2026-11-24 (UTC), yesterday, last week")
    until: str | None = Field(None, description="first seen before that")
    where: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,30}=.{1,300}$")], ...] = Field(
        (), description="only files that say that of themselves: camera=nikon, artist=tern"
    )
    dated_since: str | None = Field(None, description="made then or later, by the file's own word (EXIF, tags)")
    dated_until: str | None = Field(None, description="made before that")
    near: str | None = Field(
        None, pattern=_NEAR, description="taken near a place: degrees north, east, and kilometres (48.858,2.294,5)"
    )
    least: float = Field(0.0, ge=0.0, le=1.0, description="only hits with at least this score; 0.5: no weak ones")
    rerank: Literal["no", "tokens", "endpoint"] = Field(
        "no", description="order once more: by the text model's token vectors, or by the endpoint of the settings"
    )

    @field_validator("since", "until", "dated_since", "dated_until")
    @classmethod
    def _date(cls, value: str | None) -> str | None:
        return None if value is None else as_utc(value)

    @property
    def filters(self) -> list[str]:
        """Names of the conditions that are set."""
        unset = SearchRequest()
        return [name for name in FILTERS if getattr(self, name) != getattr(unset, name)]

    def without(self, *conditions: str) -> SearchRequest:
        """Returns the same request without some of its conditions."""
        return self.model_copy(update={name: type(self).model_fields[name].default for name in conditions})

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
        if self.asset:
            within.append([self.asset])
        if self.since or self.until:
            within.append(assets_seen(catalog.engine, self.since, self.until))
        if self.kind:
            within.append(assets_of_kind(catalog.engine, self.kind))
        if self.tags:
            within.append(assets_tagged(catalog.engine, self.tags))
        within += self._said(catalog)
        assets = frozenset.intersection(*map(frozenset, within)) if within else None
        wanted = [*([languages.mark(self.language)] if self.language else []), *map(labels.mark, self.labels)]
        marks = tuple(frozenset([one]) for one in wanted)
        return Scope(self.modalities, assets, self.page, marks)

    def _said(self, catalog: Catalog) -> list[list[str]]:
        """Assets by what their files say of themselves, for each condition that is set."""
        found: list[list[str]] = []
        if self.where:
            found.append(assets_saying(catalog.engine, dict(pair.split("=", 1) for pair in self.where)))
        if self.dated_since or self.dated_until:
            found.append(assets_dated(catalog.engine, self.dated_since, self.dated_until))
        if self.near:
            north, east, *km = (float(part) for part in self.near.split(","))
            found.append(assets_near(catalog.engine, north, east, km[0] if km else _NEAR_KM))
        return found
