"""In which language pages and documents are written, and searches that look at one language only."""

from __future__ import annotations

from pathlib import Path

import pytest

from medley.languages import with_languages
from medley.types import Row
from tests.conftest import Medley
from tests.documents import pdf, text

WORDS = {
    "de": "Der Haushalt des Hafens wurde im Frühjahr vom Rat der Stadt beschlossen.",
    "en": "The budget of the harbour was decided by the council of the town in spring.",
    "fr": "Le budget du port a été décidé par le conseil de la ville au printemps.",
    "es": "El presupuesto del puerto fue aprobado por el ayuntamiento en primavera.",
    "it": "Il bilancio del porto è stato deciso dal consiglio della città in primavera.",
    "pl": "Budżet portu został uchwalony wiosną przez radę miasta.",
    "ru": "Бюджет порта был принят весной городским советом.",
    "zh": "港口的预算是由市议会在春天决定的。",
    "ja": "港の予算は春に市議会で決まりました。",
}


@pytest.mark.parametrize("language", WORDS)
def test_passages_tell_their_language(language: str) -> None:
    [row] = with_languages([Row("page", WORDS[language])])
    assert row.marks == (f"language:{language}",)


def test_few_words_have_the_language_of_the_others_and_numbers_alone_have_none() -> None:
    rows = [Row("page", WORDS["de"]), Row("page", "Anlage 3")]
    assert [row.marks for row in with_languages(rows)] == [("language:de",)] * 2
    assert [row.marks for row in with_languages([Row("page", "1003 / 77-b, 12.4")])] == [()]
    assert with_languages([]) == []


def test_pages_of_one_language(medley: Medley, tmp_path: Path) -> None:
    path = pdf(tmp_path / "page.pdf", *(text((72, 100, WORDS[language])) for language in ("en", "de", "fr")))
    (tmp_path / "note.md").write_text(f"# Notiz\n\n{WORDS['de']} Danach wurde gebaut.\n")
    assert medley("ingest", path, tmp_path / "note.md").code == 0
    hits = medley("search", "budget harbour council", "--language", "de", "--json").report["hits"]
    assert {(Path(hit["path"]).name, hit["page"]) for hit in hits} == {("page.pdf", 2), ("note.md", None)}
