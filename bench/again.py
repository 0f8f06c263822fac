"""How long an unchanged run takes, against the first one: `make bench-again`.

Whole processes, wall time as a person feels it; a new MEDLEY_HOME, profile demo, the shipped sample.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
REPETITIONS = 7


def run(home: str) -> tuple[float, dict[str, object]]:
    """Seconds and report of one `flows.video` call on the sample."""
    command = [sys.executable, "-m", "flows.video", "samples/sample.mp4", "--profile", "demo", "--json"]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MEDLEY_", "PREFECT_", "RAY_"))}
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env={**env, "MEDLEY_HOME": home}, capture_output=True, check=True)
    return time.perf_counter() - begin, json.loads(done.stdout)


def main() -> None:
    """Prints the figures; fails where an unchanged run started anything."""
    with tempfile.TemporaryDirectory() as home:
        first, _ = run(home)
        again = []
        for _ in range(REPETITIONS):
            seconds, report = run(home)
            items = report["items"]
            if report["prefect_url"] is not None or any(item["stages"] for item in items):  # type: ignore[attr-defined]
                sys.exit("an unchanged run did something")
            again.append(seconds)
    middle = statistics.median(again)
    print(f"cores {os.cpu_count()}, sample of 46 s, profile demo, runner ray")
    print(f"first run     {first:6.2f} s (nothing running, cold)")
    print(f"unchanged     {middle:6.2f} s median of {REPETITIONS} ({min(again):.2f} to {max(again):.2f})")
    print(f"ratio         {middle / first:6.3f}")


if __name__ == "__main__":
    main()
