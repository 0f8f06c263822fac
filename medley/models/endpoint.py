"""Models behind a server that speaks OpenAI's protocol (vLLM, Ollama, a provider): text embeddings and captions."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import openai

from medley.errors import BadInput, CorruptMedia, SetupError, TransientError
from medley.models.base import Endpoint, ModelSpec, Shown, Vectors, asked_of, unit
from medley.system.stop import raise_if_stopped

_RETRIES = 3  # of one request, with growing pauses, as the server asks; then the task is retried
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SETUP = (401, 403, 404)  # key, rights, name of the model
_REFUSED = (400, 413, 415, 422)  # what was sent is not taken
_ENTITLE = "Give a title of at most eight words for this part of a talk, in its language. Answer with the title alone."
_THOUGHTS = re.compile(r"<think>.*?(</think>|$)", re.S)


class _Served:
    """The client of one model."""

    def __init__(self, spec: ModelSpec) -> None:
        assert spec.endpoint
        self._at: Endpoint = spec.endpoint
        self._model = spec.id
        key = self._at.api_key.get_secret_value() if self._at.api_key else "none"
        spared = urlparse(self._at.base_url).hostname in _LOOPBACK  # a proxy does not lead to this machine
        self._client = openai.OpenAI(
            base_url=self._at.base_url,
            api_key=key,
            timeout=self._at.timeout_s,
            max_retries=_RETRIES,
            http_client=openai.DefaultHttpxClient(trust_env=not spared, timeout=self._at.timeout_s),
        )

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """The client's errors as ours."""
        where = f"{self._model} at {self._at.base_url}"
        try:
            yield
        except openai.APIConnectionError as error:
            raise TransientError(f"{where} does not answer", remedy="Is the server running?") from error
        except openai.APIStatusError as error:
            said = f"{where} answers {error.status_code}: {' '.join(error.message.split())[:200]}"
            if error.status_code in _SETUP:
                raise SetupError(said, remedy="Check the model's name there, and the API key") from error
            if error.status_code in _REFUSED:
                raise BadInput(said, remedy="See what the server takes; shorter texts, smaller pictures") from error
            raise TransientError(said, remedy="See the server's log") from error


class ServedEncoder(_Served):
    """A `TextEncoder`."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec)
        self.dim = int(self.encode_texts(["warm up"]).shape[1])

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Asks the server for unit vectors, shape (len(texts), dim). Raises TransientError, SetupError, BadInput."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        with self._translate_errors():
            answer = self._client.embeddings.create(model=self._model, input=list(texts), encoding_format="float")
        found = [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]
        if len(found) != len(texts):
            raise TransientError(f"{self._model} at {self._at.base_url} gave {len(found)} vectors for {len(texts)}")
        return unit(np.asarray(found, dtype=np.float32))


class Said(str):
    """What a model says, and how many tokens that took, those of the question and of the picture among them."""

    __slots__ = ("tokens",)
    tokens: int

    def __new__(cls, words: str, tokens: int) -> Said:
        """Makes one of its words."""
        made = super().__new__(cls, words)
        made.tokens = tokens
        return made

    def __reduce__(self) -> tuple[type[Said], tuple[str, int]]:
        return Said, (str(self), self.tokens)


class ServedCaptioner(_Served):
    """A `CaptionModel`."""

    def describe(self, shown: Sequence[Shown], prompt: str, max_tokens: int) -> list[str | BadInput]:
        """Asks the server to describe each JPEG; see `CaptionModel`. Raises TransientError, SetupError, Cancelled."""
        with ThreadPoolExecutor(self._at.parallel) as pool:
            return list(pool.map(lambda one: self._describe(*asked_of(one, prompt), max_tokens), shown))

    def _describe(self, path: Path, prompt: str, max_tokens: int) -> str | BadInput:
        picture = f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"
        seen = {"type": "image_url", "image_url": {"url": picture}}
        return self._asked([{"type": "text", "text": prompt}, seen], max_tokens)

    def entitle(self, texts: Sequence[str], max_tokens: int) -> list[str | BadInput]:
        """Asks the server for a title of each text. Raises TransientError, SetupError, Cancelled."""
        with ThreadPoolExecutor(self._at.parallel) as pool:
            prompts = ([{"type": "text", "text": f"{_ENTITLE}\n\n{text}"}] for text in texts)
            return list(pool.map(lambda prompt: self._asked(prompt, max_tokens), prompts))

    def _asked(self, content: list[Any], max_tokens: int) -> str | BadInput:
        raise_if_stopped()
        try:
            with self._translate_errors():
                answer = self._client.chat.completions.create(
                    model=self._model,
                    messages=[{"role": "user", "content": content}],
                    max_tokens=max_tokens,
                    temperature=0,
                )
        except BadInput as error:
            return CorruptMedia(error.reason, remedy=error.remedy)
        said = (answer.choices[0].message.content or "") if answer.choices else ""
        return Said(plain(said), answer.usage.total_tokens if answer.usage else 0)


def plain(said: str) -> str:
    """Puts the words of a model on one line, fit to be written down, without a reasoning model's thoughts."""
    return " ".join(_THOUGHTS.sub("", said).encode("utf-8", "replace").decode().split())


def load(spec: ModelSpec, *, threads: int) -> ServedEncoder | ServedCaptioner:
    """Builds the client of a model that a server has; nothing is loaded here. See `medley.models.base.load_model`."""
    return ServedEncoder(spec) if spec.kind == "text" else ServedCaptioner(spec)
