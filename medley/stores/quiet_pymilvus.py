"""pymilvus without the side effects of its import: the one place where it is imported.

It reads the `.env` of whatever project it lies in, and calls `logging.config.dictConfig`, which flushes and drops
every log handler of the process while it holds the logging lock: Prefect's handler waits in its flush for a thread
that needs that lock, and both wait for ever (seen with pymilvus 3.0.2 and Prefect 3.8.8).
"""

from __future__ import annotations

import logging.config
import os
from typing import Any


def _configure_others(config: Any) -> None:
    if "pymilvus" not in config.get("loggers", {}):
        _dict_config(config)


__all__ = ["DataType", "Function", "FunctionType", "MilvusClient", "MilvusException"]

_dict_config = logging.config.dictConfig
os.environ.setdefault("PYTHON_DOTENV_DISABLED", "1")
logging.config.dictConfig = _configure_others
try:
    from pymilvus import DataType, Function, FunctionType, MilvusClient, MilvusException
finally:
    logging.config.dictConfig = _dict_config

#: A traceback on stderr for each failed call, else: we raise what went wrong.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)
