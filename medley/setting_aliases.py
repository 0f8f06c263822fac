"""Names under which other programs know some of our settings: read where MEDLEY_* does not say otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource


def _as_given(value: str) -> str:
    return value


def _milvus_uri(host: str) -> str:
    """`milvus` and `milvus:19530` are what others call the server; a URI stays what it is."""
    if "://" in host:
        return host
    return f"http://{host}" if ":" in host else f"http://{host}:19530"


#: Each alias: the setting, as its group and name, and how the value is read.
ALIASES: dict[str, tuple[str, str, Callable[[str], str]]] = {
    "RAY_ADDRESS": ("ray", "address", _as_given),
    "RAY_NUM_WORKERS": ("ray", "num_cpus", _as_given),
    "RAY_NUM_GPUS": ("ray", "num_gpus", _as_given),
    "RAY_POOL_SIZE": ("pools", "most", _as_given),
    "RAY_MAX_TASKS_PER_WORKER": ("pools", "recycle_batches", _as_given),
    "EMBEDDER_BASE_URL": ("embedder", "base_url", _as_given),
    "VDB_HOST": ("store", "uri", _milvus_uri),
}


class AliasSource(PydanticBaseSettingsSource):
    """The settings that aliases give."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Returns nothing: all that aliases give comes from calling the source."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Reads the environment."""
        found: dict[str, Any] = {}
        for alias, (group, name, read) in ALIASES.items():
            if value := os.environ.get(alias):
                found.setdefault(group, {})[name] = read(value)
        return found


def alias_of(group: str, name: str) -> str:
    """Returns the alias that has given a setting's value; "" where there is none."""
    given = (alias for alias, (of, called, _) in ALIASES.items() if (of, called) == (group, name))
    return next((alias for alias in given if os.environ.get(alias)), "")
