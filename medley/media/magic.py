"""What the first bytes of files look like, kind by kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from medley.types import Flow, flow_of

_TS_SYNC = 0x47
#: Sizes of packets of a transport stream: plain; with a time stamp of cameras and discs (m2ts); with error correction.
_TS_PACKETS = (188, 192, 204)
_TS_PACKETS_SEEN = 5


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


_MOV = Sniffed("mov", "video/quicktime")
_MP4 = Sniffed("mov", "video/mp4")
_MATROSKA = Sniffed("matroska", "video/x-matroska")
_MP3 = Sniffed("mp3", "audio/mpeg")
_AAC = Sniffed("aac", "audio/aac")
_H264, _HEVC = Sniffed("h264", "video/h264"), Sniffed("hevc", "video/h265")
_MPEG_VIDEO = Sniffed("mpegvideo", "video/mpeg")
_DTS = Sniffed("dts", "audio/vnd.dts")
_TIFF = Sniffed("TIFF", "image/tiff")
_AVIF = Sniffed("AVIF", "image/avif")
_HEIC = Sniffed("HEIF", "image/heic")
_JPEG_2000 = Sniffed("JPEG2000", "image/jp2")
_RIFF = {
    b"AVI ": Sniffed("avi", "video/x-msvideo"),
    b"WAVE": Sniffed("wav", "audio/wav"),
    b"WEBP": Sniffed("WEBP", "image/webp"),
}
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # sizes of the second header of a BMP, in bytes
#: (offset, bytes, what it is)
_MAGIC: tuple[tuple[int, bytes, Sniffed], ...] = (
    (4, b"ftypqt", _MOV),
    (4, b"ftypM4A", Sniffed("mov", "audio/mp4")),
    (4, b"ftyp", _MP4),
    (4, b"styp", _MP4),  # a segment of a stream
    *((4, atom, _MOV) for atom in (b"moov", b"mdat", b"wide", b"pnot")),
    (0, b"\x1a\x45\xdf\xa3", _MATROSKA),
    (0, b"FLV\x01", Sniffed("flv", "video/x-flv")),
    (0, bytes.fromhex("3026b2758e66cf11"), Sniffed("asf", "video/x-ms-asf")),
    (0, bytes.fromhex("b7d800203749da11a64e0007e95ead8d"), Sniffed("wtv", "video/x-ms-wtv")),
    (0, bytes.fromhex("060e2b34020501010d0102"), Sniffed("mxf", "application/mxf")),
    (0, b"nut/multimedia container\x00", Sniffed("nut", "video/x-nut")),
    (0, b".RMF", Sniffed("rm", "application/vnd.rn-realmedia")),
    (0, b"DKIF", Sniffed("ivf", "video/x-ivf")),
    (0, b"\x00\x00\x01\xba", Sniffed("mpeg", "video/mpeg")),
    (0, b"\x00\x00\x01\xb3", _MPEG_VIDEO),
    (0, b"OggS", Sniffed("ogg", "application/ogg")),
    (0, b"fLaC", Sniffed("flac", "audio/flac")),
    (0, b"caff", Sniffed("caf", "audio/x-caf")),
    (0, b".snd", Sniffed("au", "audio/basic")),
    (0, b"riff\x2e\x91\xcf\x11", Sniffed("w64", "audio/x-w64")),
    (0, b"wvpk", Sniffed("wv", "audio/x-wavpack")),
    (0, b"TTA1", Sniffed("tta", "audio/x-tta")),
    (0, b"MAC ", Sniffed("ape", "audio/x-ape")),
    (0, b"#!AMR", Sniffed("amr", "audio/amr")),
    (0, b"Creative Voice File\x1a", Sniffed("voc", "audio/x-voc")),
    *((0, bytes.fromhex(sync), _DTS) for sync in ("7ffe8001", "fe7f0180", "1fffe800", "ff1f00e8")),
    (0, b"ID3", _MP3),
    (0, b"\xff\xd8\xff", Sniffed("JPEG", "image/jpeg")),
    (0, b"\x89PNG\r\n\x1a\n", Sniffed("PNG", "image/png")),
    (0, b"GIF8", Sniffed("GIF", "image/gif")),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", _JPEG_2000),
    (0, b"\xff\x4f\xff\x51", _JPEG_2000),
    (0, b"8BPS\x00\x01", Sniffed("PSD", "image/vnd.adobe.photoshop")),
    (0, b"qoif", Sniffed("QOI", "image/x-qoi")),
    (0, b"II*\x00", _TIFF),
    (0, b"MM\x00*", _TIFF),
    (0, b"II+\x00\x08\x00\x00\x00", _TIFF),  # BigTIFF
    (0, b"MM\x00+\x00\x08\x00\x00", _TIFF),
)
#: Brands of the ISO container that are pictures (ISO/IEC 23008-12, AV1 Image File Format).
_HEIF = {b"avif": _AVIF, b"avis": _AVIF, b"mif1": _HEIC, b"msf1": _HEIC}
_HEIF |= dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), _HEIC)
_RAW = "a camera's raw file; export it as JPEG, TIFF or DNG with a full preview"
_NOT_OURS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"#EXTM3U", "an HLS playlist, which points to other files; give the media files themselves"),
    (0, b"ffconcat", "an ffconcat script, which points to other files; give the media files themselves"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"\x1f\x8b", "compressed with gzip"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document, or one with a password; export it as PDF"),
    (0, b"{\\rtf", "an RTF document; save it as DOCX or PDF"),
    (0, b"%!PS", "PostScript; convert it to PDF"),
    (0, b"AT&TFORM", "DjVu; convert it to PDF"),
    (0, b"\xff\x0a", "JPEG XL; export it as JPEG or PNG"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL; export it as JPEG or PNG"),
    (0, b"\x00\x00\x01\x00", "an icon; export it as PNG"),
    (8, b"CR\x02\x00", _RAW),
    (4, b"ftypcrx", _RAW),
    (0, b"FUJIFILMCCD-RAW", _RAW),
    (0, b"IIRO", _RAW),
    (0, b"IIRS", _RAW),
    (0, b"MMOR", _RAW),
    (0, b"IIU\x00", _RAW),
)
#: Bytes that no text holds, in whatever encoding that extends ASCII.
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")


def known_kind(head: bytes) -> Sniffed | None:
    """Tells what a file that begins with `head` is; None where no flow of ours works on such files."""
    if not_ours(head):
        return None
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF:
        brands = head[8 : int.from_bytes(head[:4], "big")]
        return _AVIF if b"avif" in brands or b"avis" in brands else _HEIF[head[8:12]]
    for offset, magic, sniffed in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return _webm(head) if sniffed is _MATROSKA else sniffed
    return next((kind for look in _LOOKS if (kind := look(head))), None)


def not_ours(head: bytes) -> str:
    """Names what a file that begins with `head` is, where Medley knows the kind and does not work on it; else ""."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for offset, magic, name in _NOT_OURS:
        if head[offset : offset + len(magic)] == magic or (not offset and text.startswith(magic)):
            return name
    svg = text[:5] in (b"<?xml", b"<svg ", b"<!DOC") and b"<svg" in text[:1024]
    return "an SVG drawing, which can point to other files; export it as PNG" if svg else ""


def is_text(head: bytes) -> bool:
    """Says whether a file that begins with `head` is plain text, in any encoding: lists hold names of any bytes."""
    return bool(head) and _CONTROLS.isdisjoint(head[:512])


def after_id3(head: bytes) -> int:
    """Finds where the data after an ID3 tag begins, in bytes; 0 where there is no tag (id3.org, ID3v2.4, 3.1)."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for part in head[6:10]:
        size = size << 7 | part & 0x7F
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _riff(head: bytes) -> Sniffed | None:
    return _RIFF.get(head[8:12]) if head[:4] in (b"RIFF", b"RF64", b"BW64") else None


def _aiff(head: bytes) -> Sniffed | None:
    return Sniffed("aiff", "audio/aiff") if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC") else None


def _atoms(head: bytes) -> Sniffed | None:
    """QuickTime files may begin with room that is not used."""
    room = head[4:8] in (b"free", b"skip") and head[:1] == b"\x00"
    return _MOV if room else None


def _bmp(head: bytes) -> Sniffed | None:
    known = head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS
    return Sniffed("BMP", "image/bmp") if known else None


def _ppm(head: bytes) -> Sniffed | None:
    known = head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace() and head[3:4] in b"#0123456789"
    return Sniffed("PPM", "image/x-portable-anymap") if known and len(head) > 3 else None


def _pdf(head: bytes) -> Sniffed | None:
    """Readers accept what stands before it, PDFium too."""
    return Sniffed("pdf", "application/pdf") if b"%PDF-" in head[:1024] else None


def _raw_picture(head: bytes) -> Sniffed | None:
    """Streams of H.264 and HEVC without a container: a start code, then a unit that a stream begins with."""
    start = 4 if head[:4] == b"\x00\x00\x00\x01" else 3 if head[:3] == b"\x00\x00\x01" else 0
    if not start or len(head) < start + 2:
        return None
    first, second = head[start], head[start + 1]
    if first >> 1 & 0x3F in (32, 33, 35) and not first & 0x81 and second == 1:
        return _HEVC
    return _H264 if first & 0x9F in (7, 9) else None


def _transport_stream(head: bytes) -> Sniffed | None:
    """Packets that begin with 0x47; a recording may begin in the middle of one."""
    for size in _TS_PACKETS:
        for first in range(size):
            marks = head[first : first + _TS_PACKETS_SEEN * size : size]
            if len(marks) == _TS_PACKETS_SEEN and set(marks) == {_TS_SYNC} and not is_text(head):
                return Sniffed("mpegts", "video/mp2t")
    return None


def _dolby(head: bytes) -> Sniffed | None:
    """AC-3 and Enhanced AC-3 (ETSI TS 102 366): which one, the bit stream identification tells."""
    if head[:2] != b"\x0b\x77" or len(head) < 6:
        return None
    version = head[5] >> 3
    return Sniffed("ac3", "audio/ac3") if version <= 10 else Sniffed("eac3", "audio/eac3") if version <= 16 else None


def _dv(head: bytes) -> Sniffed | None:
    return Sniffed("dv", "video/dv") if head[:3] == b"\x1f\x07\x00" and head[3:4] in (b"\x3f", b"\xbf") else None


def _mpeg_audio(head: bytes) -> Sniffed | None:
    """Eleven bits of synchronisation; layer 0 is AAC, the others have a rate of bits and one of samples."""
    if len(head) < 3 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return _AAC
    sound = head[1] & 0xE0 == 0xE0 and head[1] & 0x06 and head[1] & 0x18 != 0x08
    return _MP3 if sound and head[2] >> 4 not in (0, 15) and head[2] & 0x0C != 0x0C else None


def _tga(head: bytes) -> Sniffed | None:
    """Nothing but plausible numbers marks these (Truevision TGA 2.0, header)."""
    if len(head) < 18 or is_text(head):
        return None
    map_kind, kind, depth = head[1], head[2], head[16]
    width, height = int.from_bytes(head[12:14], "little"), int.from_bytes(head[14:16], "little")
    fits = (map_kind == 1 and kind in (1, 9) and depth == 8) or (
        map_kind == 0 and ((kind in (2, 10) and depth in (16, 24, 32)) or (kind in (3, 11) and depth == 8))
    )
    whole = fits and 0 < width <= 0x4000 and 0 < height <= 0x4000 and not head[17] & 0xC0
    return Sniffed("TGA", "image/x-tga") if whole and (map_kind or head[3:8] == bytes(5)) else None


_LOOKS: tuple[Callable[[bytes], Sniffed | None], ...] = (
    _riff,
    _aiff,
    _atoms,
    _bmp,
    _ppm,
    _pdf,
    _transport_stream,
    _raw_picture,
    _dolby,
    _dv,
    _mpeg_audio,
    _tga,
)


def _webm(head: bytes) -> Sniffed:
    return Sniffed("matroska", "video/webm") if b"webm" in head[:64] else _MATROSKA
