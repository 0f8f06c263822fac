"""Docstrings of public functions begin with a verb ("Returns ..."): exit status 1 and a list of those that do not."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("medley", "actors", "tasks", "flows")
_NO_VERBS = frozenset(["As", "Has", "Is", "Items", "Its", "Ones", "Options", "Paths", "Rows", "This"])
_PROPERTIES = frozenset({"property", "cached_property"})


def without_verb(path: Path) -> Iterator[str]:
    """Yields a complaint for each public function whose docstring begins with anything but a verb."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        names = {decorator.id for decorator in node.decorator_list if isinstance(decorator, ast.Name)}
        told = ast.get_docstring(node)
        if not told or names & _PROPERTIES:
            continue
        first = told.split()[0].rstrip(",:;.")
        if not first.endswith("s") or first in _NO_VERBS:
            yield f"{path}:{node.lineno}: {node.name}: {told.splitlines()[0]}"


def main() -> int:
    """Looks at every file of our packages."""
    paths = (path for package in PACKAGES for path in sorted(Path(package).rglob("*.py")))
    found = [line for path in paths if "migrations/versions" not in str(path) for line in without_verb(path)]
    print("\n".join(found) or "docstrings: fine")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
