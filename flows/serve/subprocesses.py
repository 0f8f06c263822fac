"""Verbs of the command line that need a process of their own: they load what the service does without."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from flows.serve.problems import Problem

_WAIT_S = 300.0
_FINE = (0, 1)


async def command(*arguments: str) -> Any:
    """Runs `medley ...` for this home and returns its JSON. Raises Problem where the command refuses."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "medley", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    try:
        out, said = await asyncio.wait_for(process.communicate(), _WAIT_S)
    except TimeoutError:
        raise Problem(503, f"medley {arguments[0]} takes too long", "Try it on the command line") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode not in _FINE or not out:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise Problem(409, last.removeprefix("medley: ") or f"medley {arguments[0]} failed", "See: medley doctor")
    return json.loads(out)
