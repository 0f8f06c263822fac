"""What is in a container: which streams we keep, where time 0 is, how long it lasts, what is odd about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medley.about import about_from
from medley.errors import CorruptMedia, TooLarge, UnsupportedMedia
from medley.media.job import run_job
from medley.media.magic import Sniffed
from medley.media.sniff import sniff
from medley.media.source import Source, open_source
from medley.plain import printable
from medley.setting_groups import Limits
from medley.tracks import Chapter, PictureTrack, SoundTrack, TextTrack
from medley.types import MediaInfo, clock

_PROBE_S = 60.0
_PICTURE = ("width_px", "height_px", "hdr", "alpha", "unsaid")
_SLOW_DISK_BYTES_S = 20e6  # every packet is read once
# What ffmpeg says of their length is reckoned from their size or their end: no declaration.
_ESTIMATED = frozenset({"aac", "mp3", "mpeg", "mpegts", "ogg", "ac3", "eac3", "dts", "h264", "hevc", "dv", "rm"})
#: Raise it when a newer probe finds more: containers are then probed again when their files are next run.
PROBED = 2
_LETTERS = 300  # of a chapter's name
_SHOWN, _UNTIL = 0.1, 0.6  # of the recording, by subtitles that go with all that is said
_PROGRAM = Path(__file__).with_name("probe_child.py")  # not imported: it loads PyAV


def probe_media(path: Path, limits: Limits) -> MediaInfo:
    """Probes the media file at `path`. Raises the errors that `sniff` and `probe_source` raise."""
    with open_source(path) as source:
        return probe_source(source, _container(source), limits)


def probe_source(source: Source, sniffed: Sniffed, limits: Limits) -> MediaInfo:
    """Opens the container, of the kind that its first bytes say, in a child process and reads its packets.

    Raises UnsupportedMedia where it is encrypted, CorruptMedia where the container cannot be opened or
    holds neither sound nor picture, TooLarge where it is beyond a limit.
    """
    found = _Found(_describe(source, sniffed.demuxer, limits), sniffed.demuxer in _ESTIMATED)
    sounds, video = found.sounds, found.video
    _require_open(source, [*sounds, *([video] if video else [])])
    _check_size(source, video, limits)
    audio = _chosen(sounds)
    return MediaInfo(
        demuxer=sniffed.demuxer,
        media_type=sniffed.media_type if video else sniffed.media_type.replace("video/", "audio/"),
        start_s=found.start_s,
        duration_s=found.length_s,
        audio_stream=audio["index"] if audio else None,
        video_stream=video["index"] if video else None,
        **({name: video[name] for name in _PICTURE} if video else {}),
        video_s=found.end_s(video),
        whole_s=found.whole_s,
        tracks=tuple(SoundTrack(s["index"], s["language"], found.end_s(s)) for s in sounds),
        pictures=found.pictures(limits.max_pixels),
        stopped=found.streams["stopped"],
        notes=tuple(found.notes()),
        about=about_from(found.streams["tags"]),
        probed=PROBED,
        **{name: getattr(found, name) for name in ("texts", "chapters")},
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What the child has said; `estimated`: lengths are guesses of ffmpeg's."""

    streams: dict[str, Any]
    estimated: bool

    @property
    def sounds(self) -> list[dict[str, Any]]:
        return [stream for stream in self._usable("audio") if stream["packets"]]

    @property
    def videos(self) -> list[dict[str, Any]]:
        return [stream for stream in self._usable("video") if stream["packets"] and not stream["cover"]]

    @property
    def video(self) -> dict[str, Any] | None:
        return _chosen(self.videos)

    def pictures(self, most: int) -> tuple[PictureTrack, ...]:
        """Lists the tracks whose pictures have so many pixels at most."""
        small = (video for video in self.videos if video["width_px"] * video["height_px"] <= most)
        facts = ((video, {name: video[name] for name in _PICTURE}) for video in small)
        return tuple(PictureTrack(video["index"], **known, video_s=self.end_s(video)) for video, known in facts)

    def _usable(self, kind: str) -> list[dict[str, Any]]:
        return [stream for stream in self.streams["streams"] if stream["type"] == kind and stream["decodable"]]

    @property
    def _kept(self) -> list[dict[str, Any]]:
        return [*self.sounds, *([self.video] if self.video else [])]

    @property
    def start_s(self) -> float:
        """Time stamp of the earliest stream that we keep."""
        return float(min((s["start_s"] for s in self._kept if s["start_s"] is not None), default=0.0))

    @property
    def length_s(self) -> float:
        """By the packets; where none of them has a time stamp, as declared."""
        ends = [stream["line_end_s"] for stream in self._kept if stream["line_end_s"] is not None]
        return max(0.0, round(max(ends) - self.start_s, 3)) if ends else float(self.streams["duration_s"] or 0.0)

    @property
    def whole_s(self) -> float:
        """When everything ends by the container's word, 0.0 where it does not say."""
        return 0.0 if self.estimated else self._declared_end_s(self.streams["duration_s"], self.start_s)

    def end_s(self, stream: dict[str, Any] | None) -> float:
        """Says when a stream ends, by its own word, or by the container's where no other stream is kept."""
        if stream is None or self.estimated:
            return 0.0
        length_s = stream["duration_s"] or (self.streams["duration_s"] if len(self._kept) == 1 else None)
        return self._declared_end_s(length_s, stream["start_s"] or 0.0)

    def _declared_end_s(self, length_s: float | None, begin_s: float) -> float:
        """Writers mean a length or the time stamp of the end, and nothing tells which: the earlier end is certain."""
        if not length_s:
            return 0.0
        end_s = min(begin_s + length_s, length_s) if length_s > begin_s > 0 else begin_s + length_s
        return max(0.0, end_s - self.start_s)

    @property
    def texts(self) -> tuple[TextTrack, ...]:
        """Subtitles that are text, and not empty."""
        known = [text for text in self.streams["texts"] if text.get("count")]
        named = ((text, text["forced"] or not self._goes_with_all(text)) for text in known)
        return tuple(
            TextTrack(t["stream"], t["language"], printable(t["title"])[:100], t["default"], t["beside"], not partly)
            for t, partly in named
        )

    def _goes_with_all(self, text: dict[str, Any]) -> bool:
        """Whether subtitles are shown often, and until the end or nearly so."""
        return goes_with_all(text["shown_s"], text["last_s"] - self.start_s, self.length_s)

    @property
    def chapters(self) -> tuple[Chapter, ...]:
        """Chapters that have names."""
        found = ((one, " ".join(printable(one["title"]).split())[:_LETTERS]) for one in self.streams["chapters"])
        return tuple(
            Chapter(max(0.0, round(one["start_s"] - self.start_s, 3)), round(one["end_s"] - self.start_s, 3), title)
            for one, title in found
            if title and one["end_s"] > self.start_s
        )

    def notes(self) -> list[str]:
        """Lists remarks that are true of the file and no fault."""
        told = [f"nothing for {clock(length_s)} from {clock(at_s - self.start_s)} on" for at_s, length_s in self._gaps]
        if self.streams["restarts"]:
            told.append(f"its clock begins again {self.streams['restarts']} times; times count on from there")
        drawn = [n for n, text in enumerate(self.streams["texts"], 1) if "count" not in text]
        told += [f"subtitle track {n} is made of pictures, which are not read" for n in drawn]
        empty = [n for n, stream in enumerate(self._usable("audio"), 1) if not stream["packets"]]
        told += [f"sound track {n} holds nothing" for n in empty]
        return told

    @property
    def _gaps(self) -> list[list[float]]:
        gaps: list[list[float]] = self.streams["gaps"]
        return gaps[:5]


def goes_with_all(shown_s: float, last_s: float, length_s: float) -> bool:
    """Tells whether subtitles go with all that is said: they are shown often, and until the end or nearly so."""
    length_s = length_s or 1.0
    return shown_s >= _SHOWN * length_s and last_s >= _UNTIL * length_s


def is_outdated(media: MediaInfo) -> bool:
    """Says whether a container was probed by an older version, which found less in it."""
    return media.flow == "video" and media.probed < PROBED


def pictures_of(source: Source, media: MediaInfo, limits: Limits) -> dict[str, Any]:
    """Asks the child process for the packets of the picture stream; see `probe_child.pictures`."""
    found, _ = _ask(source, media.demuxer, limits, index=media.video_stream)
    return found


def _container(source: Source) -> Sniffed:
    sniffed = sniff(source.path, source.name)
    if sniffed.flow != "video":
        raise UnsupportedMedia(f"is no video but {sniffed.media_type}", file=source.name)
    return sniffed


def _ask(source: Source, demuxer: str, limits: Limits, **more: Any) -> tuple[dict[str, Any], str]:
    """The child's answer, and ffmpeg's complaints."""
    job = {"path": str(source.path), "demuxer": demuxer, "max_streams": limits.max_streams, **more}
    wall_s = min(limits.wall_s, _PROBE_S + source.stat.st_size / _SLOW_DISK_BYTES_S)
    told = run_job(_PROGRAM, job, limits.model_copy(update={"wall_s": wall_s}), None, [source])
    if told.lines:
        return told.lines[0], told.complaints
    return {"error": told.too_long or f"its reader ended with {told.exit}"}, told.complaints


def _describe(source: Source, demuxer: str, limits: Limits) -> dict[str, Any]:
    found, complaints = _ask(source, demuxer, limits)
    if found.get("count", 0) > limits.max_streams or "exceeds max_streams" in complaints:
        raise TooLarge(
            f"has more than {limits.max_streams} streams",
            file=source.name,
            remedy="Raise MEDLEY_LIMITS__MAX_STREAMS if you trust the file",
        )
    if "error" in found:
        reason = _moov(complaints) or f"cannot be opened: {found['error']}"
        raise CorruptMedia(reason, file=source.name, remedy="It may be cut off; copy or export it again")
    return found


def _moov(complaints: str) -> str:
    return "has no index (moov atom): its end is missing" if "moov atom not found" in complaints else ""


def _chosen(usable: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The one that a player would choose: no comment or description, marked as default, the first."""
    return min(usable, key=lambda stream: (stream["beside"], not stream["default"]), default=None)


def _require_open(source: Source, kept: list[dict[str, Any]]) -> None:
    if not kept:
        raise CorruptMedia("holds neither sound nor picture", file=source.name, remedy="Check that it plays")
    if all(stream["encrypted"] for stream in kept):
        remedy = "Give a copy without protection (DRM)"
        raise UnsupportedMedia("is encrypted: its streams cannot be decoded", file=source.name, remedy=remedy)


def _check_size(source: Source, video: dict[str, Any] | None, limits: Limits) -> None:
    if video and video["width_px"] * video["height_px"] > limits.max_pixels:
        raise TooLarge(
            f"has pictures of {video['width_px']}x{video['height_px']} pixels",
            file=source.name,
            remedy="Raise MEDLEY_LIMITS__MAX_PIXELS if you trust the file",
        )
