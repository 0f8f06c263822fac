"""The flow of each modality, by name: imported when it is to run."""

from __future__ import annotations

from importlib import import_module
from typing import Any

FLOWS: dict[str, tuple[str, str]] = {
    "video": ("flows.video", "ingest_video"),
    "pdf": ("flows.pdf", "ingest_pdfs"),
    "image": ("flows.image", "ingest_images"),
    "ingest": ("flows.ingest", "ingest_sources"),
}


def flow_named(name: str) -> Any:
    """The flow of that name; imports Prefect."""
    module, attribute = FLOWS[name]
    return getattr(import_module(module), attribute)
