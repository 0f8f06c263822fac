"""Voices that somebody has given names."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, delete, select

from medley.catalog.reading import rows
from medley.catalog.tables import voices
from medley.catalog.upsert import upsert


@dataclass(frozen=True, slots=True)
class NamedVoice:
    """A name, and the voice of the speaker of an asset who was called so; `model` is the fingerprint of its model."""

    name: str
    asset_id: str
    speaker: int
    model: str
    vector: tuple[float, ...]


_INSERT = upsert(voices, ("name", "asset_id", "speaker", "model", "vector"), ["name"])


def name_voice(engine: Engine, voice: NamedVoice) -> None:
    """Notes a name; an earlier voice of that name is replaced, and the speaker's earlier name is forgotten."""
    same = (voices.c.asset_id == voice.asset_id) & (voices.c.speaker == voice.speaker)
    with engine.begin() as connection:
        connection.execute(delete(voices).where(same))
        known = {"name": voice.name, "asset_id": voice.asset_id, "speaker": voice.speaker, "model": voice.model}
        connection.execute(_INSERT, known | {"vector": list(voice.vector)})


def unname_voice(engine: Engine, name: str) -> bool:
    """Forgets a name; says whether there was one."""
    with engine.begin() as connection:
        return connection.execute(delete(voices).where(voices.c.name == name)).rowcount > 0


def named_voices(engine: Engine) -> list[NamedVoice]:
    """Lists the voices that have names, by name."""
    found = rows(engine, select(voices).order_by(voices.c.name))
    return [NamedVoice(row.name, row.asset_id, row.speaker, row.model, tuple(row.vector)) for row in found]
