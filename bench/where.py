"""Where the seconds and bytes of a cold and a warm run go: `make bench-where`.

Cold: nothing runs; `py-spy` samples every process of one command, 20 times a second, while it works. Warm: a second
file on a Ray cluster and a Prefect server that stay up, its models resident; Ray's own timeline tells what its workers
did. The shipped sample, profile demo.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PROGRAMS = Path(sys.executable).parent
_RATE = 20
_SLOW_IMPORTS = ("torch", "sentence_transformers", "transformers", "open_clip", "faster_whisper", "prefect", "ray")
_ASK = """
import json, os, ray
ray.init(address=os.environ["MEDLEY_RAY__ADDRESS"], logging_level="ERROR", log_to_driver=False)
print(json.dumps(ray.timeline()))
"""
_IMPORTING = re.compile(r"<frozen importlib\._bootstrap")


def command(video: Path) -> list[str]:
    """What is measured."""
    return [sys.executable, "-m", "flows.video", str(video), "--profile", "demo", "--json"]


def stages(report: dict[str, Any]) -> Iterator[str]:
    """A line for each stage of the only item."""
    yield f"  whole {report['seconds']:.1f} s, start-up of services {report['startup_s']:.1f} s"
    for stage in report["items"][0]["stages"]:
        yield f"  {stage['started'][11:21]}  {stage['seconds']:6.2f} s  {stage['name']}"


def cold(place: Path) -> None:
    """Seconds of CPU by process and by what it was at."""
    stacks = place / "stacks.txt"
    spy = [str(PROGRAMS / "py-spy"), "record", "--subprocesses", "--rate", str(_RATE), "--nonblocking"]
    spied = [*spy, "--format", "raw", "-o", str(stacks), "--", *command(ROOT / "samples" / "sample.mp4")]
    env = {**os.environ, "MEDLEY_HOME": str(place / "home")}
    done = subprocess.run(spied, env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout[done.stdout.index("{\n") : done.stdout.rindex("}\n") + 2])
    print("cold, one command on a private Ray")
    print("\n".join(stages(report)))
    spent: Counter[tuple[str, str]] = Counter()
    for line in stacks.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        spent[_doing(stack)] += int(count)
    print("  CPU seconds by process and work (py-spy)")
    for (process, work), count in spent.most_common(22):
        print(f"  {count / _RATE:7.1f}  {process:28} {work}")
    print("  bytes on disk")
    for part in sorted((place / "home").iterdir()):
        print(f"  {_bytes(part) / 1e6:9.2f} MB  {part.name}")


def _doing(stack: str) -> tuple[str, str]:
    """A process, and the outermost of the slow packages that it was importing, or the deepest package at work."""
    frames = stack.split(";")
    started = [
        match[1] for frame in frames if (match := re.match(r'process \d+:"(.*)"', frame))
    ]  # each by the one before
    named = re.findall(r"ray::\w+|flows\.\w+|prefect server|lite_server|raylet|default_worker|[\w-]+\.py", started[-1])
    process = named[0] if named else started[-1][-28:] or "the command"
    packages = [match[1] for frame in frames if (match := re.search(r"\(([\w.-]+)/", frame))]
    if _IMPORTING.search(stack):
        slow = next((name for name in packages if name in _SLOW_IMPORTS), None)
        return process, f"importing {slow or 'others'}"
    return process, packages[-1] if packages else "native"


def _bytes(path: Path) -> int:
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size


@contextmanager
def standing(place: Path) -> Iterator[dict[str, str]]:
    """A Ray head and a Prefect server that stay up; the environment that finds them."""
    env = {
        **os.environ,
        "MEDLEY_HOME": str(place / "home"),
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    env["PREFECT_HOME"] = str(place / "prefect")
    ray = [str(PROGRAMS / "ray"), "start", "--head", "--port=6399", "--include-dashboard=false"]
    subprocess.run([*ray, "--object-store-memory=200000000"], env=env, check=True, capture_output=True)
    prefect = [sys.executable, "-m", "prefect", "server", "start", "--port", "4298", "--log-level", "ERROR"]
    server = subprocess.Popen(prefect, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(20)  # no measurement begins before both are there
        yield env | {"MEDLEY_RAY__ADDRESS": "127.0.0.1:6399", "PREFECT_API_URL": "http://127.0.0.1:4298/api"}
    finally:
        subprocess.run([str(PROGRAMS / "ray"), "stop", "--force"], env=env, capture_output=True, check=False)
        server.terminate()
        server.wait()


def warm(place: Path) -> None:
    """The first run on the standing services, which makes the actors, and a second one that finds them."""
    with standing(place) as env:
        for number, name in enumerate(("services up, models not yet", "warm: services up, models resident")):
            video = place / f"{number}.mp4"
            shutil.copy(ROOT / "samples" / "sample.mp4", video)
            begin = time.time()
            done = subprocess.run(
                [*command(video), "--force"], env=env, cwd=ROOT, capture_output=True, text=True, check=True
            )
            print(name)
            print("\n".join(stages(json.loads(done.stdout))))
            _print_timeline(env, begin)


def _print_timeline(env: dict[str, str], since: float) -> None:
    time.sleep(3)  # events travel once a second
    asked = subprocess.run([sys.executable, "-c", _ASK], env=env, capture_output=True, text=True, check=True)
    spent: Counter[str] = Counter()
    for event in json.loads(asked.stdout.splitlines()[-1]):
        if event.get("ph") == "X" and event["ts"] / 1e6 >= since:
            spent[f"{event['cat']} {event['name']}"] += event["dur"]
    print("  seconds in workers (Ray's timeline)")
    for what, microseconds in spent.most_common(14):
        print(f"  {microseconds / 1e6:7.2f}  {what}")


def main() -> None:
    """Prints all."""
    print(f"cores {os.cpu_count()}, sample of 46 s, profile demo")
    for measure in (cold, warm):
        with tempfile.TemporaryDirectory() as place:
            measure(Path(place))


if __name__ == "__main__":
    main()
