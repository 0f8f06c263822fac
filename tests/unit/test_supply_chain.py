"""What Medley is made of may be shipped, and is listed."""

from __future__ import annotations

import pytest

from tests.supply_chain import complaints, is_free


def test_packages_and_weights_are_ones_that_were_looked_at() -> None:
    assert complaints() == []


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("AGPL-3.0-only", False),
        ("GPLv2", False),
        ("MIT AND AGPL-3.0", False),
        ("", False),
    ],
)
def test_licences(licence: str, free: bool) -> None:
    assert is_free(licence) is free
