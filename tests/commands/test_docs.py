"""Documentation that fails the build: commands parse, links lead somewhere, every setting is named."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from flows.commands import files as _command
from flows.commands.cli import module_of
from medley.dag import registry
from medley.dag.drawing import as_svg
from medley.dag.registry import names, pipeline_named
from medley.options import (
    CaptionOptions,
    DocumentOptions,
    FileOptions,
    ImageOptions,
    PdfOptions,
    PictureOptions,
    VideoOptions,
)
from medley.settings import Settings
from tests.conftest import ROOT, SAMPLE, Medley
from tests.fakes import setting_groups

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands() -> list[str]:
    """Every `medley ...` line of the README's console blocks."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("medley ")]


@pytest.mark.parametrize("line", commands())
def test_readme_commands_parse(line: str) -> None:
    _, verb, *arguments = shlex.split(line)
    parser = argparse.ArgumentParser(exit_on_error=False)
    if verb in names():
        _command.add_arguments(parser, verb)  # type: ignore[arg-type]
    else:
        module_of(verb).add_arguments(parser)
    parser.parse_args(arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("video", VideoOptions()),
        ("pdf", PdfOptions(captions=CaptionOptions(model="any"))),
        ("document", DocumentOptions()),
        ("image", ImageOptions(captions=CaptionOptions(model="any"), pictures=PictureOptions(ocr=True))),
    ],
)
def test_pictures_of_pipelines_are_those_of_the_code(name: str, options: FileOptions) -> None:
    drawn = as_svg(pipeline_named(name).dag(options))
    kept = (ROOT / "docs" / "pipelines" / f"{name}.svg").read_text()
    assert kept.strip() == drawn.strip(), "make pictures"


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    program = str(Path(sys.executable).with_name("mkdocs"))
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command = [program, "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "write_records" in (tmp_path / "reference" / "pipelines" / "index.html").read_text()


def blocks_of(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)


def test_the_page_of_your_own_pipeline_does_what_it_says(
    medley: Medley, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, records, options = blocks_of("your-own-pipeline.md")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_loaded", dict(registry._loaded))
    Path("shop.py").write_text(first)
    run = medley("run", "shop:shop", SAMPLE, "--export", "out", "--json")
    assert run.report["items"][0]["status"] == "complete", run.err
    assert re.match(r"[0-9]+ \w+", Path("out/sample.words.txt").read_text())
    assert medley("run", "shop:shop", SAMPLE, "--json").report["items"][0]["status"] == "unchanged"
    picture = """
@pipeline(options=Options, media=("video/*", "audio/*"))
def more(assets, options):
    \"\"\"With records and options.\"\"\"
    transcript = transcribe(extract_audio(assets))
    count_words(transcript)
    write_questions(embed_questions(find_questions(transcript)))
"""
    imports = "from medley.options import SpeechOptions\nfrom medley.transcript import TRANSCRIPT, read_segments\n"
    Path("more.py").write_text(first + imports + records + options + picture)
    [item] = medley("run", "more:more", SAMPLE, "--shop.least", "3", "--json").report["items"]
    assert (item["status"], item["records"]) == ("complete", {"question": 0})


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    example = (ROOT / "deployments" / "env.example").read_text()
    slices = setting_groups()
    owners = set(slices.values())
    names = [f"MEDLEY_{name.upper()}" for name in Settings.model_fields if name.upper() not in slices]
    names += [f"MEDLEY_{part}__{name.upper()}" for part, cls in slices.items() for name in cls.model_fields]
    assert [name for name in names if f"`{name}`" not in text] == []
    fields = [  # base_url is that of two servers
        *Settings.model_fields.values(),
        *(f for cls in slices.values() for name, f in cls.model_fields.items() if name != "base_url"),
    ]
    told = {str(f.description).replace("`", "") for f in fields if f.description and f.default_factory not in owners}
    plain, comments = text.replace("`", ""), " ".join(example.replace("\n#", "").split())
    assert {words for words in told if f"| {words} |" not in plain} == set()
    assert {words for words in told if "Tests only" not in words and words not in comments} == set()
    assert [name for name in names if f"\n#{name}=" not in example and "FAULTS" not in name] == []
