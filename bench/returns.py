"""How far a reader has to walk: which files one `medley video` enters, and how often it comes back to one of them.

    python bench/returns.py [OTHER_CHECKOUT]

Counts calls of our own functions in the main thread of the command (runner ray). Each time a call leads from one file
into another that was entered before is a return; a round trip that repeats at once (a loop, a poll) counts once,
however many files it leads through.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[1]
_PACKAGES = ("flows", "tasks", "actors", "medley")
_SECONDS = "4"


def collapsed(files: list[str]) -> list[str]:
    """Lists the files one after the other: no file twice in a row, no round trip twice in a row."""
    found: list[str] = []
    for file in files:
        if not found or found[-1] != file:
            found.append(file)
        while length := _repeated(found):
            del found[-length:]
    return found


def _repeated(files: list[str]) -> int:
    """Returns the number of files in the shortest round trip that stands twice at the end; 0 where none does."""
    return next((n for n in range(2, len(files) // 2 + 1) if files[-n:] == files[-2 * n : -n]), 0)


def traced(root: Path, clip: str) -> list[str]:
    """The file of each call of ours, in order. Runs the command in this process."""
    sys.path.insert(0, str(root))
    ours = tuple(f"{root / name}/" for name in _PACKAGES)
    entered: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        is_function = code.co_flags & inspect.CO_OPTIMIZED  # the bodies of modules and classes are none
        if event == "call" and is_function and code.co_filename.startswith(ours):
            entered.append(str(Path(code.co_filename).relative_to(root)))

    name = "flows.commands.cli" if (root / "flows" / "commands").exists() else "flows._cli"
    sys.setprofile(note)
    try:
        code = __import__(name, fromlist=["main"]).main(["video", clip, "--profile", "demo", "-q"])
    finally:
        sys.setprofile(None)
    assert code == 0, code
    return entered


def walk(root: Path, clip: Path) -> dict[str, Any]:
    """Rooms, returns and the rooms that are returned to most, of a checkout; in a process and a home of its own."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "MEDLEY_HOME": home}
        command = [sys.executable, "-P", __file__, "--trace", str(root), str(clip)]
        done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=True)
    files = collapsed(json.loads(done.stdout.splitlines()[-1]))
    visits = Counter(files)
    return {"rooms": len(visits), "returns": len(files) - len(visits), "most": visits.most_common(12)}


def main() -> int:
    """Prints the figures of this checkout, and of another one beside it."""
    if sys.argv[1:2] == ["--trace"]:
        print("\n" + json.dumps(traced(Path(sys.argv[2]), sys.argv[3])))
        return 0
    from medley.media.ffmpeg import ffmpeg_program

    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder, "clip.mp4")
        sample = ROOT / "samples" / "sample.mp4"
        command = [ffmpeg_program(), "-loglevel", "error", "-i", str(sample), "-t", _SECONDS, "-c", "copy", str(clip)]
        subprocess.run(command, check=True)
        for root in [ROOT, *map(Path, sys.argv[1:])]:
            found = walk(root.absolute(), clip)
            print(f"{root}: {found['rooms']} files, {found['returns']} returns")
            print("   most: " + ", ".join(f"{name} {count}" for name, count in found["most"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
