"""The samples: a short one whose script is chosen by hand, good to look at and to search, and a long one."""

from __future__ import annotations

from pathlib import Path

from tests.world.narration import Line, Pacing
from tests.world.scenes import Figure, Scene
from tests.world.truth import VideoTruth
from tests.world.videos import Script, film, make_video
from tests.world.voices import Voice

SEED = 7
_ANNA = Voice("flite", "slt")
_BEN = Voice("espeak-ng", "en-us", "m3", 150, 45)
_CLEO = Voice("espeak-ng", "en-gb", "f2", 150, 50)

_LINES = (
    Line("welcome to the museum the topic is history", _ANNA),
    Line("this slide is about music and science", _BEN),
    Line("the number is seven four two", _BEN),
    Line("on friday we talk about energy", _CLEO),
    Line("we see the small lion in the kitchen", _ANNA),
    Line("chapter two explains weather in the school", _CLEO),
    Line("page nine shows three red cars", _ANNA),
    Line("the dog follows a blue train", _BEN),
    Line("please look at a yellow house in the evening", _ANNA),
    Line("on monday we talk about travel", _CLEO),
    Line("this slide is about food and safety", _ANNA),
)
# None of these is spoken of.
_SCENES = (
    Scene((Figure("red", "circle"),)),
    Scene((Figure("purple", "heart"),)),
    Scene(),
    Scene((Figure("green", "triangle"),)),
    Scene((Figure("orange", "star"),)),
    Scene((Figure("blue", "square", "small"),)),
    Scene((Figure("yellow", "ring"),)),
    Scene((Figure("white", "circle"), Figure("black", "square")), "above"),
    Scene((Figure("pink", "arrow"),)),
    Scene((Figure("brown", "cross"),)),
)


def make_long(out: Path) -> VideoTruth:
    """Writes the long sample: five minutes, forty different scenes of 7.5 s, up to three voices at random."""
    return make_video(out, seed=SEED, seconds=300, scene_s=7.5)


def make_sample(out: Path) -> VideoTruth:
    """Writes the sample video: 46 s, ten scenes, three voices, nothing said between 19.5 s and 27 s."""
    pacing = Pacing(46.0, gap_s=(0.6, 1.5), silent=(19.5, 27.0))
    return film(out, Script(pacing, 4.6, _SCENES, _LINES), seed=SEED)
