"""The frame branch of videos, and those of further picture tracks: pictures, vectors, records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from medley.artifacts import Draft
from medley.dag.parts import embed_pictures, label_pictures, write_records
from medley.dag.stage import Stage, no_picture, numbered, stage
from medley.errors import UnsupportedMedia
from medley.media import frames as pictures
from medley.options import FrameOptions
from medley.run import TaskContext
from medley.tracks import ALL, marks
from medley.types import Asset, Row
from tasks.publish import publish_frames

_MOST = 4  #: picture tracks that are looked at


def _exported(made: Path) -> dict[str, Any]:
    if not (made / pictures.SHOTS).is_file():
        return {}
    track = {"track": number} if (number := pictures.track_of(made)) else {}
    found = [(frame.time_s, str(made / frame.image)) for frame in pictures.read_frames(made)]
    frames = [{"time_s": time_s, "image": image, **track} for time_s, image in found]
    shots = [{"start_s": begin_s, "end_s": end_s, **track} for begin_s, end_s in pictures.shots_of(made)]
    return {"frames": frames, "shots": shots}


def _read_options(options: Any) -> dict[str, Any]:
    """Without the track where it is the main one: of all tracks, too, the first branch has that one."""
    found: dict[str, Any] = options.frames.model_dump(exclude={"ocr", "captions", "track"})
    return found if options.frames.track in (None, ALL) else found | {"track": options.frames.track}


@stage(
    version=4,
    branch="frames",
    reads=_read_options,
    skips=no_picture,
    takes="assets",
    makes="frames",
    export=_exported,
)
def sample_frames(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Extracts the pictures of a video that are worth looking at, as JPEGs with times."""
    asset, notes = _chosen(asset, context.options.frames)
    _sample(asset, draft, context)
    draft.data["notes"] = notes


def _chosen(asset: Asset, options: FrameOptions) -> tuple[Asset, list[str]]:
    """The asset with the pictures that are asked for, and what there is to say of others."""
    there = asset.media.pictures
    if options.track == ALL:
        unseen = _others(asset)[_MOST - 1 :]
        return asset, [f"picture tracks {', '.join(map(str, unseen))} are not looked at"] if unseen else []
    if options.track is None:
        main = next((n for n, picture in enumerate(there, 1) if picture.stream == asset.media.video_stream), 1)
        told = f"picture track {main} of {len(there)} is looked at (--frames.track)"
        return asset, [told] if len(there) > 1 else []
    if not there and options.track == "1":  # an older probe did not list them
        return asset, []
    if int(options.track) > len(there):
        what = f"has no picture track {options.track}, only {len(there)}"
        raise UnsupportedMedia(what, file=asset.path, remedy="Give --frames.track all, or leave it out")
    return pictures.with_picture(asset, there[int(options.track) - 1]), []


def _sample(asset: Asset, draft: Draft, context: TaskContext, track: int = 0) -> None:
    options: FrameOptions = context.options.frames
    found = pictures.sample_frames(asset, draft.directory, options, context.limits, context.spread, track)
    draft.data |= {"frames": len(found.frames), "shots": len(found.shots), "damage": found.damage}
    publish_frames(asset, found.frames, draft.directory)


def _others(asset: Asset) -> list[int]:
    """Numbers of the picture tracks besides the main one."""
    there = enumerate(asset.media.pictures, 1)
    return [number for number, picture in there if picture.stream != asset.media.video_stream]


def further_frames(n: int) -> Stage:
    """Returns the stage that samples the n-th picture track of videos, the main one being the first."""

    def no_such_picture(asset: Asset) -> str:
        return "" if len(_others(asset)) >= n - 1 else "no further picture"

    def sample_further(asset: Asset, draft: Draft, context: TaskContext) -> None:
        """Extracts the pictures of another picture track."""
        _sample(asset, draft, context, _others(asset)[n - 2])

    return numbered(replace(sample_frames, work=sample_further, skips=no_such_picture), n)


def branches_of_pictures(options: FrameOptions) -> range:
    """Counts the branches of picture tracks from 1."""
    return range(1, (_MOST if options.track == ALL else 1) + 1)


def _rows(directory: Path) -> list[tuple[Row, str]]:
    found, track = pictures.read_frames(directory), pictures.track_of(directory)
    spans = pictures.spans_of(found, pictures.shots_of(directory))
    return [(frame_row(span, track), frame.image) for frame, span in zip(found, spans, strict=True)]


def frame_row(span: tuple[float, float], track: int) -> Row:
    """Builds the record of what is shown from when until when, in seconds, on a picture track (0: the main one)."""
    begin_ms, end_ms = (max(0, round(at_s * 1000)) for at_s in span)
    return Row("frame", "", start_ms=begin_ms, end_ms=end_ms, part=track, marks=marks(track))


embed_frames = embed_pictures("embed_frames", branch="frames", rows=_rows, takes="frames", version=3)
label_frames = label_pictures("label_frames", branch="frames")
write_frames = write_records("write_frames", branch="frames", modalities="frame", space="image")
