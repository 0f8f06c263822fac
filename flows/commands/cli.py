"""`medley VERB ...`: one program, also as `python -m flows.video` and the like. What a user can cause is one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from flows.commands.console import print_error
from flows.services.signals import drop_output
from medley import __version__
from medley.errors import MedleyError

#: Pipelines that are verbs of their own; `medley run` knows all others.
_PIPELINE_VERBS = {
    "video": "make videos searchable by what is said and what is seen",
    "pdf": "make PDFs searchable by what is written and what is to be seen",
    "image": "make pictures searchable by what is on them",
    "document": "make office documents, web pages, books, mails and texts searchable",
}
_OTHER_VERBS = {
    "run": "run a pipeline: medley run PIPELINE PATH...",
    "ingest": "make folders and buckets of everything searchable",
    "search": "find moments by words",
    "eval": "how well the index answers queries of which you know what fits",
    "serve": "page, API and agents' tools on one port",
    "mcp": "the index as tools for agents (Model Context Protocol), on stdin and stdout",
    "duplicates": "files that look alike or say the same, though their bytes differ",
    "speakers": "who speaks in a file, and the names that you give them",
    "clip": "the moments that fit, as one video",
    "export": "all records as files for other programs",
    "import": "make records searchable that another index has exported",
    "answer": "answer searches of a program, line by line",
    "status": "what is known of runs and files",
    "pipelines": "which pipelines there are, and what their stages are",
    "plan": "what an ingest would do, and why",
    "retry": "try again what is not complete",
    "forget": "take files out of index, disk and catalog",
    "gc": "remove what is left of assets that are no longer known",
    "explain": "where a hit comes from, and what was made of a file",
    "verify": "whether all that is kept agrees, and mend what does not",
    "chaos": "kill runs over your files, in a home of their own, and see that nothing is lost",
    "migrate": "go over to other models or options, while the index as it is goes on answering",
    "rebuild-index": "make all records anew from what is kept, without any model",
    "models": "download the weights of a profile",
    "pools": "what the resident models of a cluster are doing",
    "up": "run the standing installation: Prefect, Ray, store, worker, upload folder",
    "down": "end it",
    "doctor": "what is wrong here, and what to do about it",
    "watch": "note what lands in upload folders",
    "deploy": "tell a Prefect server of the deployments",
}


#: Verbs that are another way to call the module of another verb.
_MODULES = {"retry": "ingest", "import": "import_records"}
_FOR_A_PIPELINE = ("ingest", "plan")


def main(argv: Sequence[str]) -> int:
    """Runs a verb; returns the exit status: 0 fine, 1 some item is not, 2 usage or set-up, 130 and 143 when stopped."""
    verb = argv[0] if argv else ""
    try:
        return _run(verb, argv)
    except MedleyError as error:
        print_error(str(error))
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone: `medley status | head`
        drop_output()
        return 141


def _run(verb: str, argv: Sequence[str]) -> int:
    if verb in _PIPELINE_VERBS:
        return _run_pipeline(verb, verb, argv[1:])
    if verb == "run" and argv[1:2] and not argv[1].startswith("-"):
        return _run_pipeline(f"run {argv[1]}", argv[1], argv[2:])
    return _run_verb(verb, argv[1:]) if verb in _OTHER_VERBS else _usage(verb)


def module_of(verb: str) -> Any:
    """Imports the module of a verb that is no pipeline: such a module has `add_arguments` and `run`."""
    return import_module(f"flows.commands.{_MODULES.get(verb, verb).replace('-', '_')}")


def _run_verb(verb: str, argv: Sequence[str]) -> int:
    module, parser = module_of(verb), _parser(verb, _OTHER_VERBS[verb])
    if verb in _FOR_A_PIPELINE:
        from flows.commands.flags import pipeline_in

        # the flags are those of the pipeline's options
        module.add_arguments(parser, pipeline_in(argv))
    elif verb == "pipelines":
        module.add_arguments(parser, module.named_in(list(argv)))
    elif verb == "retry":
        module.add_retry_arguments(parser)
    else:
        module.add_arguments(parser)
    return int(module.run(parser.parse_args(argv)))


def _run_pipeline(verb: str, pipeline: str, argv: Sequence[str]) -> int:
    from flows.commands import files

    parser = _parser(verb, _PIPELINE_VERBS.get(pipeline, ""))
    files.add_arguments(parser, pipeline)
    return files.run(pipeline, parser.parse_args(argv), verb)


def _parser(verb: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"medley {verb}", description=description, allow_abbrev=False)


def _usage(verb: str) -> int:
    if verb == "--version":
        print(f"medley {__version__}")
        return 0
    lines = [f"  {name:13} {text}" for name, text in (_PIPELINE_VERBS | _OTHER_VERBS).items()]
    text = "\n".join(["usage: medley VERB ... (medley VERB --help tells more)", "", *lines])
    if verb in ("", "-h", "--help"):
        print(text)
        return 0 if verb else 2
    print(f"medley: there is no verb {verb!r}\n{text}", file=sys.stderr)
    return 2
