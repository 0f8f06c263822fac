"""A small server that speaks OpenAI's protocol: embeddings of words, and captions that name a picture's colour."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image

_DIM = 64
_COLOURS = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255)}


@dataclass
class Served:
    """What was asked, and what the server refuses: `refuse` says an HTTP status for a request, or 0."""

    url: str = ""
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    refuse: Callable[[str, dict[str, Any]], int] = lambda path, request: 0


@contextlib.contextmanager
def openai_server() -> Iterator[Served]:
    """The server, on this machine."""
    served = Served()
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *a, **k: _Handler(served, *a, **k))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, served: Served, *args: Any, **kwargs: Any) -> None:
        self._served = served
        super().__init__(*args, **kwargs)

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._served.asked.append((self.path, request))
        self._served.keys.add(self.headers["Authorization"])
        if status := self._served.refuse(self.path, request):
            self._answer({"error": {"message": "refused by the test"}}, status)
        elif self.path == "/v1/embeddings":
            rows = [{"object": "embedding", "index": n, "embedding": vector(t)} for n, t in enumerate(request["input"])]
            self._answer({"object": "list", "model": request["model"], "data": rows[::-1]})  # order is by index
        elif self.path == "/v1/chat/completions":
            content = request["messages"][0]["content"]
            what = (
                f"A {colour(request)} shape, zanzibar." if len(content) > 1 else f"Of {content[0]['text'].split()[-1]}"
            )
            told = {"role": "assistant", "content": f"<think>What is it?</think>\n{what}"}
            choice = {"index": 0, "finish_reason": "stop", "message": told}
            answer = {"id": "1", "object": "chat.completion", "created": 1, "model": request["model"]}
            usage = {"prompt_tokens": 900, "completion_tokens": 12, "total_tokens": 912}
            self._answer({**answer, "choices": [choice], "usage": usage})
        else:
            self._answer({"error": {"message": "no such path"}}, 404)

    def _answer(self, answer: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


def vector(text: str) -> list[float]:
    """A bag of words, hashed."""
    made = np.full(_DIM, 0.01)
    for word in re.findall(r"\w+", text.lower()):
        made[int(hashlib.sha256(word.encode()).hexdigest(), 16) % _DIM] += 1.0
    return [float(x) for x in made]


def colour(request: dict[str, Any]) -> str:
    """Of what is in the middle of the picture that was sent."""
    _, shown = request["messages"][0]["content"]
    content = base64.b64decode(shown["image_url"]["url"].split(",", 1)[1])
    with Image.open(io.BytesIO(content)) as image:
        middle = np.array(image.convert("RGB").getpixel((image.width // 2, image.height // 2)), dtype=float)
    return min(_COLOURS, key=lambda name: float(np.abs(middle - _COLOURS[name]).sum()))
