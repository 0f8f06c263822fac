"""The base of all options."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class OptionGroup(BaseModel):
    """Base of groups of options: `--group.name` on the command line, a section in Prefect's form.

    Frozen; unknown names are refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_enum_values=False)
