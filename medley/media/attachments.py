"""Files that are attached to mails and PDFs: they are files of their own, and this takes them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medley.errors import EncryptedPdf, MissingFile, TooLarge, UnsupportedMedia
from medley.media.job import run_job
from medley.media.job_child import ATTACHED
from medley.media.pdf_exits import ENCRYPTED_EXIT
from medley.media.sniff import sniff
from medley.media.source import open_source
from medley.setting_groups import Limits

#: Media types of files that may have others attached.
WITH_FILES = ("application/pdf", "message/rfc822")
_HERE = Path(__file__).parent  # the programs are not imported: they load the readers
_WAY = "attached file"


def extract(path: Path, number: int, directory: Path, limits: Limits) -> Path:
    """Writes the file with that number, counted from 1, into `directory`, and returns its path.

    Raises MissingFile where there is none, TooLarge, EncryptedPdf.
    """
    is_pdf = _is_pdf(path)
    with open_source(path) as source:
        job = {"path": str(source.path), "want": "attached", "number": number, "directory": str(directory)}
        job |= {"password": None} if is_pdf else {"kind": "eml", "max_bytes": limits.output_mb << 20}
        program = _HERE / ("pdf_child.py" if is_pdf else "document_child.py")
        told = run_job(program, job, limits, directory, [source])
    if told.too_long:
        raise TooLarge(told.too_long, remedy="Raise MEDLEY_LIMITS__WALL_S if you trust the file")
    if is_pdf and told.exit == ENCRYPTED_EXIT:
        raise EncryptedPdf("is attached to a document that needs a password", remedy="Take it out, and ingest it")
    made = directory / ATTACHED
    if not made.is_file():
        raise MissingFile("is not attached any more", remedy="Ingest the file that it was attached to again")
    return made


def _is_pdf(path: Path) -> bool:
    try:
        return sniff(path).media_type == "application/pdf"
    except UnsupportedMedia:  # a mail: the pipeline of documents knows those
        return False


def notes_of(attached: Sequence[str], *, locked: bool = False) -> tuple[str, ...]:
    """Says how many files are attached, and what becomes of them."""
    if not attached:
        return ()
    count = f"{len(attached)} {_WAY}{'s' * (len(attached) > 1)}"
    return (f"{count} not looked at: the document is locked" if locked else f"{count}: items of their own for ingest",)


def are_known(_: Any, data: Mapping[str, Any]) -> bool:
    """Says whether an artifact of a document names its attached files; older versions counted them only."""
    return "attached" in data or not any(_WAY in note for note in data.get("notes", ()))
