"""The branch of what somebody has written down already: subtitles in the file, and when a model hears besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from medley.artifacts import Draft
from medley.dag.parts import embed_texts, write_records
from medley.dag.stage import Stage, no_sound, stage
from medley.errors import UnsupportedMedia
from medley.languages import short
from medley.media.subtitle_tracks import chosen_track, read_track
from medley.option_values import SubtitleUse
from medley.options import SpeechOptions
from medley.run import TaskContext
from medley.tracks import TextTrack
from medley.transcript import TRANSCRIPT, chunk_rows, read_segments, write_chunks, write_segments
from medley.types import ArtifactRef, Asset
from tasks.publish import publish_transcript


def _exported(made: Path) -> dict[str, Any]:
    return {"subtitles": [asdict(segment) for segment in read_segments(made / TRANSCRIPT)]}


@stage(
    version=2,
    branch="subtitles",
    reads=lambda o: [o.speech.subtitle_track, o.speech.subtitles],  # the use: another one is another plan
    takes="assets",
    makes="subtitles",
    export=_exported,
)
def read_subtitles(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Reads the subtitles in a file as sentences with times."""
    track = chosen_track(asset, context.options.speech)
    assert track, "no file without subtitles comes here"
    found = read_track(asset, track, context.limits)
    segments = [replace(segment, language=short(track.language)) for segment in found.segments]
    write_segments(draft.directory / TRANSCRIPT, segments)
    draft.data |= {"damage": found.damage, "notes": [_told(track, asset)], "beside": track.digest}
    publish_transcript(asset, segments)


def _told(track: TextTrack, asset: Asset) -> str:
    texts = asset.media.texts
    if track.file:
        return f"its subtitles are read from {track.title}"
    named = f"{texts.index(track) + 1}{f' ({track.language})' if track.language else ''}"
    return f"subtitle track {named} of {len(texts)} is read" if len(texts) > 1 else "its subtitles are read"


def subtitles_of(options: SpeechOptions) -> Stage:
    """Returns the stage that reads subtitles, which skips every file where they are ignored."""

    def no_subtitles(asset: Asset) -> str:
        if options.subtitles is SubtitleUse.IGNORE:
            return "subtitles are ignored"
        return "" if asset.media.texts else "no subtitles"

    def are_the_same(asset: Asset, made: Mapping[str, Any]) -> bool:
        try:
            track = chosen_track(asset, options)
        except UnsupportedMedia:
            return True  # the track that is asked for is not there: reading says so
        return bool(made.get("beside", "") == (track.digest if track else ""))

    return replace(read_subtitles, skips=no_subtitles, current=are_the_same)


def heard_besides(extract_audio: Stage, options: SpeechOptions) -> Stage:
    """Returns the first stage of the branch of speech, which skips files of which subtitles say all."""

    def written_already(asset: Asset) -> str:
        return no_sound(asset) or ("its subtitles say it" if says_all(asset, options) else "")

    return replace(extract_audio, skips=written_already)


def says_all(asset: Asset, options: SpeechOptions) -> bool:
    """Says whether subtitles take the place of what is heard in a file."""
    if options.subtitles is not SubtitleUse.PREFER or not asset.media.texts:
        return False
    return options.subtitle_track is not None or any(track.whole for track in asset.media.texts)


@stage(branch="subtitles", reads=lambda o: o.chunks.model_dump(), takes="subtitles", makes="chunks", num_cpus=0.1)
def chunk_subtitles(subtitles: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Gathers subtitles into chunks, each of which is what one search hit shows."""
    segments = read_segments(Path(subtitles.directory) / TRANSCRIPT)
    write_chunks(segments, subtitles.asset, draft.directory, context.options.chunks)


embed_subtitles = embed_texts("embed_subtitles", branch="subtitles", rows=chunk_rows, takes="chunks")
write_subtitles = write_records("write_subtitles", branch="subtitles", modalities="speech")
