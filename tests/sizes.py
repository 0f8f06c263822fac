"""Files under 300 lines, functions of 30 lines at most: exit status 1 and a list of those that are longer."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 300
FUNCTION_LINES = 30
_EXEMPT = "medley/catalog/migrations/versions/"  # a schema is one list


def too_long(path: Path) -> Iterator[str]:
    """What is too long in one Python file."""
    text = path.read_text()
    lines = text.count("\n")
    if lines >= FILE_LINES:
        yield f"{path}: {lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines"


def main() -> int:
    """Looks at every Python file that git knows or could know."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [Path(line) for line in listed.stdout.splitlines() if not line.startswith(_EXEMPT)]
    found = [complaint for path in paths if path.exists() for complaint in too_long(path)]
    print("\n".join(found) or "sizes: fine")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
