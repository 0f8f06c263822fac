"""How well the demo models' spaces answer: what fits comes first, and what nothing fits is marked as weak."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.serve.local import find_in
from flows.serve.request import SearchRequest
from medley.judgments import Judgment, Place, evaluate
from medley.models.profiles import Models, models_for
from medley.options import VideoOptions
from medley.run import StoreAddress
from medley.search import query_encoder
from medley.settings import Settings
from medley.stores.base import RecordBatch, VectorStore
from medley.stores.connect import open_store
from medley.types import Row
from tests.fakes import asset_id
from tests.world.evaluation import load_pictures, load_utterances
from tests.world.sentences import make_sentence, with_article

NOTHING_FITS = Path(__file__).with_name("nothing_fits.txt").read_text().splitlines()
FACTS = {
    "how many people work in Bremen": "The annual report lists forty two employees in Bremen and twelve in Lyon.",
    "curing time of concrete": "Concrete with fly ash is strong after ninety days of curing under water.",
    "how bees tell others where food is": "Honey bees tell the direction of a food source by dancing in the hive.",
    "how much fluid does a kidney filter": "A kidney filters about one hundred and eighty litres of fluid every day.",
    "notice period of the contract": "The contract may be terminated by either party with a notice of three months.",
    "what carries the weight of cathedrals": "Gothic cathedrals carry their weight on flying buttresses.",
    "draining the pump before winter": "The pump must be drained before winter, since frozen water cracks its housing.",
    "interest on late invoices": "Interest on overdue invoices is charged at eight percent above the base rate.",
    "why storks cross at Gibraltar": "Storks cross the strait of Gibraltar because thermals form over land only.",
    "accuracy of the telescope mirror": "The telescope's mirror was polished to an accuracy of ten nanometres.",
    "fine for travelling without ticket": "Passengers without a valid ticket pay a fine of sixty euros.",
    "invoice 48213": "Invoice 48213 of the Hansen shipyard, payable within thirty days.",
}
_FILLER = (
    "This page belongs to a longer report, which was written for the yearly meeting and checked twice by the board."
)


@dataclass(frozen=True)
class World:
    """An index of pictures, talks and documents, with what fits what."""

    store: VectorStore
    judgments: list[Judgment]
    settings: Settings


@pytest.fixture(scope="module")
def world(lite_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Seventy pictures, three talks of sixteen sentences, three documents: with vectors of the real models."""
    settings = Settings(home=tmp_path_factory.mktemp("world"))
    (settings.home / "run").mkdir()
    models = models_for(VideoOptions.model_validate({"profile": "demo"}), settings)
    store: Any = open_store(StoreAddress(lite_uri, lite_uri))
    for collection in store.collections():
        store._client.drop_collection(collection.name)
    judgments = [*_pictures(store, models), *_talks(store, models), *_pages(store, models)]
    yield World(store, judgments, settings)
    store.close()


def _write(store: VectorStore, space: str, model: Any, owner: str, rows: list[Row], vectors: Any) -> None:
    store.write(space, model, [RecordBatch(asset_id(owner), space, "f" * 32, "w" * 32, rows, np.asarray(vectors))])


def _pictures(store: VectorStore, models: Models) -> list[Judgment]:
    shown = [picture for picture in load_pictures() if len(picture.scene.figures) == 1]
    encoder: Any = query_encoder(models.vision)
    judgments = []
    for picture, vector in zip(shown, encoder.encode_images([picture.path for picture in shown]), strict=True):
        _write(store, "image", models.vision, picture.path.name, [Row("image", "", thumbnail="x.jpg")], [vector])
        figure = picture.scene.figures[0]
        query = with_article(f"{figure.colour} {figure.shape}")  # each of the eighty is there once
        judgments.append(Judgment(query=query, relevant=(Place(file=picture.path.name),), kind="picture"))
    return judgments


def _talks(store: VectorStore, models: Models) -> list[Judgment]:
    rng, judgments, encoder = random.Random(17), list[Judgment](), query_encoder(models.text)
    said = [utterance.sentence.text for utterance in load_utterances()][:24] + [make_sentence(rng) for _ in range(24)]
    for talk in range(3):
        sentences = said[talk * 16 : talk * 16 + 16]
        chunks = [sentences[n : n + 2] for n in range(0, 16, 2)]
        rows = [Row("speech", " ".join(chunk), n * 20_000, n * 20_000 + 9_000) for n, chunk in enumerate(chunks)]
        _write(store, "text", models.text, f"talk{talk}.mp4", rows, encoder.encode_texts([row.text for row in rows]))
        for n, chunk in enumerate(chunks):
            place = Place(file=f"talk{talk}.mp4", start_s=n * 20.0, end_s=n * 20.0 + 9.0)
            judgments += [Judgment(query=sentence, relevant=(place,), kind="speech") for sentence in chunk]
    return judgments


def _pages(store: VectorStore, models: Models) -> list[Judgment]:
    encoder, facts, judgments = query_encoder(models.text), list(FACTS.items()), []
    for document in range(3):
        own = facts[document * 4 : document * 4 + 4]
        rows = [Row("page", f"{text} {_FILLER}", page=n, box=(0, 0, n, 1)) for n, (_, text) in enumerate(own, 1)]
        _write(
            store, "text", models.text, f"report{document}.pdf", rows, encoder.encode_texts([row.text for row in rows])
        )
        for n, (query, _) in enumerate(own, 1):
            judgments.append(
                Judgment(query=query, relevant=(Place(file=f"report{document}.pdf", page=n),), kind="page")
            )
    return judgments


def _ask(store: VectorStore, settings: Settings) -> Callable[[str], list[dict[str, Any]]]:
    names = [*(f"talk{n}.mp4" for n in range(3)), *(f"report{n}.pdf" for n in range(3))]
    paths = {asset_id(name): name for name in (*names, *(picture.path.name for picture in load_pictures()))}

    def ask(query: str) -> list[dict[str, Any]]:
        hits: list[dict[str, Any]] = find_in(store, SearchRequest(query=query), settings)["hits"]
        for hit in hits:
            hit["path"] = paths[hit["asset_id"]]
        return hits

    return ask


def test_what_fits_comes_first_and_what_nothing_fits_is_marked(world: World) -> None:
    store, judgments, settings = world.store, world.judgments, world.settings
    assert len(judgments) >= 100
    assert len(NOTHING_FITS) == 100
    found = evaluate([*judgments, *(Judgment(query=query) for query in NOTHING_FITS)], _ask(store, settings))
    print(json.dumps(found.to_json()))
    assert found.first is not None
    assert found.first >= 0.9, found
    assert min(found.by_kind.values()) >= 0.85, found
    assert found.false_answers is not None
    assert found.false_answers <= 0.05, found
    assert found.ndcg is not None
    assert found.ndcg >= 0.9, found
    again = find_in(store, SearchRequest(query="interest on late invoices", rerank="tokens", limit=3), settings)["hits"]
    assert "Interest on overdue" in again[0]["text"]
    assert "rerank" in again[0]["evidence"][0]["raw"]


def test_a_filter_that_leaves_nothing_is_named(world: World) -> None:
    store, settings = world.store, world.settings
    found = find_in(store, SearchRequest(query="kidney", page=4000), settings)
    assert found["hits"] == []
    assert found["notes"] == ["page 4000 leaves nothing: without that filter there are hits"]
    both = find_in(store, SearchRequest(query="kidney", page=4000, asset=asset_id("nowhere")), settings)
    assert both["notes"] == [
        "asset " + asset_id("nowhere") + ", page 4000 together leave nothing: without them there are hits"
    ]
    assert find_in(store, SearchRequest(query="kidney", offset=5000), settings)["notes"] == []
