"""The catalog's tables. A change here needs a migration in migrations/versions."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

from medley.plain import native_name, portable_name


class Name(TypeDecorator[str]):
    """A path of any bytes, kept as Unicode."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: object) -> str | None:
        """Converts a path of any bytes to the Unicode that the database keeps."""
        return None if value is None else portable_name(value)

    def process_result_value(self, value: str | None, dialect: object) -> str | None:
        """Converts the Unicode that the database keeps back to the path."""
        return None if value is None else native_name(value)


metadata = MetaData()
_ID = String(64)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("flow", String(32), nullable=False),
    Column("status", String(16), nullable=False),  # running, complete, partial, failed, cancelled, crashed
    Column("profile", String(16), nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("pid_started", Float, nullable=False),  # tells a process from a later one with the same pid
    Column("prefect_run_id", String(36)),
    Column("prefect_open", Boolean, nullable=False, default=False),  # Prefect has not been told of its end yet
    Column("started", String(32), nullable=False),  # ISO 8601, UTC
    Column("ended", String(32)),
    Column("counts", JSON),
    Column("seen", Float),  # seconds since 1970 by `alive.now`: renewed with its claims
    Column("space", Text),  # where the pid means one process, see `system.process.pid_space`
)

assets = Table(
    "assets",
    metadata,
    Column("asset_id", _ID, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("media", JSON),  # what the probe found; null where it could not be opened
    Column("created", String(32), nullable=False),
    Column("about", Text),  # its title and the like, see `about.to_text`
)

locations = Table(
    "locations",
    metadata,
    Column("path", Name, primary_key=True),
    Column("asset_id", _ID, ForeignKey("assets.asset_id"), index=True),  # null: never identified, see error
    Column("size_bytes", BigInteger),
    Column("mtime_ns", BigInteger),
    Column("inode", String(64)),
    Column("error", JSON),
    Column("attempts", Integer, nullable=False, default=0),
    Column("seen", String(32), nullable=False),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("asset_id", _ID, ForeignKey("assets.asset_id"), primary_key=True),
    Column("flow", String(32), primary_key=True),
    Column("plan", String(32), nullable=False),  # fingerprint of all stages: what the outcome is of
    Column("status", String(16), nullable=False),
    Column("errors", JSON, nullable=False),
    Column("records", JSON, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("run_id", String(36), nullable=False),
    Column("updated", String(32), nullable=False),
)

plans = Table(
    "plans",
    metadata,
    Column("plan", String(32), primary_key=True),
    Column("flow", String(32), nullable=False),
    Column("made_of", JSON, nullable=False),  # options and models by name: what a later run may have otherwise
)

tags = Table(
    "tags",
    metadata,
    Column("asset_id", _ID, ForeignKey("assets.asset_id"), primary_key=True),
    Column("tag", String(64), primary_key=True, index=True),
)

voices = Table(
    "voices",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("asset_id", _ID, ForeignKey("assets.asset_id"), nullable=False),  # whose speaker was named
    Column("speaker", Integer, nullable=False),
    Column("model", String(16), nullable=False),
    Column("vector", JSON, nullable=False),
)

generations = Table(
    "generations",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("state", String(16), nullable=False),  # current, candidate, previous
    Column("options", JSON, nullable=False),  # by dotted name: what runs have that say nothing of it
    Column("changed", String(32), nullable=False),
)

stages = Table(
    "stages",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(36), ForeignKey("runs.run_id"), nullable=False),
    Column("asset_id", _ID, ForeignKey("assets.asset_id"), nullable=False),
    Column("stage", String(64), nullable=False),
    Column("fingerprint", String(32), nullable=False),
    Column("state", String(16), nullable=False),  # completed, cached, failed, skipped
    Column("started", String(32)),
    Column("seconds", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("tokens", Integer),  # of models behind servers
    Index("ix_stages_asset", "asset_id", "stage"),
)

claims = Table(
    "claims",
    metadata,
    Column("asset_id", _ID, primary_key=True),
    Column("run_id", String(36), ForeignKey("runs.run_id"), nullable=False),
    Column("expires", Float, nullable=False),  # seconds since 1970 by `alive.now`
)

uploads = Table(
    "uploads",
    metadata,
    Column("path", Name, primary_key=True),
    Column("source", Name, nullable=False, index=True),  # the folder or bucket that it landed in
    Column("version", Text, nullable=False),  # size, mtime and inode, or ETag: tells whether it has changed
    Column("status", String(16), nullable=False),  # pending, running, done, failed
    Column("after", String(16), nullable=False),  # keep, move, delete
    Column("attempts", Integer, nullable=False, default=0),
    Column("due", Float),  # seconds since 1970, UTC; null: with the next run, but for itself it starts none
    Column("run_id", String(36), ForeignKey("runs.run_id")),
    Column("noted", String(32), nullable=False),
)
