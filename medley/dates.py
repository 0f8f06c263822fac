"""Dates as people write them: 2026-11-24, yesterday, last week, 3 days ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?")


def as_utc(text: str) -> str:
    """Converts a date to ISO 8601 in UTC: the beginning of the hour, day, week, month or year that is meant.

    Dates written as ISO 8601 are in UTC already, all others in this machine's time zone. Raises ValueError where the
    text is no date.
    """
    if _ISO.fullmatch(text):
        datetime.fromisoformat(text)
        return text
    from dateparser.date import DateDataParser  # type: ignore[import-untyped]  # 0.3 s

    how = {"RETURN_TIME_AS_PERIOD": True, "RETURN_AS_TIMEZONE_AWARE": True, "PREFER_DATES_FROM": "past"}
    found = DateDataParser(settings=how).get_date_data(text[:100])
    if found is None or found.date_obj is None:
        raise ValueError("is no date; write 2026-11-24, yesterday, last week or 3 days ago")
    return _begin(found.date_obj, found.period).astimezone(UTC).isoformat(timespec="seconds")[:19]


def _begin(at: datetime, period: str) -> datetime:
    if period == "time":
        return at
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if period == "year" else day
