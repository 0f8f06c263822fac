"""The shape of the repository: imports, what git knows, deployments."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

#: In pieces, so that this file does not name them.
_DOT = r"\."
REGISTRIES = re.compile(
    "|".join(
        [
            *(f"{name}{_DOT}org" for name in ("py" + "pi", "python" + "hosted")),
            *(
                f"{name}{_DOT}"
                for name in ("arti" + "factory", "nex" + "us", "dev" + "pi", "registry" + _DOT + "npmjs")
            ),
            r"^\s*-(-extra)?-?index" + "-url",
        ]
    ),
    re.IGNORECASE,
)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_imports_run_downwards() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("name", ["py" + "pi.org", "files.python" + "hosted.org", "--index" + "-url x"])
def test_the_expression_finds_what_it_is_for(name: str) -> None:
    assert REGISTRIES.search(f"  {name}")


def test_no_tracked_file_names_a_registry() -> None:
    found = []
    for path in tracked():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        lines = content.decode(errors="replace").splitlines()
        found += [f"{path.relative_to(ROOT)}:{n}" for n, line in enumerate(lines, 1) if REGISTRIES.search(line)]
    assert found == []


def test_deployments_are_in_module_form() -> None:
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert deployments
    for deployment in deployments:
        module, name = re.fullmatch(r"([a-z_.]+):([a-z_]+)", deployment["entrypoint"]).groups()
        assert not (ROOT / module).exists(), "a module, not a path"
        assert hasattr(import_module(module), name)
        assert deployment["description"].strip()


def test_flows_are_light_to_import() -> None:
    script = (
        "import sys, flows.video; print(*sorted({'torch', 'ctranslate2', 'open_clip', 'pymilvus'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
