"""The Python interface: an index in one MEDLEY_HOME, or of a service, used from scripts and notebooks.

The work is done by the same program as on the command line, in processes of its own: Prefect, Ray, models and their
signal handlers stay out of yours, and your own `tasks.py` or `flows` never meet ours.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Unpack

from medley.dag.pipeline import Pipeline
from medley.errors import SetupError, error_class
from medley.remote_index import RemoteIndex, Said, conditions
from medley.results import Hit, Hits, Report, Status

_CLOSE_S = 30
_FINE = (0, 1)  # 1: some item is not complete; the report says which


def open(  # noqa: A001
    home: str | os.PathLike[str] | None = None, *, profile: str | None = None, token: str | None = None
) -> Index | RemoteIndex:
    """Opens an index: the one in the directory `home`, or the one of a service by its URL. Starts nothing.

    Args:
        home: A directory (default: MEDLEY_HOME, else ~/.medley), or the URL of a service: http://127.0.0.1:8480.
        profile: Of a directory: whose models are used.
        token: Of a URL: the secret of the service; default: MEDLEY_TOKEN.

    """
    if home is not None and str(home).startswith(("http://", "https://")):
        return RemoteIndex(str(home), token=token)
    return Index(home, profile=profile)


class Index:
    """Files, their state and their records, in one MEDLEY_HOME. Use one from one thread at a time.

    Every method raises SetupError where the machine is at fault; what is wrong with a file stands in the report.
    """

    def __init__(self, home: str | os.PathLike[str] | None = None, *, profile: str | None = None) -> None:
        # our packages come first: a `tasks.py` or `flows` on somebody's PYTHONPATH is none of ours
        paths = [str(Path(__file__).absolute().parents[1]), os.environ.get("PYTHONPATH", "")]
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        if home is not None:
            self._environment["MEDLEY_HOME"] = str(Path(home).expanduser().absolute())
        if profile is not None:
            self._environment["MEDLEY_PROFILE"] = profile
        self._searcher: subprocess.Popen[str] | None = None

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def ingest(
        self,
        *sources: str | os.PathLike[str],
        pipeline: str | Pipeline | None = None,
        options: Mapping[str, Any] | None = None,
        force: bool = False,
        progress: Callable[[str], object] | None = None,
    ) -> Report:
        """Makes files, folders, patterns or buckets searchable, and waits for the end.

        Args:
            sources: As of `medley ingest`.
            pipeline: Give all files to this one: the pipeline itself, a name, or "module:name".
            options: Flags without their dashes: {"speech.language": "de", "frames.interval_s": 2}.
            force: Do everything again, whatever is known of these files.
            progress: Called with each line of progress; by default the lines go to `sys.stderr`.

        """
        arguments = ["ingest", *map(str, sources), "--json", *(["--force"] if force else [])]
        if pipeline is not None:
            named = pipeline.reference if isinstance(pipeline, Pipeline) else pipeline
            arguments += ["--pipeline", named]
        for name, value in (options or {}).items():
            arguments += [f"--{name}", str(value)]
        return Report.of(json.loads(self._run(arguments, progress or _to_stderr)))

    def search(
        self,
        query: str = "",
        *,
        like: str | os.PathLike[str] | None = None,
        limit: int = 10,
        modalities: Iterable[str] | None = None,
        file: str | os.PathLike[str] | None = None,
        tags: Iterable[str] = (),
        page: int | None = None,
        since: str | None = None,
        until: str | None = None,
        kind: str | None = None,
        least: float = 0.0,
        rerank: str = "no",
        **said: Unpack[Said],
    ) -> Hits:
        """Finds moments by words, or by likeness to a record's id or a picture file (`like`).

        All other arguments are conditions, as the flags of `medley search`: `modalities`, `file` (or its folder),
        `tags`, `page` from 1, `since` and `until` (2026-11-24 in UTC, yesterday), `kind` (video, audio, image, pdf,
        document), `least` (a score; below 0.5 hits are weak), and what files say of themselves (`Said`). `rerank`:
        "tokens" or "endpoint". The models stay loaded until `close`.
        """
        asked = {"query": query, "limit": limit, "tags": list(tags), "page": page, "since": since, "until": until}
        more = {"like": _text(like), "file": _text(file), "modalities": modalities and list(modalities)}
        how = {"kind": kind, "least": least, "rerank": rerank, **conditions(**said)}
        answer = self._ask({**asked, **more, **how})
        return Hits(query or str(like), map(Hit.of, answer["hits"]), answer["notes"])

    def status(self, *, failed: bool = False) -> Status:
        """Reports what is known of runs and files; with `failed` only of files that are not complete."""
        return Status(**json.loads(self._run(["status", "--json", *(["--failed"] if failed else [])], _to_stderr)))

    def forget(self, *targets: str | os.PathLike[str]) -> dict[str, Any]:
        """Takes files, folders, URLs or asset ids out of index, disk and catalog; gives the receipt."""
        self.close()  # the store's files are rewritten, which waits for those who search
        receipt: dict[str, Any] = json.loads(self._run(["forget", *map(str, targets), "--receipt"], _to_stderr))
        return receipt

    def close(self) -> None:
        """Ends the process that searches, and with it the services that only that process has used."""
        if self._searcher:
            with self._searcher:
                self._searcher.communicate(timeout=_CLOSE_S)
            self._searcher = None

    def _start(self, arguments: list[str], **pipes: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-m", "medley", *arguments]
        piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **pipes}
        # in a session of its own: a terminal's Ctrl-C comes to it once, from `_wait`
        return subprocess.Popen(command, env=self._environment, start_new_session=True, **piped)

    def _run(self, arguments: list[str], progress: Callable[[str], object]) -> str:
        lines: list[str] = []
        with self._start(arguments, stdin=subprocess.DEVNULL) as process:
            reader = threading.Thread(target=_read_lines, args=(process, lines, progress), daemon=True)
            reader.start()
            out = _wait(process)
            reader.join()
        if process.returncode not in _FINE or not out:
            raise SetupError((lines or [f"medley {arguments[0]} ended with {process.returncode}"])[-1])
        return out

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self._searcher is None or self._searcher.poll() is not None:
            self._searcher = self._start(["answer"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self._searcher.stdin
        assert self._searcher.stdout
        self._searcher.stdin.write(json.dumps(asked) + "\n")
        self._searcher.stdin.flush()
        line = self._searcher.stdout.readline()
        if not line:
            raise SetupError("the process that searches has ended", remedy="See: medley doctor")
        answer: dict[str, Any] = json.loads(line)
        if error := answer.get("error"):
            raise error_class(error["type"])(error["reason"], remedy=error["remedy"], file=error["file"])
        return answer


def _wait(process: subprocess.Popen[str]) -> str:
    """Everything that the process prints. Ctrl-C is passed on: the report is written, then KeyboardInterrupt raised."""
    assert process.stdout
    try:
        out = process.stdout.read()
        process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        process.wait()
        raise
    return out


def _read_lines(process: subprocess.Popen[str], lines: list[str], progress: Callable[[str], object]) -> None:
    assert process.stderr
    for line in process.stderr:
        text = line.rstrip("\n")
        lines.append(text.removeprefix("medley: "))
        progress(text)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr)
