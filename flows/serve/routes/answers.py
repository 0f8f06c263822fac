"""What every route may answer besides its own."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class ProblemDetail(BaseModel):
    """What is wrong with a request (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str = ""


_STATUSES = (400, 401, 403, 404, 409, 413, 421, 422, 429, 500, 503)
#: For OpenAPI: every error is a problem.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemDetail, "content": {"application/problem+json": {}}} for status in _STATUSES
}
