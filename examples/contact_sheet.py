"""A stage that makes a file: one JPEG with all frames of a video. `--export DIR` copies it beside the JSON.

medley run examples.contact_sheet:overview PATH... --profile demo --export DIR
"""

from pathlib import Path

from flows.video import video
from medley.media import frames, sheet
from medley.options import VideoOptions
from medley.pipelines import pipeline, stage


@stage(takes="frames", files=("sheet.jpg",))
def contact_sheet(source, draft, context):
    """All frames of the video on one page."""
    found = [(Path(source.directory, f.image), f"{f.time_s:.1f} s") for f in frames.read_frames(Path(source.directory))]
    (draft.directory / "sheet.jpg").write_bytes(sheet.contact_sheet(found))


@pipeline(options=VideoOptions, media=("video/*",))
def overview(assets, options):
    """Everything that `video` does, and a contact sheet."""
    contact_sheet(video(assets, options)["sample_frames"])
