"""What a model is to the rest of Medley: a specification, and a Protocol for each kind."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import SecretStr
from threadpoolctl import threadpool_limits

from medley.errors import BadInput, SetupError
from medley.media.layout import Line
from medley.system.gpu import gpus
from medley.types import Word

Vectors = NDArray[np.float32]
#: speech, vision, text, ocr, caption, or the name of a kind that a pipeline brings
Kind = str


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Endpoint:
    """A server that speaks OpenAI's protocol. The same model may be served elsewhere tomorrow."""

    base_url: str
    api_key: SecretStr | None = field(default=None, repr=False)
    timeout_s: float = 300.0
    parallel: int = 1  #: requests at the same time


#: Fields of a specification that its fingerprint leaves out: where the model runs, and itself.
_NO_PART = ("device", "endpoint", "fingerprint")


@dataclass(frozen=True, slots=True, weakref_slot=True)
class ModelSpec:
    """Which weights, loaded how, and what is part of the fingerprint of what the model makes: all but where it runs."""

    kind: Kind
    loader: str  #: module in medley/models that loads it, an entry point of `medley.models`, or `package.module`
    id: str  #: name on the hub or at an endpoint, name of a bundled checkpoint (demo/...), or an absolute directory
    revision: str
    compute_type: str  #: float32, float16 or int8
    device: str = "cpu"
    chunk_length_s: int = 30  #: speech: window that the checkpoint was trained for
    resize_mode: str = "squash"  #: vision: how a picture is brought to the model's square
    endpoint: Endpoint | None = None
    fingerprint: str = field(init=False, compare=False)  #: 16 hex digits: another where the model may say other things

    def __post_init__(self) -> None:
        known = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _NO_PART}
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
        object.__setattr__(self, "fingerprint", digest[:16])

    def to_json(self) -> str:
        """Encodes the specification as JSON for a collection's description, without endpoint; see `spec_from_json`."""
        known = asdict(self)
        del known["endpoint"], known["fingerprint"]
        return json.dumps(known, sort_keys=True)


def spec_from_json(text: str) -> ModelSpec:
    """Reads the specification that `to_json` wrote. Raises ValueError where the text is no specification."""
    try:
        return ModelSpec(**json.loads(text))
    except TypeError as error:
        raise ValueError(f"not a model specification: {text[:80]!r}") from error


class SpeechModel(Protocol):
    """Turns samples into words."""

    def transcribe(
        self, samples: Vectors, *, language: str | None, beam_size: int, translate: bool = False
    ) -> list[Word]:
        """Turns `samples` (mono, 16 kHz, shape (n,), -1..1) into words with times in seconds from sample 0.

        The words are in the language that is spoken, or with `translate` in English. Raises SetupError where the
        checkpoint does not know `language` (ISO 639-1; None: the model finds the language out).
        """
        ...

    def spoken_language(self, samples: Vectors) -> str:
        """Detects the language (ISO 639-1) of samples in which somebody speaks."""
        ...


class OcrModel(Protocol):
    """Reads what is written on pictures."""

    def read(self, paths: Sequence[Path]) -> list[list[Line]]:
        """Reads the lines of text on each JPEG that Medley made, boxes in its pixels, as the model finds them."""
        ...


#: A JPEG to look at, or one and what is to be known of it besides.
Shown = Path | tuple[Path, str]


class CaptionModel(Protocol):
    """Says in words what is on pictures."""

    def describe(self, shown: Sequence[Shown], prompt: str, max_tokens: int) -> list[str | BadInput]:
        """Describes each JPEG that Medley made, "" where there is nothing to say.

        In place of a description stands BadInput where a JPEG cannot be looked at: the error says why.
        """
        ...


def asked_of(shown: Shown, prompt: str) -> tuple[Path, str]:
    """Returns a JPEG and what is asked of it."""
    return (shown[0], f"{prompt}\n\n{shown[1]}") if isinstance(shown, tuple) else (shown, prompt)


class TextEncoder(Protocol):
    """Turns texts into unit vectors."""

    dim: int

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encodes texts into unit vectors, shape (len(texts), dim)."""
        ...


class ImageEncoder(TextEncoder, Protocol):
    """Turns pictures, and texts about pictures, into unit vectors of one space."""

    def encode_images(self, paths: Sequence[Path]) -> Vectors:
        """Encodes pictures into unit vectors, shape (len(paths), dim); the files are JPEGs that Medley made."""
        ...


def load_model(spec: ModelSpec, *, threads: int) -> Any:
    """Loads and warms up a model; the Protocol above that it follows is that of `spec.kind`.

    Raises ModelUnavailable where the weights are not to be had, SetupError where they cannot run on this machine.
    """
    _leave_out_triton()
    model = _loader(spec.loader).load(spec, threads=threads)
    # sums of floats depend on who adds them up: the libraries below it get as many threads in every kind of process
    threadpool_limits(threads)
    return model


def _leave_out_triton() -> None:
    """A compiler for GPUs that torch imports wherever it is installed: 70 MB of each process with a model."""
    if not gpus():
        sys.modules.setdefault("triton", None)  # type: ignore[arg-type]  # as `import` has it of what is not there


def _loader(name: str) -> Any:
    """The module that loads a model: one of ours, of an entry point, or anywhere (`package.module`)."""
    for entry in entry_points(group="medley.models", name=name):
        return entry.load()
    return import_module(name if "." in name else f"medley.models.{name}")


def unit(vectors: NDArray[Any]) -> Vectors:
    """Scales rows to length 1, as float32. Vectors are normalised in this one place."""
    as_float = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(as_float, axis=1, keepdims=True)
    return np.asarray(as_float / np.maximum(lengths, 1e-12), dtype=np.float32)


def pick_device(spec: ModelSpec, *, cuda_devices: int) -> str:
    """Picks `cpu` or `cuda` by the GPUs that the library sees. Raises SetupError where the weights need a GPU."""
    device = ("cuda" if cuda_devices else "cpu") if spec.device == "auto" else spec.device
    if device == "cuda" and not cuda_devices:
        raise SetupError(
            f"{spec.id} is to run on a GPU, and this process sees none",
            remedy="Use --profile cpu, or MEDLEY_POOLS__DEVICE=cpu",
        )
    if device == "cpu" and "float16" in spec.compute_type:
        raise SetupError(
            f"{spec.id} is to run in {spec.compute_type}, which needs a GPU, and this process sees none",
            remedy="Use --profile cpu",
        )
    return device
