"""The checkpoints of each profile, with their revisions."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from medley.errors import SetupError
from medley.models import nano
from medley.models.base import Endpoint, Kind, ModelSpec
from medley.models.locate import bundled, directory_revision
from medley.option_values import Profile
from medley.options import CaptionOptions, ModelChoice, ModelOptions
from medley.setting_groups import EndpointSettings
from medley.settings import Settings


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Models:
    """The models that a run may ask."""

    speech: ModelSpec
    vision: ModelSpec
    text: ModelSpec
    ocr: ModelSpec
    caption: ModelSpec | None = None  #: None: pictures are not described


#: The revision of a checkpoint that ships with Medley is its content: `make demo-models` may put another in its place.
_BY_CONTENT = "content"
_SERVED = "endpoint"  #: the loader of what a server has
_MINILM = ModelSpec(
    "text",
    "sentence",
    "sentence-transformers/all-MiniLM-L6-v2",
    "c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
    "float32",
)

_PP_OCR = ModelSpec("ocr", "rapid", "rapidocr/PP-OCRv6-small", version("rapidocr"), "float32")

PROFILES: dict[Profile, Models] = {
    Profile.DEMO: Models(
        speech=ModelSpec("speech", "whisper", "demo/whisper", _BY_CONTENT, "int8", chunk_length_s=10),
        vision=ModelSpec("vision", "clip", "demo/clip", _BY_CONTENT, "float32"),
        text=_MINILM,
        ocr=_PP_OCR,
    ),
    Profile.CPU: Models(
        speech=ModelSpec(
            "speech",
            "whisper",
            "Systran/faster-whisper-small",
            "536b0662742c02347bc0e980a01041f333bce120",
            "int8",
        ),
        vision=ModelSpec(
            "vision",
            "clip",
            "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
            "1a25a446712ba5ee05982a381eed697ef9b435cf",
            "float32",
        ),
        text=_MINILM,
        ocr=_PP_OCR,
    ),
    Profile.GPU: Models(
        speech=ModelSpec(
            "speech",
            "whisper",
            "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
            "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf",
            "float16",
            "auto",
        ),
        vision=ModelSpec(
            "vision",
            "clip",
            "laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K",
            "84c9828e63dc9a9351d1fe637c346d4c1c4db341",
            "float16",
            "auto",
        ),
        text=ModelSpec(
            "text", "sentence", "BAAI/bge-m3", "5617a9f61b028005a4858fdac845db406aefb181", "float16", "auto"
        ),
        ocr=_PP_OCR,
    ),
}


def models_for(options: ModelChoice, settings: Settings) -> Models:
    """Picks the models of a run: the profile's, the user's own in their places, and models that servers have.

    Raises ModelUnavailable where a directory that was named is no directory.
    """
    models = models_of(options.chosen, options.models, settings.pools.device)
    text, url = models.text, settings.embedder.base_url
    if url and not os.path.isabs(text.id):
        name = (None if options.models.text else settings.embedder.model) or text.id
        text = _served("text", name, _endpoint(url, settings.embedder))
    captions: CaptionOptions | None = getattr(options, "captions", None)
    return replace(models, text=text, caption=_captioner(captions, options.chosen, settings) if captions else None)


def _captioner(captions: CaptionOptions, profile: Profile, settings: Settings) -> ModelSpec | None:
    if not captions.model:
        return None
    name, revision = _identity(captions.model)
    if settings.captioner.base_url and not os.path.isabs(name):
        server = _endpoint(settings.captioner.base_url, settings.captioner)
        return _served("caption", captions.model, replace(server, parallel=settings.captioner.parallel))
    precise, device = ("float16", "auto") if profile is Profile.GPU else ("float32", "cpu")
    return ModelSpec("caption", "vlm", name, revision, precise, settings.pools.device or device)


def reached(spec: ModelSpec, settings: Settings) -> ModelSpec:
    """Points a model that made vectors once to the server that has the model now.

    Raises SetupError where no server is named. A model that runs without a server is returned as given.
    """
    if spec.loader != _SERVED:
        return spec
    if not settings.embedder.base_url:
        raise SetupError(
            f"what is indexed was embedded by {spec.id} on a server, and none is named now",
            remedy="Set MEDLEY_EMBEDDER__BASE_URL",
        )
    return replace(spec, endpoint=_endpoint(settings.embedder.base_url, settings.embedder))


def _served(kind: Kind, name: str, endpoint: Endpoint) -> ModelSpec:
    return ModelSpec(kind, _SERVED, name, "", "", endpoint=endpoint)


def _endpoint(url: str, settings: EndpointSettings) -> Endpoint:
    return Endpoint(url.rstrip("/"), settings.api_key, settings.timeout_s)


def models_of(profile: Profile, choice: ModelOptions, device: str | None = None) -> Models:
    """Picks the models of a profile (not `auto`: resolve that first), with the user's own weights in their places.

    Raises ModelUnavailable where a directory that was named is no directory.
    """
    models = PROFILES[profile]
    return Models(
        speech=_chosen(models.speech, choice.speech, device),
        vision=_chosen(models.vision, choice.vision, device),
        text=_chosen(models.text, choice.text, device),
        ocr=models.ocr,  # on the CPU: onnxruntime's build for GPUs is another package
    )


def _chosen(spec: ModelSpec, choice: str | None, device: str | None) -> ModelSpec:
    if choice == nano.NAME and spec.kind == "text":
        return nano.nano_spec()
    if choice is not None:
        name, revision = _identity(choice)
        spec = replace(spec, id=name, revision=revision, chunk_length_s=30)
    elif spec.revision == _BY_CONTENT:
        spec = replace(spec, revision=_bundled_revision(spec.id))
    return replace(spec, device=device) if device else spec


@lru_cache
def _bundled_revision(model_id: str) -> str:
    directory = bundled(model_id)
    assert directory, model_id
    return directory_revision(directory)


@lru_cache
def _identity(choice: str) -> tuple[str, str]:
    """A directory is known by its content, a hub name by the revision after `@` (main where there is none)."""
    directory = Path(choice).expanduser()
    if directory.is_absolute() or choice.startswith((".", "~")) or directory.is_dir():
        return str(directory.resolve()), directory_revision(directory)
    name, _, revision = choice.partition("@")
    return name, revision or "main"
