"""No two modules import each other, at their top, within functions, or by a name in a string."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("actors", "flows", "medley", "tasks")


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for name in PACKAGES for path in (ROOT / name).rglob("*.py")}


def named_in(tree: ast.AST) -> Iterator[str]:
    """Names of modules, or of what is in modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            yield node.value.partition(":")[0]


def test_no_two_modules_import_each_other() -> None:
    imported = {
        module: {name for name in named_in(ast.parse(path.read_text())) if name in MODULES and name != module}
        for module, path in MODULES.items()
    }
    assert sum(map(len, imported.values())) > 500, "imports are found"
    pairs = {(a, b) for a, found in imported.items() for b in found if a < b and a in imported[b]}
    pairs |= {(b, a) for a, found in imported.items() for b in found if b < a and a in imported[b]}
    assert pairs == set()
