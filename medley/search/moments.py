"""From records with scores to moments: what lies together in one file is one hit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from medley.stores.base import ScoredRecord
from medley.types import Modality

#: Moments with a lower score fit about as well as moments fit queries that nothing fits.
WEAK = 0.5
#: Evidence of one file this close together is one moment.
_NEAR_MS = 5_000
_STILL = ("frame", "ocr")  #: what stands in a video until something else is shown
_AGREEMENT = 0.1  #: weight of what other modalities of the same moment say


@dataclass(frozen=True, slots=True)
class Evidence:
    """A record that speaks for a moment.

    `score`: 0..1, comparable between spaces and queries; `raw`: what it comes from, by name (cosine, bm25, rerank).
    """

    found: ScoredRecord
    score: float
    raw: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moment:
    """A file, a time span or page, and its evidence, best first."""

    asset_id: str
    evidence: tuple[Evidence, ...]

    @property
    def score(self) -> float:
        """The best evidence's, raised a little by what stands beside it: agreement of sound and picture counts."""
        best: dict[Modality, float] = defaultdict(float)
        for hit in self.evidence:
            best[hit.found.row.modality] = max(best[hit.found.row.modality], hit.score)
        first, *others = sorted(best.values(), reverse=True)
        doubt = 1.0 - first
        for other in others:
            doubt *= 1.0 - _AGREEMENT * other
        return 1.0 - doubt

    @property
    def weak(self) -> bool:
        """Whether it fits no better than moments fit queries that nothing fits."""
        return self.score < WEAK


def fused(pieces: Iterable[Evidence]) -> list[Moment]:
    """Makes moments of the evidence, the best first: a record found twice has the better of its scores."""
    best: dict[str, Evidence] = {}
    for hit in pieces:
        known = best.get(hit.found.record_id)
        if known is None:
            best[hit.found.record_id] = hit
        else:
            best[hit.found.record_id] = replace(
                max(known, hit, key=lambda one: one.score), raw={**hit.raw, **known.raw}
            )
    return _grouped(sorted(best.values(), key=lambda hit: (-hit.score, hit.found.record_id)))


def _grouped(ranked: Sequence[Evidence]) -> list[Moment]:
    """Evidence joins the best moment of its file that it touches; otherwise it begins one."""
    groups: list[list[Evidence]] = []
    of_file: dict[str, list[list[Evidence]]] = defaultdict(list)
    still: dict[str, list[ScoredRecord]] = defaultdict(list)
    for hit in ranked:
        if hit.found.row.modality in _STILL and hit.score >= WEAK:
            still[hit.found.asset_id].append(hit.found)
    for hit in ranked:
        pictures = still[hit.found.asset_id]
        home = next((group for group in of_file[hit.found.asset_id] if _touches(group[0], hit, pictures)), None)
        if home is None:
            groups.append([hit])
            of_file[hit.found.asset_id].append(groups[-1])
        else:
            home.append(hit)
    moments = [Moment(group[0].found.asset_id, tuple(group)) for group in groups]
    return sorted(moments, key=lambda moment: -moment.score)


def _touches(best: Evidence, other: Evidence, pictures: Sequence[ScoredRecord]) -> bool:
    """Whether a record is near the best of a moment, or both are while one picture that fits stands still.

    A slide that is shown for minutes is one moment with all that is said to it.
    """
    if _together(best.found, other.found):
        return True
    return any(_shown_during(picture, best.found) and _shown_during(picture, other.found) for picture in pictures)


def _shown_during(picture: ScoredRecord, other: ScoredRecord) -> bool:
    """Whether the span of a frame and a record overlap."""
    if picture.row.start_ms is None or other.row.start_ms is None:
        return False
    return picture.row.start_ms <= (other.row.end_ms or 0) and other.row.start_ms <= (picture.row.end_ms or 0)


def _together(best: ScoredRecord, other: ScoredRecord) -> bool:
    if best.row.page != other.row.page:
        return False
    if best.row.start_ms is None or other.row.start_ms is None:
        return best.row.page is not None
    gap = max(best.row.start_ms, other.row.start_ms) - min(best.row.end_ms or 0, other.row.end_ms or 0)
    return gap <= _NEAR_MS
