"""The flow of each modality, by name: imported when it is to run."""

from __future__ import annotations

from medley.types import Flow

FLOWS: dict[Flow, tuple[str, str]] = {
    "video": ("flows.video", "ingest_video"),
    "pdf": ("flows.pdf", "ingest_pdfs"),
    "image": ("flows.image", "ingest_images"),
}
