"""Results as files for people and other programs: JSON beside SRT and WebVTT."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from medley.artifacts import ArtifactStore
from medley.media.frames import FRAMES, read_frames
from medley.media.pdf import read_pages
from medley.plain import markdown_text, to_json
from medley.run import TaskContext
from medley.subtitles import srt, vtt
from medley.transcript import TRANSCRIPT, read_segments
from medley.types import Asset, Segment


def export_asset(asset: Asset, shown_path: str, run: TaskContext, directory: Path) -> Path:
    """Writes `<stem>.json` into `directory`, and `.srt` and `.vtt` where there is speech, `.md` where there are pages.

    Returns the JSON's path.

    On a name that another asset has taken, `<stem>.<8 digits of the asset id>.json`. Branches that are not done give
    empty lists.
    """
    segments, pages = _segments(asset, run), _pages(asset, run)
    content = {
        "path": shown_path,
        "asset_id": asset.asset_id,
        "segments": [asdict(segment) for segment in segments],
        "frames": _frames(asset, run),
        "pages": pages,
    }
    target = _free_name(directory, asset)
    target.write_text(to_json(content, indent=1) + "\n")
    if segments:
        target.with_suffix(".srt").write_text(srt(segments))
        target.with_suffix(".vtt").write_text(vtt(segments))
    if pages:
        target.with_suffix(".md").write_text(markdown(pages))
    return target


def markdown(pages: Sequence[dict[str, Any]]) -> str:
    """Pages as Markdown: a heading for each, a paragraph for each block."""
    parts = [
        f"## Page {page['page']}\n\n" + "\n\n".join(markdown_text(block["text"]) for block in page["blocks"])
        for page in pages
    ]
    return "\n\n".join(parts) + "\n"


def _made(asset: Asset, stage: str, run: TaskContext) -> Path | None:
    """Where a stage's artifact is; None where there is none."""
    artifacts, fingerprint = ArtifactStore(run.artifacts), run.fingerprints.get(stage)
    if fingerprint is None or artifacts.find(asset.asset_id, stage, fingerprint) is None:
        return None
    return artifacts.directory(asset.asset_id, stage, fingerprint)


def _segments(asset: Asset, run: TaskContext) -> list[Segment]:
    directory = _made(asset, "transcribe", run)
    return read_segments(directory / TRANSCRIPT) if directory else []


def _pages(asset: Asset, run: TaskContext) -> list[dict[str, Any]]:
    """What is written on each page; of one with a text layer and an OCR both."""
    found = []
    for source, stage in (("text", "parse"), ("ocr", "ocr")):
        directory = _made(asset, stage, run)
        for page in read_pages(directory) if directory else ():
            if page.blocks:
                blocks = [{"text": block.text, "box": list(block.box)} for block in page.blocks]
                text = "\n\n".join(block.text for block in page.blocks)
                found.append({"page": page.number, "text": text, "source": source, "blocks": blocks})
    return sorted(found, key=lambda page: page["page"])


def _frames(asset: Asset, run: TaskContext) -> list[dict[str, Any]]:
    directory = _made(asset, "sample_frames", run)
    if directory is None or not (directory / FRAMES).is_file():
        return []
    return [{"time_s": f.time_s, "image": str(directory / f.image)} for f in read_frames(directory)]


def _free_name(directory: Path, asset: Asset) -> Path:
    """An earlier export of the same asset is written over, another asset's never."""
    plain = directory / f"{Path(asset.path).stem}.json"
    if not plain.exists() or _exported_id(plain) == asset.asset_id:
        return plain
    return directory / f"{Path(asset.path).stem}.{asset.asset_id[:8]}.json"


def _exported_id(path: Path) -> str | None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    asset_id = found.get("asset_id") if isinstance(found, dict) else None
    return asset_id if isinstance(asset_id, str) else None
