"""Medley: turns videos, PDFs and images into a searchable index.

    import medley
    index = medley.open()
    index.ingest("~/archive")
    index.search("a red circle")

This package is the library; it knows neither Prefect nor Ray. Names below are imported when they are used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"
__all__ = ["Evidence", "Hit", "Hits", "Index", "Item", "MedleyError", "Report", "Status", "__version__", "open"]

if TYPE_CHECKING:
    from medley.errors import MedleyError
    from medley.index import Index, open  # noqa: A004  # as `gzip.open` and its like
    from medley.results import Evidence, Hit, Hits, Item, Report, Status

_HOMES = {"MedleyError": "medley.errors", "Index": "medley.index", "open": "medley.index"}


def __getattr__(name: str) -> Any:
    """The public names, each from its module."""
    if name not in __all__:
        raise AttributeError(f"module 'medley' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "medley.results")), name)
