"""Where we run: read once from the environment (prefix MEDLEY_), then handed down in slices."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from medley.errors import NO_SPACE, SetupError, error_class, no_space

Runner = Literal["ray", "local"]
Device = Literal["auto", "cpu", "cuda"]
TaskRunner = Literal["medley", "stock"]
After = Literal["keep", "move", "delete"]


class _Slice(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(_Slice):
    """The vector store. Without a URI, Milvus Lite is started on this machine."""

    uri: str | None = Field(
        None, description="URI of a Milvus server (http://milvus:19530), or of a store that another package brings."
    )
    token: SecretStr | None = Field(None, description="user:password or API key of that server.")
    timeout_s: float = Field(30.0, gt=0, description="Longest wait for one answer of the store.")


class RaySettings(_Slice):
    """The Ray cluster. Without an address, a private one is started for each command."""

    address: str | None = Field(
        None, description="host:port of a cluster's head node, or auto. RAY_ADDRESS is an alias."
    )
    num_cpus: int | None = Field(
        None, ge=1, description="CPUs that a private cluster declares. Default: the machine's."
    )
    num_gpus: int | None = Field(
        None, ge=0, description="GPUs that a private cluster declares. Default: the machine's."
    )
    task_runner: TaskRunner = Field(
        "medley", description="Task runner: medley, or stock for prefect-ray's own, at six times the cost of a task."
    )
    object_store_mb: int = Field(
        200,
        ge=80,
        description="Shared memory of a private cluster in MB; small, because tasks pass paths, not content.",
    )


class PoolSettings(_Slice):
    """The resident model actors."""

    threads: int = Field(0, ge=0, description="CPU threads of each model. 0: half of the cores, at least one.")
    speech_gpus: float = Field(0.5, ge=0, le=8, description="Share of a GPU that the speech model asks for.")
    vision_gpus: float = Field(0.25, ge=0, le=8, description="Share of a GPU that the vision model asks for.")
    text_gpus: float = Field(0.25, ge=0, le=8, description="Share of a GPU that the text model asks for.")
    caption_gpus: float = Field(0.5, ge=0, le=8, description="Share of a GPU that a local caption model asks for.")
    device: Device | None = Field(None, description="auto, cpu or cuda for all models. Default: what the profile says.")
    call_timeout_s: float = Field(
        3600.0, gt=0, description="Longest time in seconds that a model may work on one batch."
    )
    least: int = Field(
        1, ge=0, description="Processes of each model that are always there. 0: the first call starts one."
    )
    most: int = Field(
        0,
        ge=0,
        description="Processes of each model at most. 0: as many as the work needs and the cluster has room for.",
    )
    bound: int = Field(
        1024, ge=1, description="Items of one run that wait for one model; more wait in the tasks that bring them."
    )
    recycle_batches: int = Field(0, ge=0, description="Batches after which a model's process is replaced. 0: never.")
    recycle_mb: int = Field(
        4096, ge=0, description="Growth of a model's process in MB after which the process is replaced. 0: never."
    )


class EndpointSettings(_Slice):
    """A server that speaks OpenAI's protocol (vLLM, Ollama, llama.cpp, a provider)."""

    base_url: str | None = Field(
        None, pattern=r"^https?://", description="The server's URL, with /v1: http://localhost:11434/v1."
    )
    api_key: SecretStr | None = Field(None, description="API key of that server, if it needs one.")
    timeout_s: float = Field(300.0, gt=0, description="Longest wait for one answer.")


class CaptionerSettings(EndpointSettings):
    """A server of a vision-language model."""

    parallel: int = Field(
        8, ge=1, le=256, description="Requests to that server that one batch has open at the same time."
    )


class EmbedderSettings(EndpointSettings):
    """A server that embeds texts in place of the profile's text model. EMBEDDER_BASE_URL does as well."""

    model: str | None = Field(
        None, description="Name of the model on that server. Default: the name of the profile's text model."
    )


class Limits(_Slice):
    """What a media file may cost: a hostile file ends as failed, the machine goes on."""

    wall_s: float = Field(4 * 3600.0, gt=0, description="Wall-clock limit of one decoder in seconds.")
    memory_mb: int = Field(
        3072,
        ge=256,
        description="Address space of one decoder in MB. As many decoders run at once as fit into 3/4 of the "
        "machine's memory, at most one per core.",
    )
    output_mb: int = Field(4096, ge=1, description="Most that one decoder may write.")
    max_pixels: int = Field(8192 * 8192, ge=1, description="Largest image that is decoded, in pixels.")
    max_streams: int = Field(100, ge=1, description="Most streams in one container.")
    max_pages: int = Field(10_000, ge=1, description="Most pages in one PDF.")
    file_s: float = Field(3600.0, gt=0, description="Wall-clock limit of all pages of one PDF.")
    part_s: float = Field(
        300.0, gt=0, description="Wall-clock limit in seconds for 32 pages of a PDF, or a batch of images."
    )
    max_file_bytes: int = Field(1 << 40, ge=1, description="Largest input file.")

    def for_a_part(self) -> Limits:
        """Returns the limits of a child that does a part of a file, or of a unit, and not hours of video."""
        return self.model_copy(update={"wall_s": min(self.wall_s, self.part_s)})


class UpSettings(_Slice):
    """The standing installation that `medley up` runs."""

    host: str = Field(
        "127.0.0.1",
        description="Address on which Prefect's and Ray's pages listen. An address beyond this machine is "
        "refused unless every secret is set.",
    )
    prefect_port: int = Field(4200, ge=1, le=65535, description="Port of Prefect's server and its pages.")
    ray_port: int = Field(6379, ge=1, le=65535, description="Port of Ray's head.")
    dashboard_port: int = Field(8265, ge=1, le=65535, description="Port of Ray's dashboard.")
    store_port: int = Field(19530, ge=1, le=65535, description="Port of the vector store; always on loopback.")
    query_port: int = Field(19531, ge=1, le=65535, description="Port of the query process; always on loopback.")
    runs: int = Field(2, ge=1, le=1000, description="Flow runs at the same time, of all deployments together.")
    after: After = Field("keep", description="What becomes of an uploaded file that is done: keep, move or delete.")


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

    home: Path = Field(Path("~/.medley"), description="Directory of Medley's data (mode 0700).")
    profile: str | None = Field(None, description="Profile used where --profile is not given.")
    runner: Runner = Field("ray", description="ray: tasks and models on Ray. local: threads in this process.")
    window: int = Field(4, ge=1, le=1000, description="Batches in flight at the same time.")
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
    token: SecretStr | None = Field(
        None, description="Secret of the query process. Default: a generated one in MEDLEY_HOME/run."
    )
    faults: dict[str, str] = Field(default_factory=dict, description="Tests only: stage -> error class it raises.")
    allow_faults: bool = Field(False, description="Tests only: without it, faults are refused.")

    @property
    def artifacts(self) -> Path:
        """Root of the artifact store."""
        return self.home / "artifacts"

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
        """The cluster to join, or None for a private one. RAY_ADDRESS is an alias, as for every Ray program."""
        address = self.ray.address or os.environ.get("RAY_ADDRESS") or None
        return None if address == "local" else address

    @property
    def embedder_url(self) -> str | None:
        """The server that embeds texts, if one does. EMBEDDER_BASE_URL is an alias."""
        return self.embedder.base_url or os.environ.get("EMBEDDER_BASE_URL") or None

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
    name = "MEDLEY_" + "__".join(str(part).upper() for part in first["loc"])
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
