"""The error tree: it travels between processes and says whose fault, and what to do."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from medley import errors
from medley.errors import BadInput, MedleyError, SetupError, error_class
from medley.report import error_entry


def tree(root: type[MedleyError] = MedleyError) -> Iterator[type[MedleyError]]:
    """Every class of the tree."""
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


CLASSES = [found for found in tree() if found.__module__ == errors.__name__]
FAULTS = {"BadInput", "SetupError", "CapacityError", "TransientError", "Cancelled", "MedleyError"}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_survives_pickling_with_its_attributes(kind: type[MedleyError]) -> None:
    error = kind("is broken", remedy="Mend it", file="/x/ü.mp4")
    error.asset_id, error.stage, error.started, error.seconds, error.attempts = "a" * 64, "chunk", "now", 1.5, 3
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert vars(back) == vars(error)
    assert str(back) == str(error) == "/x/ü.mp4: is broken. Mend it"


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_is_in_the_picture_and_has_one_fault(kind: type[MedleyError]) -> None:
    assert f"  {kind.__name__} " in f"{errors.__doc__} ".replace("\n", " ")
    parents = [parent.__name__ for parent in kind.__mro__ if parent.__name__ in FAULTS - {"MedleyError"}]
    assert len(parents) == (0 if kind is MedleyError else 1)


def test_text_with_and_without_file_and_remedy() -> None:
    assert str(BadInput("is broken")) == "is broken"
    assert str(BadInput("is broken", file="/a")) == "/a: is broken"
    assert str(BadInput("is broken", remedy="Mend it")) == "is broken. Mend it"


def test_entry_of_a_report_is_one_line_and_names_the_stage() -> None:
    error = BadInput("is\n  broken", remedy="Mend\tit")
    assert error_entry(error) == {"type": "BadInput", "stage": "identify", "message": "is broken. Mend it"}
    error.stage = "chunk"
    assert error_entry(error)["stage"] == "chunk"


def test_classes_by_name() -> None:
    assert {error_class(kind.__name__) for kind in CLASSES} == set(CLASSES)
    for name in ("ValueError", "annotations", "error_class", "Exception", "", "medleyerror"):
        with pytest.raises(SetupError, match="no error class") as caught:
            error_class(name)
        assert repr(name) in str(caught.value)
