"""`medley answer`: searches for a program, a request as JSON in each line of stdin, an answer in each line of stdout.

A request is a `SearchRequest`; an answer has `hits`, as of `medley search --json`, or an `error`. Models stay loaded
and the store stays there until stdin ends.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from typing import Any

from pydantic import ValidationError

from flows.serve.local import find
from flows.serve.request import SearchRequest
from flows.services.environment import prepare_environment
from flows.services.shared import vector_store
from medley.errors import MedleyError, SetupError
from medley.settings import Settings, load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds nothing: `medley answer` has no flags."""


def run(arguments: argparse.Namespace) -> int:
    """Answers the search requests in the lines of stdin until stdin ends."""
    settings = load_settings()
    prepare_environment(settings)
    with contextlib.ExitStack() as store:
        held = False
        for line in sys.stdin:
            answer = _answer(line, settings)
            if not held and "hits" in answer:  # from now on the store waits for the next request
                store.enter_context(vector_store(settings))
                held = True
            print(json.dumps(answer), flush=True)
    return 0


def _answer(line: str, settings: Settings) -> dict[str, Any]:
    try:
        return find(SearchRequest.model_validate_json(line), settings)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return _error(SetupError(f"{'.'.join(map(str, first['loc']))} {first['input']}: {first['msg']}"))
    except MedleyError as error:
        return _error(error)


def _error(error: MedleyError) -> dict[str, Any]:
    told = {"type": type(error).__name__, "reason": error.reason, "remedy": error.remedy, "file": error.file}
    return {"error": told}
