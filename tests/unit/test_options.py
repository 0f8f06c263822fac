"""Options and settings say what they are; flags come from them."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from flows.commands.flags import add_option_flags, read_option_flags
from medley import options as options_module
from medley import settings as settings_module
from medley.errors import SetupError
from medley.option_values import Profile
from medley.options import VideoOptions

FLAGS = {
    "--tags",
    "--labels",
    "--profile",
    *("--speech.track", "--speech.language", "--speech.task", "--speech.beam_size"),
    *("--speech.speakers", "--speech.topics", "--speech.titles", "--speech.subtitles", "--speech.subtitle_track"),
    *("--chunks.max_words", "--chunks.max_s", "--chunks.max_pause_s"),
    *("--frames.interval_s", "--frames.max_gap_s", "--frames.max_side_px", "--frames.duplicate_threshold"),
    *("--captions.model", "--captions.words", "--captions.prompt", "--captions.max_tokens"),
    *(
        "--frames.shots",
        "--frames.captions",
        "--frames.ocr",
        "--frames.track",
        "--passages.max_tokens",
        "--passages.overlap",
    ),
    *("--models.speech", "--models.vision", "--models.text"),
}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="medley video")
    add_option_flags(made, VideoOptions)
    return made


def read(*arguments: str) -> VideoOptions:
    return read_option_flags(parser().parse_args(arguments), VideoOptions)


def described() -> Iterator[type[BaseModel]]:
    """Every public class of options and settings."""
    for module in (options_module, settings_module):
        for name, found in vars(module).items():
            own = inspect.isclass(found) and issubclass(found, BaseModel) and found.__module__ == module.__name__
            if own and not name.startswith("_"):
                yield found


@pytest.mark.parametrize("kind", list(described()), ids=lambda kind: kind.__name__)
def test_every_field_is_described(kind: type[BaseModel]) -> None:
    assert kind.model_fields
    assert [name for name, field in kind.model_fields.items() if not field.description] == []


def test_every_option_has_a_flag_with_help() -> None:
    text = " ".join(parser().format_help().split())
    flags = {flag for action in parser()._actions for flag in action.option_strings} - {"-h", "--help"}
    assert flags == FLAGS
    assert "--profile auto|demo|cpu|gpu" in text
    assert "--frames.interval_s X" in text
    assert "--chunks.max_words N" in text
    assert "Default: 24." in text


def test_no_flags_are_the_defaults() -> None:
    assert read() == VideoOptions()


def test_flags_are_read_with_their_types() -> None:
    told = read("--profile", "demo", "--chunks.max_words", "7", "--frames.interval_s", "2.5", "--speech.language=de")
    assert told == VideoOptions.model_validate(
        {"profile": "demo", "chunks": {"max_words": 7}, "frames": {"interval_s": 2.5}, "speech": {"language": "de"}}
    )
    assert told.profile is Profile.DEMO
    assert type(told.chunks.max_words) is int


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--profile", "fast"),
        ("--speech.language", "German"),
        ("--speech.beam_size", "0"),
        ("--speech.beam_size", "two"),
        ("--chunks.max_words", "1.5"),
        ("--chunks.max_words", "401"),
        ("--chunks.max_s", "0"),
        ("--frames.interval_s", "-1"),
        ("--frames.interval_s", "nan"),
        ("--frames.interval_s", "inf"),
        ("--frames.max_side_px", "63"),
        ("--frames.duplicate_threshold", "256"),
    ],
)
def test_a_wrong_value_is_named_with_its_flag(flag: str, value: str) -> None:
    with pytest.raises(SetupError) as caught:
        read(f"{flag}={value}")
    assert str(caught.value).startswith(f"{flag} {value}: ")
    assert "\n" not in str(caught.value)


def test_options_refuse_what_they_do_not_know_and_do_not_change() -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        VideoOptions.model_validate({"frames": {"interval": 1}})
    with pytest.raises(ValueError, match="frozen"):
        VideoOptions().profile = Profile.CPU  # type: ignore[misc]
