"""The log of a run, for whoever wants to know why: `runs/<run_id>/log.txt`, and with -v the same lines on stderr."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medley.plain import printable, to_json

LOG = "log.txt"
_TIME = "%Y-%m-%dT%H:%M:%S"


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


@dataclass(frozen=True, slots=True)
class Log:
    """The log of a run: its file, the id of its trace ("" of none), and whether lines are JSON."""

    path: Path
    trace: str = ""
    as_json: bool = False

    @property
    def formatter(self) -> logging.Formatter:
        """How its lines look; the run's directory is called as the run."""
        return _formatter(self.path.parent.name, self.trace, as_json=self.as_json)


#: Runs that overlap have a log each: what a thread of one logs is not for the others.
_log_of_context: ContextVar[Path | None] = ContextVar("log", default=None)


@contextlib.contextmanager
def logged(log: Log, show: Callable[[str], None] | None = None) -> Iterator[list[logging.Handler]]:
    """Writes what Medley logs within the block to the log, and hands each line to `show`. Yields the log handlers."""
    path = log.path
    handlers: list[logging.Handler] = [_File(path, delay=True, encoding="utf-8", errors="replace")]
    if show:
        handlers.append(_Shown(show))
    logger.setLevel(logging.INFO)
    for handler in handlers:
        handler.setFormatter(log.formatter)
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


def log_to_stderr(log_format: str) -> None:
    """Sends the log to stderr, for a standing process: the supervisor keeps what such a process prints."""
    handler = logging.StreamHandler()
    handler.setFormatter(_formatter("", "", as_json=log_format == "json"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


@contextlib.contextmanager
def attached(handlers: list[logging.Handler], name: str) -> Iterator[None]:
    """Lets the logger `name` write to `handlers` too while the block runs.

    Prefect sets its own loggers up anew at its start.
    """
    for handler in handlers:
        logging.getLogger(name).addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logging.getLogger(name).removeHandler(handler)


def _formatter(run: str, trace: str, *, as_json: bool) -> logging.Formatter:
    if as_json:
        return _Json({name: value for name, value in (("run", run), ("trace", trace)) if value})
    ids = f" [{' '.join(part for part in (run, trace) if part)}]" if run else ""
    made = logging.Formatter(f"%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s{ids}: %(message)s", _TIME)
    made.converter = time.gmtime
    return made


class _Json(logging.Formatter):
    """One object a line, with the same keys in each of them."""

    def __init__(self, more: dict[str, str]) -> None:
        super().__init__()
        self.converter, self._more = time.gmtime, more

    def format(self, record: logging.LogRecord) -> str:
        at = f"{self.formatTime(record, _TIME)}.{int(record.msecs):03d}Z"
        told = {"time": at, "level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return to_json({**told, **self._more})


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
