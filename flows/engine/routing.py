"""Which files a source holds, and which flow each goes to, by its content; memory does not grow with their number."""

from __future__ import annotations

import glob
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from itertools import chain, islice, takewhile
from pathlib import Path

from medley.dag.pipeline import Pipeline
from medley.dag.registry import pipeline_named
from medley.errors import BadInput, MedleyError, MissingFile, TransientError, UnsupportedMedia
from medley.media.magic import not_ours
from medley.media.sniff import is_text
from medley.media.subtitle_tracks import DEMUXERS
from medley.sources.bucket_sidecars import video_at
from medley.sources.kinds import head_of, kind_for, pipeline_for, require_kind
from medley.sources.sidecars import video_of
from medley.sources.stability import entries_in
from medley.sources.urls import head, is_url, listing, without_password
from medley.system.stop import STOP

#: What a child run is to do: files of one pipeline, by its name; None for what no pipeline takes.
ChildJob = tuple[str | None, list[str]]
_FIRST_LINES = 20
_FEW = 64  # files in a batch
_REFUSES = "video"  # what cannot be read: this pipeline says why
#: More items or more batches than this are more than one child run, and more bytes of paths: Prefect's limit is 512 kB.
_ITEMS, _BATCHES, _PATH_BYTES = 500, 20, 250_000


def batches(paths: Iterable[str], routes: Mapping[str, str], otherwise: str | None = None) -> Iterator[ChildJob]:
    """Groups files by pipeline, as many as a child run takes; `otherwise` is the pipeline of files that have none."""
    return _grouped((path, pipeline_of(path, routes) or otherwise) for path in paths)


def one_pipeline(paths: Iterable[str], pipeline: Pipeline) -> Iterator[ChildJob]:
    """Groups all files for one pipeline, as many together as a child run takes.

    Files that the pipeline does not take are grouped under None.
    """
    return _grouped((path, pipeline.name if _takes(pipeline, path) else None) for path in paths)


def in_child_runs(flow: str, paths: Iterable[str]) -> Iterator[ChildJob]:
    """Parts files of one pipeline into as many as a child run takes."""
    return _grouped((path, flow) for path in paths)


def _grouped(found: Iterable[tuple[str, str | None]]) -> Iterator[ChildJob]:
    waiting: dict[str | None, list[str]] = defaultdict(list)
    size: Counter[str | None] = Counter()
    for path, flow in found:
        waiting[flow].append(path)
        size[flow] += len(json.dumps(path))  # as the flow run's parameters hold it: six bytes for many a letter
        most = max(_ITEMS, _BATCHES * pipeline_named(flow).batch) if flow else _ITEMS
        if len(waiting[flow]) >= most or size[flow] >= _PATH_BYTES:
            yield flow, _longest_first(flow, waiting.pop(flow))
            size[flow] = 0
    for flow, paths in waiting.items():
        yield flow, _longest_first(flow, paths)


def _longest_first(flow: str | None, paths: list[str]) -> list[str]:
    """Large files before small ones, else in their order: nobody waits at the end for a long one that began last.

    Of files that go by the hundred none is long.
    """
    if flow is None or pipeline_named(flow).batch > _FEW:
        return paths
    return sorted(paths, key=_bytes_of, reverse=True)


def _bytes_of(path: str) -> int:
    try:
        return 0 if is_url(path) else os.stat(path).st_size
    except OSError:
        return 0


def pipeline_of(path: str, routes: Mapping[str, str]) -> str | None:
    """Returns the name of the pipeline for a file, by the file's content; None where no pipeline takes such files.

    A file that cannot be read goes to the pipeline of videos, which says why.
    """
    if not is_url(path) and os.path.exists(path) and not _is_plain(Path(path)):
        return None
    try:
        found = pipeline_for(path, routes)
    except (BadInput, TransientError):
        return _REFUSES
    return found.name if found else None


def _takes(pipeline: Pipeline, path: str) -> bool:
    if is_url(path):
        return True  # looked at when the object is fetched
    if os.path.exists(path) and not _is_plain(Path(path)):
        return False
    try:
        require_kind(pipeline, kind_for(pipeline, Path(path), path), path)
    except UnsupportedMedia:
        return False
    except (BadInput, OSError):
        pass  # the flow says what is wrong with the file
    return True


def _is_plain(path: Path) -> bool:
    """A regular file: links, sockets and devices are not followed or opened."""
    return path.is_file() and not path.is_symlink()


def files_of(sources: Iterable[str], refused: Callable[[str, MedleyError], object]) -> Iterator[str]:
    """Yields the files of the sources until the run is stopped; tells `refused` of those that cannot be read."""
    sources = list(sources)
    named = {Path(os.path.expanduser(source)) for source in sources if not is_url(source)}
    for source in sources:
        try:
            yield from takewhile(lambda _: not STOP.is_set(), _files_of(source, named, refused))
        except MedleyError as error:
            error.file = error.file or source
            refused(source, error)


def _files_of(source: str, named: Container[Path], refused: Callable[[str, MedleyError], object]) -> Iterator[str]:
    """Subtitles stand for the video that they lie beside. Raises MissingFile, TransientError."""
    path = Path(os.path.expanduser(source))
    if is_url(source):
        yield from _at_url(source)
    elif path.is_dir():
        yield from _below(path, refused)
    elif path.is_file() and (video := video_of(path)):
        yield from () if video in named else [str(video)]
    elif path.is_file() and path.suffix.lower() in DEMUXERS:
        what = "is subtitles, and no video of that name lies beside it"
        raise UnsupportedMedia(what, file=source, remedy="Name it as its video: talk.en.srt for talk.mp4")
    elif path.is_file():
        yield from _listed(path) if is_text(path) and not _is_document(path) else [str(path)]
    elif glob.has_magic(source):
        found = False
        for name in glob.iglob(os.path.expanduser(source), recursive=True):
            found = True
            yield from _below(Path(name), refused) if os.path.isdir(name) else [name]
        if not found:
            raise MissingFile("matches nothing", file=source, remedy="Check the pattern")
    else:
        raise MissingFile("does not exist", file=source, remedy="Check the path")


def _below(folder: Path, refused: Callable[[str, MedleyError], object]) -> Iterator[str]:
    """The files of a folder; a folder in it that cannot be listed is an entry as well."""

    def unlisted(error: OSError) -> None:
        why = f"cannot be listed: {error.strerror}"
        refused(str(error.filename), MissingFile(why, file=str(error.filename), remedy="Check its permissions"))

    yield from (str(path) for path in entries_in(folder, unlisted) if video_of(path) is None)


def _at_url(source: str) -> Iterator[str]:
    """What is below it; itself where it is a file. Raises MissingFile, TransientError."""
    anything = False
    for page in listing(source):
        for found in page:
            anything = True
            if not found.url.endswith("/") and video_at(found.url) is None:
                yield found.url
    is_file = not source.endswith("/") and "/" in source.partition("://")[2]
    if not anything and is_file:
        yield video_at(source) or head(source).url


def _is_document(path: Path) -> bool:
    """Whether a text is for a pipeline, and not a list: few of its first lines name what there is."""
    first = list(islice(_lines_of(path), _FIRST_LINES))
    named = sum(is_url(line) or os.path.lexists(line) for line in first)
    return 3 * named < len(first) and pipeline_for(str(path), {}) is not None


def _listed(path: Path) -> Iterator[str]:
    """A list of paths or URLs, one in a line; relative ones are relative to the list, lines with a # are remarks.

    Raises MissingFile where its first lines name nothing that there is: then it is some other text; UnsupportedMedia.
    """
    named = _lines_of(path)
    first = list(islice(named, _FIRST_LINES))
    if first and not any(is_url(line) or os.path.lexists(line) for line in first):
        if known := not_ours(head_of(path)):
            raise UnsupportedMedia(f"is {known}", file=str(path), remedy="docs/formats.md lists what Medley reads")
        why = "is taken for a list of files, and none of its first lines names one that exists"
        raise MissingFile(why, file=str(path), remedy="Give files, folders, or a text with a path in each line")
    yield from chain(first, named)


def _lines_of(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="surrogateescape") as lines:
        for line in map(str.strip, lines):
            if line and not line.startswith("#"):
                yield without_password(line) if is_url(line) else str(path.parent / os.path.expanduser(line))
