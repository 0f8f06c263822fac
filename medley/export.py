"""Results as files for people and other programs: JSON beside SRT, WebVTT, Markdown, and files that stages made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medley.artifacts import Key
from medley.content import arranged, by_track, segments_of
from medley.dag.stage import Stage
from medley.plain import markdown_text, to_json
from medley.run import TaskContext
from medley.subtitles import srt, vtt
from medley.types import Asset


def export_asset(asset: Asset, shown_path: str, context: TaskContext, directory: Path) -> Path:
    """Writes `<stem>.json` into `directory`; `.srt` and `.vtt` where there is speech, `.md` where there are pages.

    What is said on further tracks is `<stem>.track-2.srt`, which is no name of subtitles that players look for.
    Returns the JSON's path. On a name that another asset has taken, `<stem>.<8 digits of the asset id>.json`. What a
    stage exports is in its facts; stages that are not done give nothing.
    """
    content: dict[str, Any] = {"path": shown_path, "asset_id": asset.asset_id}
    content |= {"segments": [], "frames": [], "shots": [], "on_screen": [], "chapters": [], "pages": []}
    target, made = _free_name(directory, asset), _made(asset, context)
    with context.artifact_store.hold(list(made)) as directories:
        for stage, where in zip(made.values(), directories, strict=True):
            for key, found in stage.export(where).items() if stage.export else ():
                content[key] = content[key] + found if isinstance(content.get(key), list) else found
            for file in (path for pattern in stage.files for path in sorted(where.glob(pattern))):
                shutil.copyfile(file, target.with_name(f"{target.stem}.{file.name}"))
    arranged(content)
    target.write_text(to_json(content, indent=1) + "\n")
    _write_readable(content, target)
    return target


def _write_readable(content: dict[str, Any], target: Path) -> None:
    for n, segments in enumerate(by_track(segments_of(content)).values()):
        for ending, write in ((".srt", srt), (".vtt", vtt)):
            name = f"{target.stem}.track-{segments[0].track}{ending}" if n else f"{target.stem}{ending}"
            target.with_name(name).write_text(write(segments))
    if content["pages"]:
        target.with_suffix(".md").write_text(markdown(content["pages"]))


def markdown(pages: Sequence[dict[str, Any]]) -> str:
    """Formats pages as Markdown: a heading for each page that has places, a paragraph for each block.

    Documents without places have headings and tables of their own.
    """
    parts: list[str] = []
    told = set[str]()
    for page in pages:
        if any(block.get("box") for block in page["blocks"]):
            parts.append(f"## Page {page['page']}")
        parts += [_block(block) for block in page["blocks"] if not _told_before(block, told)]
    return "\n\n".join(parts) + "\n"


def _told_before(block: dict[str, Any], told: set[str]) -> bool:
    """Whether a block is a header or footer, numbers aside, that has been written."""
    words = "".join(letter for letter in block["text"] if not letter.isdecimal()) if block.get("role") else ""
    again = words in told if words else False
    told.add(words)
    return again


def _block(block: dict[str, Any]) -> str:
    if level := block.get("level"):
        return f"{'#' * min(level, 6)} {markdown_text(block['text'])}"
    return _table(block["cells"]) if block.get("cells") else markdown_text(block["text"])


def _table(cells: Sequence[Sequence[str]]) -> str:
    width = max(len(row) for row in cells)
    full = ((*row, *[""] * (width - len(row))) for row in cells)
    lines = [f"| {' | '.join(markdown_text(cell).replace('|', chr(92) + '|') for cell in row)} |" for row in full]
    return "\n".join([lines[0], f"|{' --- |' * width}", *lines[1:]])


def _made(asset: Asset, context: TaskContext) -> dict[Key, Stage]:
    """The artifacts that have something to export, by their keys."""
    artifacts = context.artifact_store.snapshot()
    exported = [stage for stage in context.dag.wanted(asset) if stage.export or stage.files]
    keys = {(asset.asset_id, stage.name, context.fingerprints[stage.name]): stage for stage in exported}
    return {key: stage for key, stage in keys.items() if artifacts.find(*key)}


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
