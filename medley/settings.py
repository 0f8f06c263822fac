"""Where we run: read once from the environment (prefix MEDLEY_), then handed down in slices."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from medley.artifacts import ArtifactStore, artifact_store
from medley.errors import NO_SPACE, SetupError, error_class, no_space
from medley.setting_aliases import AliasSource, alias_of
from medley.setting_groups import (
    CaptionerSettings,
    EmbedderSettings,
    Limits,
    PoolSettings,
    RaySettings,
    RerankerSettings,
    ServeSettings,
    StoreSettings,
    UpSettings,
)

Runner = Literal["ray", "local"]


class Settings(BaseSettings):
    """Every setting, from MEDLEY_* (nested with two underscores: MEDLEY_STORE__URI)."""

    model_config = SettingsConfigDict(
        env_prefix="MEDLEY_",
        env_nested_delimiter="__",
        env_ignore_empty=True,  # MEDLEY_HOME= is no directory but the default
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Names where settings come from, first to last: arguments, MEDLEY_*, aliases."""
        return init_settings, env_settings, AliasSource(settings_cls)

    home: Path = Field(Path("~/.medley"), description="Directory of Medley's data (mode 0700).")
    artifacts: str | None = Field(
        None,
        description="Where what stages make is kept: a folder that all machines see, or a URL (s3://bucket/prefix, "
        "gs://, az://, sftp://, ...). Default: MEDLEY_HOME/artifacts.",
    )
    cache_mb: int = Field(
        20_000,
        ge=64,
        description="Size in MB of each machine's cache: artifacts at a URL, and files in buckets that are looked at.",
    )
    profile: str | None = Field(None, description="Profile used where --profile is not given.")
    runner: Runner = Field("ray", description="ray: tasks and models on Ray. local: threads in this process.")
    window: int = Field(
        0,
        ge=0,
        le=10_000,
        description="Batches in flight at the same time. 0: as many as the cluster's CPUs, models and memory have a "
        "use for.",
    )
    min_free_mb: int = Field(
        256,
        ge=0,
        description="With less free space (MB) under MEDLEY_HOME no new work is begun, so that running work can end.",
    )
    stop_grace_s: float = Field(
        10.0, gt=0, description="Seconds that a run has to end after Ctrl-C, before it is ended at once."
    )
    retention_days: int = Field(
        90,
        ge=1,
        description="Days until data about ended runs is deleted: reports, logs, rows in Prefect's database. "
        "Results stay.",
    )
    catalog_url: SecretStr | None = Field(None, description="SQLAlchemy URL. Default: SQLite in MEDLEY_HOME.")
    store: StoreSettings = Field(default_factory=StoreSettings, description="The vector store.")
    ray: RaySettings = Field(default_factory=RaySettings, description="The Ray cluster.")
    pools: PoolSettings = Field(default_factory=PoolSettings, description="The resident models.")
    limits: Limits = Field(default_factory=Limits, description="What a media file may cost.")
    embedder: EmbedderSettings = Field(default_factory=EmbedderSettings, description="Text embeddings from a server.")
    captioner: CaptionerSettings = Field(default_factory=CaptionerSettings, description="Captions from a server.")
    reranker: RerankerSettings = Field(default_factory=RerankerSettings, description="A reranker on a server.")
    serve: ServeSettings = Field(default_factory=ServeSettings, description="Page, API and MCP.")
    up: UpSettings = Field(default_factory=UpSettings, description="The standing installation.")
    uploads: str | None = Field(
        None, description="Upload folder or bucket (s3://...) of `medley up`. Default: MEDLEY_HOME/uploads."
    )
    routes: dict[str, str] = Field(
        default_factory=dict,
        description='Which pipeline takes which files, as JSON: {"audio/*": "podcasts"}. Default: the first pipeline '
        "that takes the file.",
    )
    progress: Literal["auto", "plain"] = Field(
        "auto", description="How commands show progress: auto (live display on a terminal) or plain (lines, for logs)."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="How logs are written: text, or json (one object a line), with the ids of run and trace."
    )
    traces: bool = Field(
        False,
        description="OpenTelemetry traces of runs, stages, calls of models and of the store, sent by OTLP to where "
        "OTEL_EXPORTER_OTLP_ENDPOINT leads. Needs the extra traces.",
    )
    token: SecretStr | None = Field(
        None, description="Secret of the service. Default: a generated one in MEDLEY_HOME/run."
    )
    faults: dict[str, str] = Field(default_factory=dict, description="Tests only: stage -> error class it raises.")
    allow_faults: bool = Field(False, description="Tests only: without it, faults are refused.")

    @property
    def artifacts_url(self) -> str:
        """Where artifacts are kept, if that is a URL; else empty."""
        return self.artifacts.rstrip("/") if self.artifacts and "://" in self.artifacts else ""

    @property
    def artifact_root(self) -> Path:
        """Root of the artifact store on this machine: of the store itself, or of the cache of one at a URL."""
        if self.artifacts_url:
            return self.home / "cache"
        return Path(self.artifacts).expanduser().absolute() if self.artifacts else self.home / "artifacts"

    @property
    def artifact_store(self) -> ArtifactStore:
        """The artifacts."""
        return artifact_store(self.artifact_root, self.artifacts_url, self.cache_mb)

    @property
    def run_dir(self) -> Path:
        """Locks and addresses of running services."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        """Logs of the services that we start."""
        return self.home / "logs"

    @property
    def upload_source(self) -> str:
        """Where `medley up` looks for files: an absolute path, or the URL of a bucket."""
        given = self.uploads or str(self.home / "uploads")
        return given if "://" in given else str(Path(given).expanduser().absolute())

    @property
    def spool(self) -> Path:
        """Where files of buckets are while a run works on them."""
        return self.home / "spool"

    @property
    def ray_address(self) -> str | None:
        """The cluster to join, or None for a private one."""
        return None if self.ray.address == "local" else self.ray.address

    @property
    def store_key(self) -> str:
        """Names the store in write manifests: the URI given, or the data directory of the local one."""
        return self.store.uri or f"lite:{self.home / 'milvus'}"


def load_settings() -> Settings:
    """Reads the settings of this process, and makes its directories. Raises SetupError naming the wrong setting."""
    try:
        settings = Settings()
    except (ValidationError, ValueError) as error:
        raise SetupError(_explain(error), remedy="Correct the environment variable; see docs/settings.md") from None
    settings = settings.model_copy(update={"home": settings.home.expanduser().absolute()})
    if settings.faults and not settings.allow_faults:
        raise SetupError("MEDLEY_FAULTS is set", remedy="It is for tests; unset it, or set MEDLEY_ALLOW_FAULTS=1")
    for name in settings.faults.values():
        error_class(name)
    _make_home(settings)
    return settings


def _explain(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        named = re.search(r'field "(\w+)"', str(error))  # what stands in it may be a secret
        return f"MEDLEY_{named[1].upper() if named else '*'} cannot be read: it is no JSON"
    first = error.errors(include_url=False, include_input=False)[0]
    where = [str(part) for part in first["loc"]]
    name = "MEDLEY_" + "__".join(where).upper()
    if len(where) == 2 and name not in os.environ:
        name = alias_of(*where) or name
    return f"{name}: {first['msg']}"


def _close_to_others(home: Path) -> None:
    """Everything that files hold is in there."""
    found = home.stat()
    if found.st_mode & 0o077 and found.st_uid == os.geteuid():
        home.chmod(found.st_mode & 0o700)


def _make_home(settings: Settings) -> None:
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close_to_others(settings.home)
        for part in ("prefect", "artifacts", "milvus", "runs", "run", "logs"):
            (settings.home / part).mkdir(mode=0o700, exist_ok=True)
            if not os.access(settings.home / part, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        if error.errno in NO_SPACE:
            raise no_space(settings.home) from None
        raise SetupError(
            f"MEDLEY_HOME {settings.home} cannot be used: {error.strerror}",
            remedy="Set MEDLEY_HOME to a directory that you may write to",
        ) from None
