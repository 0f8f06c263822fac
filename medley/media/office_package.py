"""The parts of an Office file (ECMA-376, part 2), read as leniently as Office itself reads them.

Templates, macros, "strict" files, backslashes in names, relations to parts that are not there: all that opens. Elements
are told apart by their local names, because "strict" files have others before them.
"""

from __future__ import annotations

import posixpath
import zipfile
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import unquote

from medley.media.document_parts import local_name, parse_xml

_TAGS = {"title": "title", "creator": "author", "subject": "subject", "keywords": "keywords"}


@dataclass(frozen=True, slots=True)
class Related:
    """A part that another one refers to: the last word of the relation's type, and the name of the part."""

    kind: str
    name: str


@dataclass(slots=True)
class Package:
    """An Office file that is open. Its parts are known by names in lower case: Office tells them apart like that."""

    archive: zipfile.ZipFile
    _names: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._names = {_plain(name): name for name in self.archive.namelist()}

    def names(self) -> list[str]:
        """Returns the names of all parts, in the file's order."""
        return list(self._names)

    def content(self, name: str) -> bytes:
        """Reads a part. Raises KeyError, zipfile.BadZipFile."""
        return self.archive.read(self._names[name])

    def opened(self, name: str) -> IO[bytes]:
        """Opens a part, for parts that are long. Raises KeyError, zipfile.BadZipFile."""
        return self.archive.open(self._names[name])

    def xml(self, name: str) -> Any:
        """Parses a part. Raises KeyError, zipfile.BadZipFile, etree.XMLSyntaxError."""
        return parse_xml(self.content(name))

    def related(self, name: str) -> dict[str, Related]:
        """Finds what a part ("": the whole file) refers to and what is there, by the ids of the relations."""
        folder, file = posixpath.split(name)
        relations = posixpath.join(folder, "_rels", f"{file}.rels")
        if relations not in self._names:
            return {}
        found: dict[str, Related] = {}
        for each in self.xml(relations):
            target = each.get("Target", "").replace("\\", "/").partition("#")[0]
            known = (_plain(posixpath.join("/", folder, one)) for one in (target, unquote(target)))
            there = next((one for one in known if one in self._names), None)
            if there and each.get("TargetMode") != "External":
                found[each.get("Id", "")] = Related(each.get("Type", "").rpartition("/")[2], there)
        return found

    def of_kind(self, name: str, *kinds: str) -> list[str]:
        """Returns the names of the parts of some kinds that a part refers to."""
        return [one.name for one in self.related(name).values() if one.kind in kinds]

    def main(self, usual: str) -> str:
        """Finds the part with which everything begins, else the `usual` one. Raises ValueError."""
        found = next((name for name in (*self.of_kind("", "officeDocument"), usual) if name in self._names), None)
        if found is None:
            raise ValueError(f"{usual} is missing in it")
        return found

    def tags(self) -> dict[str, str]:
        """Reads title, author, subject and keywords."""
        found: dict[str, str] = {}
        for core in self.of_kind("", "core-properties")[:1]:
            for each in self.xml(core):
                if (name := _TAGS.get(local_name(each))) and (text := (each.text or "").strip()):
                    found[name] = text
        return found


def relation_of(element: Any, name: str = "id") -> str:
    """Returns the id of the relation that an element names, "" where it names none."""
    found = (value for key, value in element.attrib.items() if key.endswith(f"/relationships}}{name}"))
    return str(next(found, ""))


def _plain(name: str) -> str:
    return posixpath.normpath(name.replace("\\", "/")).lstrip("/").lower()
