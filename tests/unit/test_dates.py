"""Dates as people write them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError

from flows.serve.request import SearchRequest
from medley.dates import as_utc


def local(at: datetime) -> str:
    return at.astimezone().astimezone(tz=None).astimezone(__import__("datetime").UTC).isoformat(timespec="seconds")[:19]


def test_iso_dates_are_in_utc_as_they_stand() -> None:
    for text in ("2026-11-24", "2026-11-24T10:30", "2026-11-24T10:30:05"):
        assert as_utc(text) == text


def test_words_mean_the_beginning_of_a_local_day_week_month_or_year() -> None:
    today = datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
    assert as_utc("yesterday") == local(today - timedelta(days=1))
    assert as_utc("3 days ago") == local(today - timedelta(days=3))
    week = today - timedelta(days=7)
    assert as_utc("last week") == local(week - timedelta(days=week.weekday()))
    assert as_utc("2025") == local(today.replace(year=2025, month=1, day=1))
    assert as_utc("24.11.2025") == local(datetime(2025, 11, 24))


def test_an_hour_is_an_hour() -> None:
    ago = datetime.fromisoformat(as_utc("2 hours ago") + "+00:00")
    assert abs((datetime.now().astimezone() - ago) - timedelta(hours=2)) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["asdf qwer", "2026-13-45", "", "\x00", "9" * 500])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        SearchRequest(query="x", since=text)
