"""Many searches at a time: a connection to the store for each thread, and one batch for the queries that wait."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from flows.serve.local import encoder_of
from medley.catalog import open_catalog
from medley.catalog.generations import FIRST, Generation, current_generation
from medley.errors import StoreUnavailable
from medley.generations import address_of
from medley.models.base import ModelSpec, TextEncoder, Vectors
from medley.run import StoreAddress
from medley.settings import Settings
from medley.stores.base import Collection, VectorStore
from medley.stores.connect import open_store
from medley.stores.patience import with_store

R = TypeVar("R")
_FRESH_S = 2.0  #: for which the list of collections is kept: a new one is found that late
_AWAY_S = 10.0
_BATCH = 64
_LOOK_S = 0.5  #: until it is looked again which generation of the index is the current one
_PATIENCE_S = 0.2  #: with a model that is being loaded: then words alone are searched


class SharedEncoder:
    """A `TextEncoder` for many threads: whoever comes first encodes the texts of all that wait."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self.dim = encoder.dim
        self._turn = threading.Lock()
        self._waiting: list[_Waiting] = []
        if hasattr(encoder, "encode_tokens"):
            self.encode_tokens = self._one_by_one(encoder.encode_tokens)
        if hasattr(encoder, "encode_images"):
            self.encode_images = self._one_by_one(encoder.encode_images)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encodes texts into unit vectors, shape (len(texts), dim); see `TextEncoder`."""
        mine = _Waiting(list(texts))
        self._waiting.append(mine)
        with self._turn:
            while not mine.done:
                self._encode(self._take())
        if mine.error:
            raise mine.error
        assert mine.vectors is not None
        return mine.vectors

    def _take(self) -> list[_Waiting]:
        """The first of all that wait, up to a batch."""
        taken: list[_Waiting] = []
        while self._waiting and (not taken or sum(len(one.texts) for one in taken) < _BATCH):
            taken.append(self._waiting.pop(0))
        return taken

    def _encode(self, waiting: list[_Waiting]) -> None:
        try:
            vectors = self._encoder.encode_texts([text for one in waiting for text in one.texts])
        except Exception as error:  # noqa: BLE001  # raised where it belongs
            for one in waiting:
                one.error, one.done = error, True
            return
        parts = np.split(vectors, np.cumsum([len(one.texts) for one in waiting])[:-1])
        for one, part in zip(waiting, parts, strict=True):
            one.vectors, one.done = part, True

    def _one_by_one(self, method: Callable[..., R]) -> Callable[..., R]:
        def call(*args: Any) -> R:
            with self._turn:
                return method(*args)

        return call


class _Waiting:
    """Texts of one thread."""

    __slots__ = ("done", "error", "texts", "vectors")

    def __init__(self, texts: list[str]) -> None:
        self.texts, self.done = texts, False
        self.vectors: Vectors | None = None
        self.error: Exception | None = None


class _KnownStore:
    """A store whose list of collections is a little old: each question for it is several calls."""

    def __init__(self, store: VectorStore) -> None:
        self._store, self._known, self._since = store, list[Collection](), 0.0

    def collections(self) -> list[Collection]:
        if time.monotonic() > self._since + _FRESH_S:
            self._known, self._since = self._store.collections(), time.monotonic()
        return self._known

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Searchers:
    """Threads that search. Close them."""

    def __init__(self, address: StoreAddress, settings: Settings) -> None:
        self._address, self._settings = replace(address, bounded=True), settings
        self._here = threading.local()
        self._open: list[VectorStore] = []
        self.threads = ThreadPoolExecutor(settings.serve.searches, "search")
        self._loader = ThreadPoolExecutor(1, "load")
        self._encoders: dict[ModelSpec, Future[TextEncoder]] = {}
        self._turn = threading.Lock()
        self._may_load = False
        self._engine = open_catalog(settings).engine
        self._look_at, self._going_over = 0.0, Future[None]()
        self._going_over.set_result(None)

    @property
    def store_key(self) -> str:
        """What tells the store, and the generation of the index that is searched, from others."""
        return self._address.key

    @property
    def generation(self) -> str:
        """The generation of the index that is searched."""
        return self._address.generation or FIRST

    def load_models(self) -> None:
        """Lets models be loaded from now on: what can be answered without them came first."""
        self._may_load = True

    def encoder(self, spec: ModelSpec) -> TextEncoder | None:
        """Returns the encoder of a model of the store, loaded once for all threads; None while it is being loaded.

        Raises ModelUnavailable.
        """
        if not self._may_load:
            return None
        with self._turn:
            loading = self._encoders.get(spec)
            if loading is None or (loading.done() and loading.exception()):  # what was missing may be there by now
                loading = self._encoders[spec] = self._loader.submit(self._load, spec)
        try:
            return loading.result(_PATIENCE_S)
        except TimeoutError:
            return None

    def _load(self, spec: ModelSpec) -> TextEncoder:
        encoder = encoder_of(spec, self._settings)
        return SharedEncoder(encoder) if hasattr(encoder, "encode_texts") else encoder

    def ask(self, work: Callable[[VectorStore], R]) -> R:
        """Runs `work` with this thread's store, or a new one where that has broken. Raises StoreUnavailable."""
        self._follow()
        store = getattr(self._here, "store", None)
        if store is not None and self._here.address is not self._address:
            self._drop(store)
        elif store is not None:
            try:
                return work(store)
            except StoreUnavailable:
                self._drop(store)
        return with_store(self._address, lambda _: work(self._opened()), _AWAY_S)

    def _follow(self) -> None:
        """Notices that another generation of the index has become the current one."""
        if self._settings.store.generation or time.monotonic() < self._look_at:
            return
        with self._turn:
            self._look_at = time.monotonic() + _LOOK_S
            current = current_generation(self._engine)
            if current.suffix != self._address.generation and self._going_over.done():
                self._going_over = self._loader.submit(self._go_over, current)

    def _go_over(self, generation: Generation) -> None:
        """Searches another generation from now on, once the models of its records are loaded."""
        address = address_of(self._address, generation)
        with contextlib.closing(open_store(address)) as store:
            models = {collection.model for collection in store.collections()} - self._encoders.keys()
        for spec in models if self._may_load else ():
            loaded = Future[TextEncoder]()
            loaded.set_result(self._load(spec))
            self._encoders[spec] = loaded
        self._address = address

    def close(self) -> None:
        """Ends the threads and their connections."""
        self.threads.shutdown(wait=True, cancel_futures=True)
        self._loader.shutdown(wait=False, cancel_futures=True)
        for store in self._open:
            with contextlib.suppress(StoreUnavailable):
                store.close()

    def _opened(self) -> VectorStore:
        address = self._address
        store: Any = _KnownStore(open_store(address))
        self._here.store, self._here.address = store, address
        self._open.append(store)
        return store  # type: ignore[no-any-return]

    def _drop(self, store: VectorStore) -> None:
        self._here.store = None
        self._open.remove(store)
        with contextlib.suppress(StoreUnavailable):
            store.close()
