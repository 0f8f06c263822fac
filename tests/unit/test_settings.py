"""Settings: from the environment, or a SetupError that names the variable and never a secret."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from flows.services.shared import milvus_service, with_port
from medley.catalog import open_catalog
from medley.errors import SetupError
from medley.setting_aliases import ALIASES
from medley.settings import load_settings
from tests.conftest import ROOT

PARTS = ("artifacts", "logs", "milvus", "prefect", "run", "runs")


def test_nested_variables(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLEY_STORE__URI", "http://milvus:19530")
    monkeypatch.setenv("MEDLEY_STORE__TOKEN", "hunter2")
    monkeypatch.setenv("MEDLEY_POOLS__SPEECH_GPUS", "0.1")
    monkeypatch.setenv("MEDLEY_LIMITS", '{"max_streams": 3}')
    monkeypatch.setenv("MEDLEY_UNKNOWN", "is somebody else's")
    settings = load_settings()
    assert (settings.store.uri, settings.store_key) == ("http://milvus:19530", "http://milvus:19530")
    assert settings.store.token is not None
    assert settings.store.token.get_secret_value() == "hunter2"
    assert (settings.pools.speech_gpus, settings.pools.vision_gpus) == (0.1, None)
    assert (settings.limits.max_streams, settings.home) == (3, home)
    assert "hunter2" not in repr(settings) + str(settings.model_dump())


def test_home_is_made_for_its_owner_only(home: Path) -> None:
    settings = load_settings()
    assert sorted(path.name for path in home.iterdir()) == sorted(PARTS)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (home, *home.iterdir())} == {0o700}
    assert settings.store_key == f"lite:{home / 'milvus'}"
    assert load_settings() == settings


def test_home_may_be_relative_or_start_with_a_tilde(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDLEY_HOME", "here")
    assert load_settings().home == tmp_path / "here"
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("MEDLEY_HOME", "~/there")
    assert load_settings().home == tmp_path / "me" / "there"
    assert not home.exists()


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("MEDLEY_WINDOW", "hunter2", "MEDLEY_WINDOW"),
        ("MEDLEY_WINDOW", "-1", "MEDLEY_WINDOW"),
        ("MEDLEY_RUNNER", "hunter2", "MEDLEY_RUNNER"),
        ("MEDLEY_STORE__TIMEOUT_S", "hunter2", "MEDLEY_STORE__TIMEOUT_S"),
        ("MEDLEY_STORE__TOKNE", "hunter2", "MEDLEY_STORE__TOKNE"),
        ("MEDLEY_STORE", '{"token": "hunter2", "timeout_s": -1}', "MEDLEY_STORE__TIMEOUT_S"),
        ("MEDLEY_STORE", '{"tokne": "hunter2"}', "MEDLEY_STORE__TOKNE"),
        ("MEDLEY_STORE", '{"token": "hunter2"', "MEDLEY_STORE"),
        ("MEDLEY_STORE", "hunter2", "MEDLEY_STORE"),
        ("MEDLEY_FAULTS", "hunter2", "MEDLEY_FAULTS"),
    ],
)
def test_a_bad_value_is_named_and_not_repeated(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, named: str
) -> None:
    monkeypatch.setenv("MEDLEY_STORE__TOKEN", "hunter2")
    monkeypatch.setenv(name, value)
    with pytest.raises(SetupError) as caught:
        load_settings()
    assert named in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    assert not home.exists(), "nothing is made"


def test_faults_are_refused_unless_allowed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLEY_FAULTS", '{"chunk": "CorruptMedia"}')
    with pytest.raises(SetupError, match="MEDLEY_ALLOW_FAULTS"):
        load_settings()
    assert not home.exists()
    monkeypatch.setenv("MEDLEY_ALLOW_FAULTS", "1")
    assert load_settings().faults == {"chunk": "CorruptMedia"}
    monkeypatch.setenv("MEDLEY_FAULTS", '{"chunk": "ValueError"}')
    with pytest.raises(SetupError, match="'ValueError'"):
        load_settings()


def test_ray_address_is_an_alias(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().ray_address is None
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert load_settings().ray_address == "head:6379"
    monkeypatch.setenv("MEDLEY_RAY__ADDRESS", "other:6379")
    assert load_settings().ray_address == "other:6379"
    assert home.exists()


UNWRITABLE = """
import os
from medley.errors import SetupError
from medley.setting_aliases import ALIASES
from medley.settings import load_settings
if os.getuid() == 0:  # after the imports: the interpreter may lie in root's own directory
    os.setuid(65534)
try:
    load_settings()
except SetupError as error:
    print(error)
"""


@pytest.mark.parametrize("below", ["", "home"])
def test_a_home_that_cannot_be_written(below: str) -> None:
    with tempfile.TemporaryDirectory() as directory:  # tmp_path is closed to other users as a whole
        os.chmod(directory, 0o555)
        wanted = Path(directory) / below
        env = {"MEDLEY_HOME": str(wanted)}
        script = [sys.executable, "-c", UNWRITABLE]
        done = subprocess.run(script, env=env, capture_output=True, text=True, cwd=ROOT)
        assert done.stdout.startswith(f"MEDLEY_HOME {wanted} cannot be used: Permission denied. "), done.stderr
        assert done.stderr == ""


def test_a_home_that_is_a_file(home: Path) -> None:
    home.write_text("")
    with pytest.raises(SetupError, match=f"MEDLEY_HOME {home} cannot be used"):
        load_settings()


@pytest.mark.parametrize("url", ["hunter2", "nosuchdb://u:hunter2@h/d", "sqlite:////nowhere/at/all.db"])
def test_a_catalog_that_cannot_be_opened(home: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MEDLEY_CATALOG_URL", url)
    settings = load_settings()
    assert settings.home == home
    with pytest.raises(SetupError) as caught:
        open_catalog(settings)
    assert "hunter2" not in str(caught.value)
    assert caught.value.remedy


def test_an_empty_variable_is_not_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLEY_WINDOW", "")
    monkeypatch.setenv("MEDLEY_STORE__URI", "")
    settings = load_settings()
    assert (settings.window, settings.store.uri, settings.home) == (0, None, home)


@pytest.mark.parametrize("name", ["what?", "{}", "{0}", "100%", "a b"])
def test_a_home_with_an_odd_name(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    odd = tmp_path / name
    monkeypatch.setenv("MEDLEY_HOME", str(odd))
    settings = load_settings()
    open_catalog(settings).begin_run("run", "video", "demo")
    assert (odd / "catalog.db").exists()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    command = [with_port(part, 7) for part in milvus_service(settings).command]
    assert command[command.index("--data-dir") + 1] == str(odd / "milvus")


def test_an_open_home_is_closed_to_others(home: Path) -> None:
    home.mkdir()
    home.chmod(0o777)
    load_settings()
    assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("alias", "value", "group", "name", "meant"),
    [
        ("RAY_ADDRESS", "10.0.0.1:6379", "ray", "address", "10.0.0.1:6379"),
        ("RAY_NUM_WORKERS", "3", "ray", "num_cpus", 3),
        ("RAY_NUM_GPUS", "0", "ray", "num_gpus", 0),
        ("RAY_POOL_SIZE", "4", "pools", "most", 4),
        ("RAY_MAX_TASKS_PER_WORKER", "100", "pools", "recycle_batches", 100),
        ("EMBEDDER_BASE_URL", "http://localhost:1/v1", "embedder", "base_url", "http://localhost:1/v1"),
        ("VDB_HOST", "milvus", "store", "uri", "http://milvus:19530"),
        ("VDB_HOST", "milvus:1", "store", "uri", "http://milvus:1"),
        ("VDB_HOST", "https://in.the.cloud", "store", "uri", "https://in.the.cloud"),
    ],
)
def test_names_of_other_programs_are_read(
    home: Path, monkeypatch: pytest.MonkeyPatch, alias: str, value: str, group: str, name: str, meant: object
) -> None:
    monkeypatch.setenv("MEDLEY_STORE__TIMEOUT_S", "7")
    monkeypatch.setenv(alias, value)
    assert getattr(getattr(load_settings(), group), name) == meant
    assert load_settings().store.timeout_s == 7
    ours = {"address": "b:1", "uri": "http://b:1", "base_url": "http://b:1/v1"}.get(name, "9")
    monkeypatch.setenv(f"MEDLEY_{group}__{name}".upper(), ours)
    assert str(getattr(getattr(load_settings(), group), name)) == ours


def test_every_alias_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    told = [f"| `{alias}` | `MEDLEY_{group}__{name}`".upper() for alias, (group, name, _) in ALIASES.items()]
    assert [line for line in told if line not in text.upper()] == []


def test_a_wrong_value_is_named_as_it_was_given(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_POOL_SIZE", "many")
    with pytest.raises(SetupError, match=r"^RAY_POOL_SIZE: "):
        load_settings()
