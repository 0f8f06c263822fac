"""A stage with records that searches find: the colours of pictures, in words.

medley run examples.colours:colours PATH... --profile demo
medley search "mostly red" --modality colour
"""

import math
from collections import Counter
from pathlib import Path

from PIL import Image, ImageColor
from pydantic import Field

from flows.image import image
from medley.media.pictures import PICTURE
from medley.options import ImageOptions
from medley.pipelines import ROWS, Row, embed_texts, pipeline, rows_as_json, save_rows, stage, write_records

_NAMES = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "brown")
_COLOURS = {name: ImageColor.getrgb(name) for name in _NAMES}


class ColourOptions(ImageOptions):
    """Everything that `image` can be told, and how small a part of a picture counts."""

    least_share: float = Field(0.1, ge=0, le=1, description="Part of a picture that a colour has to cover, at least.")


def _options_read(options):
    return options.least_share


@stage(branch="colours", takes="pictures", makes="colours", reads=_options_read, export=rows_as_json("colours"))
def name_colours(picture, draft, context):
    """A sentence about the colours of each picture."""
    with Image.open(Path(picture.directory, PICTURE)) as opened:
        pixels = opened.convert("RGB").resize((32, 32)).get_flattened_data()
    counts = Counter(min(_NAMES, key=lambda name: math.dist(_COLOURS[name], pixel)) for pixel in pixels)
    seen = [name for name, count in counts.most_common() if count / len(pixels) >= context.options.least_share]
    text = f"mostly {seen[0]}" + (f", some {' and '.join(seen[1:])}" if seen[1:] else "")
    save_rows(draft.directory / ROWS, [Row("colour", text)])


embed_colours = embed_texts("embed_colours", branch="colours", takes="colours")
write_colours = write_records("write_colours", branch="colours", modalities="colour")


@pipeline(options=ColourOptions, media=("image/*",), batch=100)
def colours(assets, options):
    """Makes pictures searchable by what is on them, and by their colours."""
    named = name_colours(image(assets, options)["load_images"])
    write_colours(embed_colours(named))
