"""Reads a document that is no PDF. A program: see documents.py, which runs it.

Its job is {"path", "kind", "want": "text" or "pictures", "directory", "max_bytes", "max_letters"}; it tells the parts
of the document in their order, at last {"tags", "attached"}, and what went wrong, if anything did. Of
{"want": "attached", "number"} it writes that file.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from medley.media.document_open import open_document
from medley.media.document_parts import Document, Part, TooMuch, Unread
from medley.media.document_plain import markdown, plain_text, table
from medley.media.document_sheets import sheets
from medley.media.document_slides import slides
from medley.media.document_web import attached_file, book, mail, web_page
from medley.media.document_word import word
from medley.media.job_child import ATTACHED, Tell, reason_of, serve

_READERS: dict[str, Callable[[Document], Iterator[Part]]] = {
    "docx": word,
    "pptx": slides,
    "xlsx": sheets,
    "opendocument": open_document,
    "html": web_page,
    "epub": book,
    "eml": mail,
    "markdown": markdown,
    "csv": table,
    "text": plain_text,
}


def work(job: dict[str, Any], tell: Tell) -> None:
    """Tells what the job's document holds; see the module."""
    document = Document(Path(job["path"]), job["max_bytes"])
    if job["want"] == "attached":
        if (content := attached_file(document.path, job["number"])) is not None:
            Path(job["directory"], ATTACHED).write_bytes(content)
        return
    try:
        parts = _READERS[job["kind"]](document)
        _tell_pictures(parts, job, tell) if job["want"] == "pictures" else _tell_text(parts, job, tell)
    except TooMuch as error:
        tell({"too_much": str(error)})
    except Unread as error:
        tell({"error": str(error)})
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever a reader makes of it, it is the file's fault
        tell({"error": f"{type(error).__name__}: {reason_of(error)}"})
    tell({"tags": document.tags, "attached": document.attached})


def _tell_text(parts: Iterator[Part], job: dict[str, Any], tell: Tell) -> None:
    left = job["max_letters"]
    for part in parts:
        if "picture" in part:
            continue
        left -= len(part.get("text", "")) + sum(len(cell) for row in part.get("cells", ()) for cell in row)
        if left < 0:
            tell({"error": f"only its first {job['max_letters']} letters are read"})
            return
        tell(part)


def _tell_pictures(parts: Iterator[Part], job: dict[str, Any], tell: Tell) -> None:
    """Writes each picture as it is, once; whoever asked makes JPEGs of them."""
    seen: set[bytes] = set()
    for part in parts:
        content = part.get("picture")
        if not content or (digest := hashlib.sha256(content).digest()) in seen:
            continue
        seen.add(digest)
        name = f"picture-{len(seen):05d}"
        Path(job["directory"], name).write_bytes(content)
        tell({"picture": name, "page": part["page"], "box": part.get("box")})


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of openpyxl, about styles
    serve(work)
