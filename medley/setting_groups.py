"""Groups of settings: each is one part of where we run, nested in `medley.settings.Settings`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

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
    generation: str | None = Field(
        None,
        pattern=r"^[1-9][0-9]*$",
        description="Generation of the index that this process works with (medley migrate). Default: the current one.",
    )


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
    speech_gpus: float | None = Field(
        None,
        ge=0,
        le=8,
        description="Share of a GPU that each process of the speech model asks for. Default: half, then what the first "
        "process has needed and a fifth more.",
    )
    vision_gpus: float | None = Field(
        None, ge=0, le=8, description="Likewise, of the vision model. Default: a quarter, then what it has needed."
    )
    text_gpus: float | None = Field(
        None, ge=0, le=8, description="Likewise, of the text model. Default: a quarter, then what it has needed."
    )
    caption_gpus: float | None = Field(
        None, ge=0, le=8, description="Likewise, of a local caption model. Default: half, then what it has needed."
    )
    gpu_reserve_mb: int = Field(
        512, ge=0, description="Memory of each GPU in MB that is left to others when shares are measured."
    )
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


class RerankerSettings(EndpointSettings):
    """A server that orders texts by a query (`POST /rerank` of Cohere, Jina, vLLM, TEI, llama.cpp)."""

    model: str = Field("reranker", description="Name of the model on that server.")
    timeout_s: float = Field(10.0, gt=0, description="Longest wait for one answer.")


class ServeSettings(_Slice):
    """The service: page, API and MCP."""

    host: str = Field(
        "127.0.0.1",
        description="Address on which the service listens. An address beyond this machine is refused unless "
        "MEDLEY_TOKEN is set.",
    )
    port: int = Field(8480, ge=1, le=65535, description="Port of the service.")
    hosts: tuple[str, ...] = Field(
        (), description="Names by which browsers reach the service through a proxy, as a JSON list. Others are refused."
    )
    searches: int = Field(4, ge=1, le=64, description="Searches at the same time; more wait.")
    upload_mb: int = Field(10_240, ge=1, description="Largest upload in MB.")
    per_minute: int = Field(600, ge=1, description="Requests of one address in a minute; more are refused with 429.")
    mcp_writes: bool = Field(False, description="Whether agents may start runs by the tools of /mcp, not only read.")
    webhooks: tuple[str, ...] = Field(
        (),
        description="URLs that are told when an item or a run has ended, as a JSON list. Signed, see docs/service.md.",
    )
    saved_queries: tuple[str, ...] = Field(
        (), description="Queries, as a JSON list: webhooks are told when something new matches one of them."
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
    runs: int = Field(2, ge=1, le=1000, description="Flow runs at the same time, of all deployments together.")
    after: After = Field("keep", description="What becomes of an uploaded file that is done: keep, move or delete.")
