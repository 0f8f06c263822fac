"""What a file is, by its first bytes and never by its name: the demuxer that may open it, and no other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from medley.errors import MissingFile, UnsupportedMedia
from medley.types import Flow, flow_of

#: As much of a file tells what it is.
HEAD_BYTES = 4096
_TS_PACKET_BYTES = 188


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What may open the file, and the IANA media type that goes with it.

    `demuxer`: ffmpeg's of that name; of a picture Pillow's format; of a PDF `pdf`.
    """

    demuxer: str
    media_type: str

    @property
    def flow(self) -> Flow:
        """Which flow works on such files."""
        return flow_of(self.media_type)


_MP4 = Sniffed("mov", "video/mp4")
_MATROSKA = Sniffed("matroska", "video/x-matroska")
_MP3 = Sniffed("mp3", "audio/mpeg")
_TIFF = Sniffed("TIFF", "image/tiff")
_AVIF = Sniffed("AVIF", "image/avif")
_HEIC = Sniffed("HEIF", "image/heic")
_RIFF = {
    b"AVI ": Sniffed("avi", "video/x-msvideo"),
    b"WAVE": Sniffed("wav", "audio/wav"),
    b"WEBP": Sniffed("WEBP", "image/webp"),
}
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # sizes of the second header of a BMP, in bytes
#: (offset, bytes, what it is)
_MAGIC: tuple[tuple[int, bytes, Sniffed], ...] = (
    (4, b"ftypqt", Sniffed("mov", "video/quicktime")),
    (4, b"ftypM4A", Sniffed("mov", "audio/mp4")),
    (4, b"ftyp", _MP4),
    (4, b"moov", Sniffed("mov", "video/quicktime")),
    (4, b"mdat", Sniffed("mov", "video/quicktime")),
    (4, b"wide", Sniffed("mov", "video/quicktime")),
    (0, b"\x1a\x45\xdf\xa3", _MATROSKA),
    (0, b"FLV\x01", Sniffed("flv", "video/x-flv")),
    (0, bytes.fromhex("3026b2758e66cf11"), Sniffed("asf", "video/x-ms-asf")),
    (0, b"\x00\x00\x01\xba", Sniffed("mpeg", "video/mpeg")),
    (0, b"OggS", Sniffed("ogg", "application/ogg")),
    (0, b"fLaC", Sniffed("flac", "audio/flac")),
    (0, b"ID3", _MP3),
    (0, b"\xff\xd8\xff", Sniffed("JPEG", "image/jpeg")),
    (0, b"\x89PNG\r\n\x1a\n", Sniffed("PNG", "image/png")),
    (0, b"GIF8", Sniffed("GIF", "image/gif")),
    (0, b"II*\x00", _TIFF),
    (0, b"MM\x00*", _TIFF),
)
#: Brands of the ISO container that are pictures (ISO/IEC 23008-12, AV1 Image File Format).
_HEIF = {b"avif": _AVIF, b"avis": _AVIF, b"mif1": _HEIC, b"msf1": _HEIC}
_HEIF |= dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), _HEIC)
#: Bytes that no text holds, in whatever encoding that extends ASCII.
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")
_NOT_OURS: tuple[tuple[bytes, str], ...] = (
    (b"#EXTM3U", "an HLS playlist, which points to other files; give the media files themselves"),
    (b"ffconcat", "an ffconcat script, which points to other files; give the media files themselves"),
    (b"PK\x03\x04", "a ZIP archive"),
)


def sniff(path: Path, name: str = "") -> Sniffed:
    """What `path` holds; errors call it `name`, where one is given.

    Raises MissingFile where it cannot be read, UnsupportedMedia (with a guess at what it is) for anything that no flow
    of ours works on.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise MissingFile(
            f"cannot be read: {error.strerror}", file=name or str(path), remedy=_access_remedy(error)
        ) from error
    return sniff_head(head, name or str(path))


def is_text(path: Path) -> bool:
    """Whether it is plain text, such as a list of files; raises MissingFile."""
    try:
        sniff(path)
    except UnsupportedMedia as error:
        return "it is a text file" in error.reason
    return False


def sniff_head(head: bytes, file: str) -> Sniffed:
    """The same by the first `HEAD_BYTES` of `file`. Raises UnsupportedMedia."""
    found = _by_magic(head)
    if found is None:
        raise UnsupportedMedia(
            f"is no video, sound, PDF or picture: {_describe(head)}",
            file=file,
            remedy="Medley reads mp4, mov, mkv, webm, avi, ts, mpg, flv, wmv, mp3, m4a, wav, flac, ogg, opus, PDF, "
            "JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF and HEIC",
        )
    return found


def _by_magic(head: bytes) -> Sniffed | None:
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF:
        return _HEIF[head[8:12]]
    for offset, magic, sniffed in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return _webm(head) if sniffed is _MATROSKA else sniffed
    return _riff(head) or _beyond_magic(head)


def _riff(head: bytes) -> Sniffed | None:
    return _RIFF.get(head[8:12]) if head[:4] in (b"RIFF", b"RF64") else None


def _beyond_magic(head: bytes) -> Sniffed | None:
    """What is not to be told by some bytes at one place."""
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return Sniffed("BMP", "image/bmp")
    if b"%PDF-" in head[:1024]:  # readers accept what stands before it, PDFium too
        return Sniffed("pdf", "application/pdf")
    if _is_transport_stream(head):
        return Sniffed("mpegts", "video/mp2t")
    if len(head) < 3 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return Sniffed("aac", "audio/aac")
    return _MP3 if head[1] & 0xE0 == 0xE0 and head[1] & 0x06 == 0x02 else None


def _is_transport_stream(head: bytes) -> bool:
    """Packets of 188 bytes that begin with 0x47; cameras and discs (m2ts) put a time stamp of 4 bytes before each."""
    return any(
        len(marks) == 5 and set(marks) == {0x47}
        for stamp in (0, 4)
        for marks in [head[stamp : stamp + 5 * (_TS_PACKET_BYTES + stamp) : _TS_PACKET_BYTES + stamp]]
    )


def _webm(head: bytes) -> Sniffed:
    return Sniffed("matroska", "video/webm") if b"webm" in head[:64] else _MATROSKA


def _describe(head: bytes) -> str:
    if not head:
        return "it is empty"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, name in _NOT_OURS:
        if text.startswith(magic):
            return f"it is {name}"
    if _CONTROLS.isdisjoint(head[:512]):
        return "it is a text file"  # in whatever encoding: lists hold names of any bytes
    return "its first bytes are those of no container that we know"


def _access_remedy(error: OSError) -> str:
    return "Check the path" if isinstance(error, FileNotFoundError) else "Check its permissions"
