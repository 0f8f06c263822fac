"""Everything that can go wrong, and whose fault it is.

    MedleyError
      BadInput            the file's fault; never retried
        UnsupportedMedia  not a kind of file that we read
        CorruptMedia      the right kind, but damaged
        EncryptedPdf      needs a password
        TooLarge          beyond a limit that protects the machine
        MissingFile       not there, not readable, or not a file
        Quarantined       took a worker process down each time it was tried
      SetupError          the machine's fault; never retried, says the remedy
        ToolMissing       a program (ffmpeg) is not there
        ModelUnavailable  weights are neither here nor to be downloaded
        ServiceUnreachable  Prefect, Ray or the store does not answer at the address given
        NoSpace           the disk is full
        PipelineError     a pipeline is not there, or its stages do not fit together
      CapacityError       too big for now: a smaller batch, then again
        OutOfMemory
      TransientError      worker or network: again, with backoff and jitter
        ActorDied         the process that holds a model went away
        ModelTimeout      a model did not end a batch in time, or was not started
        StoreUnavailable  the vector store went away
      Cancelled           somebody stopped the run; nobody's fault

Every error survives pickling with its attributes: it travels from a Ray worker to the flow.
"""

from __future__ import annotations

import errno


class MedleyError(Exception):
    """Base of all errors that we raise on purpose.

    `reason` says what is wrong, `remedy` what the user can do, `file` names the file it is about. `asset_id` is
    known where the content could be hashed; the stage that failed fills in `stage`, `started` (ISO 8601, UTC),
    `seconds` and `attempts`.
    """

    def __init__(self, reason: str, *, remedy: str = "", file: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
        self.file = file
        self.asset_id = ""
        self.stage = ""
        self.started = ""
        self.seconds = 0.0
        self.attempts = 1

    def __str__(self) -> str:
        named = f"{self.file}: {self.reason}" if self.file else self.reason
        return f"{named}. {self.remedy}" if self.remedy else named


class BadInput(MedleyError):
    """The file's fault. A retry does not help."""


class UnsupportedMedia(BadInput):
    """Not a kind of file that Medley reads."""


class CorruptMedia(BadInput):
    """The right kind of file, but damaged."""


class EncryptedPdf(BadInput):
    """The document needs a password."""


class TooLarge(BadInput):
    """Beyond a limit that protects the machine."""


class MissingFile(BadInput):
    """Not there, not readable, or no regular file."""


class Quarantined(BadInput):
    """A worker process died each time this item was tried."""


class SetupError(MedleyError):
    """The machine's fault. A retry does not help; the remedy does."""


class ToolMissing(SetupError):
    """A program that we call is not installed."""


class PipelineError(SetupError):
    """A pipeline is not installed, or its stages do not fit together."""


class ModelUnavailable(SetupError):
    """The weights are neither on this machine nor to be downloaded."""


class ServiceUnreachable(SetupError):
    """Prefect, Ray or the store does not answer at its address."""


class NoSpace(SetupError):
    """The disk is full or the quota used up."""


class CapacityError(MedleyError):
    """Too big for now: a smaller batch may pass."""


class OutOfMemory(CapacityError):
    """Host or GPU memory ran out."""


class TransientError(MedleyError):
    """Worker or network. A retry, later, may pass."""


class ActorDied(TransientError):
    """The process that holds a model went away."""


class ModelTimeout(TransientError):
    """A model works too long on one batch, or has no place on the cluster: the machine's affair, not the file's."""


class StoreUnavailable(TransientError):
    """The vector store went away in the middle."""


class Cancelled(MedleyError):
    """Somebody stopped the run."""


#: What the system says where a disk, a quota or a limit on file size is used up.
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def no_space(where: object, why: str = "no space left") -> NoSpace:
    """Builds the error for a full disk."""
    return NoSpace(f"{why} at {where}", remedy="Free some space and run again")


def error_class(name: str) -> type[MedleyError]:
    """Finds the error class called `name` in this module's tree; raises SetupError for any other name."""
    found = globals().get(name)
    if isinstance(found, type) and issubclass(found, MedleyError):
        return found
    raise SetupError(f"no error class is called {name!r}", remedy="See medley/errors.py for the names")
