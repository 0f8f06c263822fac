"""The branch of what somebody has written down already: subtitles in the file, and when a model hears besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from medley.artifacts import Draft
from medley.dag.parts import embed_texts, write_records
from medley.dag.stage import Stage, no_sound, stage
from medley.errors import UnsupportedMedia
from medley.languages import short
from medley.media.subtitle_tracks import chosen_tracks, read_track
from medley.option_values import SubtitleUse
from medley.options import SpeechOptions
from medley.run import TaskContext
from medley.tracks import ALL, TextTrack
from medley.transcript import TRANSCRIPT, chunk_rows, read_segments, said_once, write_chunks, write_segments
from medley.types import ArtifactRef, Asset, Segment
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
    tracks = chosen_tracks(asset, context.options.speech)
    assert tracks, "no file without subtitles comes here"
    segments, damage = list[Segment](), list[str]()
    for number, track in enumerate(tracks, 1):
        found = read_track(asset, track, context.limits)
        language, several = short(track.language), number if len(tracks) > 1 else 0
        segments += [replace(segment, language=language, track=several) for segment in found.segments]
        damage += [found.damage] if found.damage else []
    segments = said_once(segments)
    write_segments(draft.directory / TRANSCRIPT, segments)
    notes, sounds = _told(tracks, asset), len(asset.media.tracks)
    if sounds > 1 and says_all(asset, context.options.speech):
        notes.append(f"its {sounds} sound tracks are not heard (--speech.track all)")
    draft.data |= {"damage": next(iter(damage), ""), "notes": notes, "beside": _beside(tracks)}
    publish_transcript(asset, segments)


def _beside(tracks: Sequence[TextTrack]) -> str:
    """Tells the contents of files beside the video."""
    return " ".join(filter(None, (track.digest for track in tracks)))


def _told(tracks: Sequence[TextTrack], asset: Asset) -> list[str]:
    if len(tracks) > 1:
        return [f"all of its {len(tracks)} subtitle tracks are read"]
    return [_told_of_one(track, asset) for track in tracks]


def _told_of_one(track: TextTrack, asset: Asset) -> str:
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
            return bool(made.get("beside", "") == _beside(chosen_tracks(asset, options)))
        except UnsupportedMedia:
            return True  # the track that is asked for is not there: reading says so

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
    if options.track == ALL and len(asset.media.tracks) > 1:
        return False  # subtitles say what is said on one of them
    return options.subtitle_track not in (None, ALL) or any(track.whole for track in asset.media.texts)


@stage(branch="subtitles", reads=lambda o: o.chunks.model_dump(), takes="subtitles", makes="chunks", num_cpus=0.1)
def chunk_subtitles(subtitles: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Gathers subtitles into chunks, each of which is what one search hit shows."""
    segments = read_segments(Path(subtitles.directory) / TRANSCRIPT)
    write_chunks(segments, subtitles.asset, draft.directory, context.options.chunks)


embed_subtitles = embed_texts("embed_subtitles", branch="subtitles", rows=chunk_rows, takes="chunks")
write_subtitles = write_records("write_subtitles", branch="subtitles", modalities="speech")
