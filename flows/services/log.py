"""The log of a run, for whoever wants to know why: `runs/<run_id>/log.txt`, and with -v the same lines on stderr."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from medley.plain import printable

LOG = "log.txt"


def _plain_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """A record of ours holds names of files and words of documents: no log, terminal or page takes them for more."""
    record = _make_record(*args, **kwargs)
    if record.name.startswith("medley"):
        message = record.getMessage()
        record.msg, record.args = message if message.isprintable() else printable(message, keep="\n\t"), ()
    return record


_make_record = logging.getLogRecordFactory()
logging.setLogRecordFactory(_plain_record)
#: Ours; children of it are what our modules write to.
logger = logging.getLogger("medley")


#: Runs that overlap have a log each: what a thread of one logs is not for the others.
_log_of_context: ContextVar[Path | None] = ContextVar("log", default=None)


@contextlib.contextmanager
def logged(path: Path, show: Callable[[str], None] | None = None) -> Iterator[list[logging.Handler]]:
    """Writes what Medley logs within the block to `path`, and hands each line to `show`. Yields the log handlers."""
    handlers: list[logging.Handler] = [_File(path, delay=True, encoding="utf-8", errors="replace")]
    if show:
        handlers.append(_Shown(show))
    logger.setLevel(logging.INFO)
    for handler in handlers:
        handler.addFilter(lambda record: record.name.startswith("medley") or record.levelno >= logging.WARNING)
        handler.addFilter(lambda record: _log_of_context.get() in (None, path))
    _log_of_context.set(path)
    try:
        with attached(handlers, "medley"):
            yield handlers
    finally:
        handlers[0].close()
        if _log_of_context.get() == path:  # else another run has been opened meanwhile
            _log_of_context.set(None)


def log_to_stderr() -> None:
    """Sends the log to stderr, for a standing process: the supervisor keeps what such a process prints."""
    formatter = logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


@contextlib.contextmanager
def attached(handlers: list[logging.Handler], name: str) -> Iterator[None]:
    """Lets the logger `name` write to `handlers` too while the block runs.

    Prefect sets its own loggers up anew at its start.
    """
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    for handler in handlers:
        handler.setFormatter(formatter)
        logging.getLogger(name).addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logging.getLogger(name).removeHandler(handler)


class _File(logging.FileHandler):
    """Where the disk is full, lines are lost, and nothing else."""

    def handleError(self, record: logging.LogRecord) -> None:  # its name in the library
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class _Shown(logging.Handler):
    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show(self.format(record))
