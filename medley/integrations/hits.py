"""Hits as the documents of other frameworks."""

from __future__ import annotations

from typing import Any

from medley.results import Hit


def words_of(hit: Hit) -> str:
    """Returns the words of a hit, or what and where it is."""
    return hit.text or f"{hit.modality} of {hit.path} {hit.where}".strip()


def facts_of(hit: Hit) -> dict[str, Any]:
    """Returns where a hit is, without what is not known of it."""
    names = ("path", "asset_id", "record_id", "modality", "score", "weak", "start_s", "end_s", "page", "thumbnail")
    known = {name: getattr(hit, name) for name in names}
    return {name: value for name, value in known.items() if value is not None}
