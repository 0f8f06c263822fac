"""Milvus Lite's server, after a look at what the one before has left.

`python -m medley.stores.lite_server --data-dir DIR --host HOST --port PORT`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from milvus_lite.cmdline import main as milvus_lite

from medley.stores import lite_search
from medley.stores.lite_files import drop_torn_indexes


def main(arguments: list[str]) -> int:
    """Serves until it is told to end; `arguments` are those of `milvus-lite server`."""
    lite_search.install()
    drop_torn_indexes(Path(arguments[arguments.index("--data-dir") + 1]))
    return int(milvus_lite(["server", *arguments]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
