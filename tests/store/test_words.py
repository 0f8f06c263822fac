"""Words of every script: in any case, with and without accents, in the midst of texts without spaces."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from flows.services.shared import vector_store
from medley.search.scores import Wanted
from medley.settings import load_settings
from medley.stems import stems_in
from medley.stores.base import RecordBatch, Scope, VectorStore
from medley.stores.connect import open_store
from medley.types import Row
from medley.words import words_in
from tests.fakes import IMAGE_MODEL, TEXT_MODEL, asset_id, batch, vector_of

TEXTS = {
    "zh": "今天北京的天气很好，我们去公园散步",
    "ja": "東京タワーはとても高いです",
    "ko": "서울의 날씨가 좋습니다",
    "de": "Das Müllfahrzeug fährt über die Straße",
    "fr": "le café est très cher à Genève",
    "ru": "Ещё один тёплый вечер",
    "hi": "आज मौसम बहुत अच्छा है",
}
#: Texts that are marked with their language, and other forms of their words.
MARKED = {
    "en": ("The fishermen repaired several boats", ["boat", "repairing boat", "fishermen repair"]),
    "de": ("Die alten Häuser am Hafen wurden abgerissen", ["Haus", "altes Haus", "hafens", "hauser"]),
    "fr": ("Les chevaux mangeaient dans la prairie", ["cheval", "manger", "prairies"]),
    "es": ("Los pescadores cantaban canciones", ["pescador", "canción", "cancion"]),
    "ru": ("Новые корабли стояли в гавани", ["новый корабль", "гавань"]),
}
FORMS = [(query, language) for language, (_, queries) in MARKED.items() for query in queries]
QUERIES = [
    *[("天气", "zh"), ("北京", "zh"), ("タワー", "ja"), ("東京", "ja"), ("날씨", "ko"), ("STRASSE", "de")],
    *[("mullfahrzeug", "de"), ("CAFE", "fr"), ("Genève", "fr"), ("теплый", "ru"), ("मौसम", "hi"), ("ｃａｆé", "fr")],
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorStore]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDLEY_HOME", str(tmp_path_factory.mktemp("words")))
        patch.delenv("MEDLEY_STORE__URI", raising=False)
        with vector_store(load_settings()) as address:
            made = open_store(address)
            rows = [Row("speech", text, n, n + 1) for n, text in enumerate(TEXTS.values())]
            for n, (language, (text, _)) in enumerate(MARKED.items(), len(rows)):
                rows.append(Row("speech", text, n, n + 1, marks=(f"language:{language}",)))
            vectors = np.stack([vector_of(row.text) for row in rows])
            made.write("text", TEXT_MODEL, [RecordBatch(asset_id("w"), "speech", "f", "w", rows, vectors)])
            made.write("image", IMAGE_MODEL, [batch(asset_id("w"), ["a frame"], branch="frames")])
            yield made
            made.close()


@pytest.mark.parametrize(("query", "language"), QUERIES)
def test_a_word_is_found_and_scored(store: VectorStore, query: str, language: str) -> None:
    collection = next(one for one in store.collections() if one.space == "text")
    found = store.search_text(collection, query, Scope(), 5)
    assert [hit.row.text for hit in found] == [TEXTS[language]]
    assert Wanted(query, [(text, "") for text in TEXTS.values()]).by_words(TEXTS[language]) > 0.5


@pytest.mark.parametrize(("query", "language"), FORMS)
def test_other_forms_of_a_word_are_found_and_scored(store: VectorStore, query: str, language: str) -> None:
    collection, text = next(one for one in store.collections() if one.space == "text"), MARKED[language][0]
    found = store.search_text(collection, query, Scope(), 5)
    assert found[0].row.text == text
    wanted = Wanted(query, [(text, ""), (text, language)])
    assert wanted.by_words(text, language) > 0.5


def test_a_stem_of_another_language_is_no_word(store: VectorStore) -> None:
    collection = next(one for one in store.collections() if one.space == "text")
    assert store.search_text(collection, "boaten", Scope(), 5) == [], "as German it would be the stem of boats"
    assert stems_in("it is in the 北京", "zh") == []
    assert stems_in("the boats of it", "en") == ["en7boat"]


def test_other_spaces_have_no_words(store: VectorStore) -> None:
    collection = next(one for one in store.collections() if one.space == "image")
    assert store.search_text(collection, "frame", Scope(), 5) == []


def test_words() -> None:
    assert words_in("Müßig, ÉCLAIR!") == ["mussig", "eclair"]
    assert words_in("我在iPhone15上看北京天气") == ["我在", "iphone15", "上看", "看北", "北京", "京天", "天气"]
    assert words_in("好") == ["好"]
    assert words_in("") == []
