"""Everything that a pipeline of your own is made of: `from medley.pipelines import pipeline, stage, ...`.

See docs/your-own-pipeline.md and examples/. Importing this module loads neither Prefect nor Ray nor a model.
"""

from medley.artifacts import Draft
from medley.dag.parts import (
    embed_pictures,
    embed_texts,
    rows_as_json,
    rows_left,
    write_records,
)
from medley.dag.pipeline import Pipeline, pipeline
from medley.dag.stage import Stage, batch_stage, no_picture, no_sound, stage
from medley.errors import BadInput, CorruptMedia, SetupError, TransientError, UnsupportedMedia
from medley.models.base import ModelSpec
from medley.option_group import OptionGroup
from medley.options import FileOptions
from medley.records import ROWS, save_rows
from medley.run import TaskContext
from medley.types import ArtifactRef, Asset, Row

__all__ = [
    "ROWS",
    "ArtifactRef",
    "Asset",
    "BadInput",
    "CorruptMedia",
    "Draft",
    "FileOptions",
    "ModelSpec",
    "OptionGroup",
    "Pipeline",
    "Row",
    "SetupError",
    "Stage",
    "TaskContext",
    "TransientError",
    "UnsupportedMedia",
    "batch_stage",
    "embed_pictures",
    "embed_texts",
    "no_picture",
    "no_sound",
    "pipeline",
    "rows_as_json",
    "rows_left",
    "save_rows",
    "stage",
    "write_records",
]
