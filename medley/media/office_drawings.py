"""What is drawn in Office files: pictures, charts and diagrams."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from medley.media.document_parts import Part, local_name, table_parts, text_part
from medley.media.office_package import Package, Related, relation_of

_EMU_PER_PT = 12_700


def graphic(
    package: Package, related: dict[str, Related], element: Any, page: int | None, box: list[float] | None = None
) -> Iterator[Part]:
    """Yields the picture, chart or diagram that an element refers to, one of those that `drawn` finds."""
    name = local_name(element)
    known = related.get(relation_of(element, {"blip": "embed", "relIds": "dm"}.get(name, "id")))
    if known is None:
        return
    if name == "chart":
        yield from chart_parts(package.xml(known.name), page)
    elif name == "relIds":
        for paragraph in package.xml(known.name).iter("{*}p"):
            yield from text_part(letters(paragraph), page)
    elif known.kind == "image":
        yield {"page": page, "picture": package.content(known.name), "box": box}


def drawn(element: Any) -> Iterator[Any]:
    """Yields the elements that refer to something drawn, of two drawings of a thing those of the first.

    Text boxes of Word come as they are, without what is in them.
    """
    for child in element:
        name = local_name(child)
        if name in ("txbxContent", "blip", "imagedata", "chart", "relIds"):
            yield child
        elif name != "Fallback":
            yield from drawn(child)


def letters(paragraph: Any) -> str:
    """Returns the words of a paragraph of a drawing."""
    told = {"br": "\n", "tab": "\t"}
    return "".join(told.get(local_name(each), each.text or "") for each in paragraph.iter("{*}t", "{*}br", "{*}tab"))


def box_of(element: Any) -> list[float] | None:
    """Returns left, top, right and bottom of a shape, in points; None where it does not say, or in other units."""
    place = next(element.iter("{*}xfrm"), None)
    at, size = (None, None) if place is None else (place.find("{*}off"), place.find("{*}ext"))
    if at is None or size is None:
        return None
    told = (at.get("x", ""), at.get("y", ""), size.get("cx", ""), size.get("cy", ""))
    if not all(one.removeprefix("-").isdecimal() for one in told):
        return None
    left, top, width, height = (int(one) / _EMU_PER_PT for one in told)
    return [round(edge, 2) for edge in (left, top, left + width, top + height)]


def chart_parts(chart: Any, page: int | None) -> Iterator[Part]:
    """Yields the titles of a chart, and as tables what it shows: a column for each series."""
    for title in chart.iter("{*}title"):
        yield from text_part(" ".join(letters(paragraph) for paragraph in title.iter("{*}p")), page)
    found = chart.iter("{*}ser")
    series = [(_points(each, "cat", "xVal"), _name(each), _points(each, "val", "yVal")) for each in found]
    for categories, together in groupby(series, key=lambda one: one[0]):
        columns = [(name, values) for _, name, values in together]
        rows = sorted({*categories, *(row for _, values in columns for row in values)})
        cells = [[categories.get(row, ""), *(values.get(row, "") for _, values in columns)] for row in rows]
        yield from table_parts([["", *(name for name, _ in columns)], *cells], page)


def _name(series: Any) -> str:
    told = series.find("{*}tx")
    return "" if told is None else " ".join(each.text or "" for each in told.iter("{*}v"))


def _points(series: Any, *names: str) -> dict[int, str]:
    """Values by their places, as the chart last showed them."""
    told = next((found for name in names if (found := series.find(f"{{*}}{name}")) is not None), None)
    if told is None:
        return {}
    level = next(told.iter("{*}lvl"), told)
    return {int(each.get("idx", "0")): _number(each.findtext("{*}v") or "") for each in level.iter("{*}pt")}


def _number(text: str) -> str:
    """As people write it, where it is one."""
    try:
        value = float(text)
    except ValueError:
        return text
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else str(value)
