"""Files that are no Python: in the checkout at its top, in an installed package beside this module."""

from __future__ import annotations

from pathlib import Path

_PACKAGED = Path(__file__).parent / "files"
_CHECKOUT = Path(__file__).parents[2]


def deployment_file(name: str) -> Path:
    """Returns the path of `prefect.yaml` or of a file of `deployments/`."""
    return next(root / name for root in (_PACKAGED, _CHECKOUT) if (root / name).exists())
