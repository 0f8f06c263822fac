"""Modules that a library imports for functions that are never called here: imported when they are called.

sentence-transformers imports scikit-learn for one function, and scikit-learn imports pandas and pyarrow: 110 MB and
two seconds in every process with a text model, for nothing that encoding does.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def deferred(package: str, *modules: str) -> Iterator[None]:
    """Lets what is imported inside have functions of `package` that import it when they are called.

    `modules` are the package's modules that are imported by name. Does nothing where the package is loaded already;
    afterwards the package is imported as ever.
    """
    if package in sys.modules:
        yield
        return
    names = (package, *(f"{package}.{module}" for module in modules))
    sys.modules.update({name: _stand_in(name) for name in names})
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)


def _stand_in(name: str) -> ModuleType:
    module = ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    module.__path__ = []
    module.__getattr__ = lambda function: _when_called(name, function)  # type: ignore[method-assign]
    return module


def _when_called(module: str, function: str) -> Callable[..., Any]:
    if function.startswith("__"):
        raise AttributeError(function)

    def call(*args: Any, **options: Any) -> Any:
        return getattr(importlib.import_module(module), function)(*args, **options)

    return call
