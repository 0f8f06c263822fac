"""`make test-corpus CORPUS=DIR`: outcomes, unclear messages, silent empties, slow files, memory, words of PDFs found.

Nothing is indexed: each file goes through what decodes it. Exit status 1 where something is wrong with us.
"""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from medley.errors import BadInput, UnsupportedMedia
from medley.media.audio import extract_audio
from medley.media.documents import document_type, find_pictures, read_document
from medley.media.frames import sample_frames
from medley.media.pdf import find_figures, parse_pdf, read_pages
from medley.media.pictures import PICTURE, convert_assets
from medley.media.probe import probe_media
from medley.media.sniff import HEAD_BYTES, sniff
from medley.options import FigureOptions, FrameOptions, PageOptions
from medley.plain import printable
from medley.setting_groups import Limits
from medley.types import Asset, MediaInfo

_SLOW_S, _WORDS_OF_A_TEXT = 20.0, 20
_UNCLEAR = re.compile(r"Traceback|<class|0x[0-9a-f]{6,}|ended with [1-9]")
_WORD = re.compile(r"[^\W_]{2,}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file; `found` is the share of pdftotext's words, None where it has next to none."""

    path: Path
    status: str
    message: str
    seconds: float
    empty: bool = False
    found: float | None = None


def looked_at(path: Path) -> Outcome:
    """One file through its decoders."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as out:
        try:
            status, message, empty, found = _decoded(path, Path(out))
        except BadInput as error:
            status, message, empty, found = type(error).__name__, str(error), False, None
        except Exception as error:  # noqa: BLE001  # that is what is looked for
            status, message, empty, found = "OURS", f"{type(error).__name__}: {error}", False, None
    return Outcome(path, status, message, time.monotonic() - began, empty, found)


def _decoded(path: Path, out: Path) -> tuple[str, str, bool, float | None]:
    try:
        sniffed, limits = sniff(path), Limits()
    except UnsupportedMedia:
        return _other_document(path, out)
    media = probe_media(path, limits) if sniffed.flow == "video" else MediaInfo(sniffed.demuxer, sniffed.media_type)
    asset = Asset("a" * 64, str(path.absolute()), path.stat().st_size, media)
    if sniffed.flow == "pdf":
        return _document(asset, out, limits)
    if sniffed.flow == "image":
        [made] = convert_assets([(asset, out / PICTURE)], 1280, limits)
        if made.error:
            raise made.error
        return "partial" if made.damage else "complete", made.damage, False, None
    heard = extract_audio(asset, out, limits).damage if media.audio_stream is not None else ""
    seen = sample_frames(asset, out, FrameOptions(), limits).damage if media.video_stream is not None else ""
    return "partial" if heard or seen else "complete", f"{heard} {seen}".strip(), False, None


def _other_document(path: Path, out: Path) -> tuple[str, str, bool, float | None]:
    """A document that is no PDF. Raises UnsupportedMedia where it is none either."""
    with path.open("rb") as file:
        media_type = document_type(file.read(HEAD_BYTES), path.name)
    if media_type is None:
        raise UnsupportedMedia("is of no kind that we know", file=str(path))
    asset = Asset("a" * 64, str(path.absolute()), path.stat().st_size, MediaInfo("", media_type))
    read = read_document(asset, out, Limits())
    find_pictures(asset, out, Limits())
    return "partial" if read.damage else "complete", read.damage, False, None


def _document(asset: Asset, out: Path, limits: Limits) -> tuple[str, str, bool, float | None]:
    damage = parse_pdf(asset, out, PageOptions(), limits).damage
    pages = list(read_pages(out))
    ours = _words(" ".join(block.text for page in pages for block in page.blocks))
    find_figures(asset, out, PageOptions(), FigureOptions(), limits)
    theirs = _pdftotext(Path(asset.path))
    known = sum(theirs.values())
    found = (theirs & ours).total() / known if known >= _WORDS_OF_A_TEXT else None
    scans = any(page.scan for page in pages)
    return "partial" if damage else "complete", damage, found is not None and not ours and not scans, found


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _pdftotext(path: Path) -> Counter[str]:
    """Nothing where it is not installed."""
    if not shutil.which("pdftotext"):
        return Counter()
    command = ["pdftotext", "-enc", "UTF-8", str(path), "-"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return Counter()
    return _words(done.stdout.decode(errors="replace"))


def report(outcomes: list[Outcome]) -> int:
    """Prints what there is to say; 1 where something is wrong with us."""
    counts = Counter(one.status for one in outcomes)
    print(", ".join(f"{count} {status}" for status, count in counts.most_common()))
    wrong = [one for one in outcomes if one.status == "OURS" or one.empty or _UNCLEAR.search(one.message)]
    for one in wrong:
        why = "no words, though pdftotext finds some" if one.empty else one.message
        print(f"WRONG  {printable(str(one.path))}: {printable(why)[:300]}")
    for one in sorted(outcomes, key=lambda one: -one.seconds)[:10]:
        if one.seconds > _SLOW_S:
            print(f"slow   {one.seconds:6.1f} s  {printable(str(one.path))}")
    found = [one.found for one in outcomes if one.found is not None]
    if found:
        good = sum(share >= 0.95 for share in found)
        print(f"words of pdftotext found: >= 95 % of them in {100 * good / len(found):.1f} % of {len(found)} PDFs")
        for one in sorted((one for one in outcomes if one.found is not None), key=lambda one: one.found or 0)[:10]:
            print(f"       {100 * (one.found or 0):5.1f} %  {printable(str(one.path))}")
    print(f"peak memory of a decoder: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")
    return 1 if wrong else 0


if __name__ == "__main__":
    files = [path for path in sorted(Path(sys.argv[1]).rglob("*")) if path.is_file()]
    with ThreadPoolExecutor(2) as pool:
        sys.exit(report(list(pool.map(looked_at, files))))
