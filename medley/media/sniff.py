"""What a file is, by its first bytes and never by its name: the demuxer that may open it, and no other."""

from __future__ import annotations

from pathlib import Path

from medley.errors import MissingFile, UnsupportedMedia
from medley.media import magic
from medley.media.magic import Sniffed

#: As much of a file tells what it is.
HEAD_BYTES = 4096
_READ = "Medley reads videos, sound, documents and pictures; docs/formats.md lists them"


def sniff(path: Path, name: str = "") -> Sniffed:
    """Recognises what the file at `path` holds; errors call the file `name`, where a name is given.

    Raises MissingFile where the file cannot be read, UnsupportedMedia (with a guess at what the file is) for
    anything that no flow of Medley works on.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            file.seek(magic.after_id3(head))
            tagged = file.read(HEAD_BYTES) if head[:3] == b"ID3" else b""
    except OSError as error:
        remedy = "Check the path" if isinstance(error, FileNotFoundError) else "Check its permissions"
        raise MissingFile(f"cannot be read: {error.strerror}", file=name or str(path), remedy=remedy) from error
    behind = magic.known_kind(tagged.lstrip(b"\x00")) if tagged else None
    if behind and behind.flow == "video":  # what a tag stands before: not only MP3
        return behind
    return sniff_head(head, name or str(path))


def sniff_head(head: bytes, file: str) -> Sniffed:
    """Recognises what `file` holds by `head`, its first `HEAD_BYTES`. Raises UnsupportedMedia."""
    found = magic.known_kind(head)
    if found is None:
        raise UnsupportedMedia(f"is no video, sound, PDF or picture: {_describe(head)}", file=file, remedy=_READ)
    return found


def is_text(path: Path) -> bool:
    """Tells whether the file at `path` is plain text, such as a list of files. Raises MissingFile."""
    try:
        sniff(path)
    except UnsupportedMedia:
        with path.open("rb") as file:
            return magic.is_text(file.read(HEAD_BYTES))
    return False


def _describe(head: bytes) -> str:
    if not head:
        return "it is empty"
    if known := magic.not_ours(head):
        return f"it is {known}"
    return "it is a text file" if magic.is_text(head) else "its first bytes are those of no container that we know"
