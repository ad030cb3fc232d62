"""bench.toml: what it may hold, and how its faults read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.formats.configfile import read_config


def write(folder: Path, text: str) -> Path:
    path = folder / "bench.toml"
    path.write_text(text, encoding="utf-8")
    return path


def fault(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_config(write(folder, text))
    return str(caught.value)


def test_everything_that_the_contract_names_is_read(tmp_path: Path) -> None:
    config = read_config(
        write(
            tmp_path,
            """
            models = ["sim/steady", "local"]
            allow_paths = ["../data"]

            [model."openai/gpt-4o-mini"]
            max_in_flight = 50
            timeout = 60
            params = {temperature = 0}
            price = {input = 0.15, output = 0.60}

            [model.local]
            provider = "openai"
            name = "qwen3-8b"
            base_url = "http://127.0.0.1:8000/v1"
            api_key_env = "LOCAL_KEY"
            """,
        )
    )

    assert config.models == ["sim/steady", "local"]
    assert config.allow_paths == ["../data"]
    gpt, local = config.model["openai/gpt-4o-mini"], config.model["local"]
    assert (gpt.max_in_flight, gpt.timeout, gpt.params) == (50, 60.0, {"temperature": 0})
    assert gpt.price is not None
    assert (gpt.price.input, gpt.price.output) == (0.15, 0.60)
    assert (local.provider, local.name, local.api_key_env) == ("openai", "qwen3-8b", "LOCAL_KEY")


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert read_config(write(tmp_path, '\ufeffmodels = ["sim/steady"]\n')).models == ["sim/steady"]


def test_all_faults_are_named_at_once_with_their_lines(tmp_path: Path) -> None:
    text = fault(
        tmp_path,
        '[model.local]\nprovder = "openai"\nmax_in_flight = 0\n[model.other]\nprice = {input = -1, output = 2}\n',
    )
    assert text.splitlines() == [
        "bench.toml:2: unknown key 'provder' in [model.local]; did you mean 'provider'?",
        "bench.toml:3: max_in_flight = 0: Expected `int` >= 1",
        "bench.toml:5: price = {'input': -1, 'output': 2}: Expected `float` >= 0.0 - at `$.input`",
    ]


def test_a_key_of_the_file_itself_is_checked_too(tmp_path: Path) -> None:
    assert fault(tmp_path, 'modles = ["a"]\n') == "bench.toml:1: unknown key 'modles'; did you mean 'models'?"
    found = fault(tmp_path, "\nmodels = 3\n")
    assert found is not None
    assert found.startswith("bench.toml:2: models = 3: Expected `array`, got `int`; a list of names such as ")


def test_a_table_that_is_none_is_said(tmp_path: Path) -> None:
    assert fault(tmp_path, "model = 3\n") == "bench.toml:1: [model.NAME] has to be a table"
    assert fault(tmp_path, "[model]\nlocal = 3\n") == "bench.toml:1: [model.local] has to be a table, got 3"


def test_gates_are_a_list_or_a_table_of_named_ones(tmp_path: Path) -> None:
    assert read_config(write(tmp_path, 'gate = ["score > 0", "cost < 1"]\n')).gates == ("score > 0", "cost < 1")
    table = '[gate]\nquality = "score > 0"\nmoney = "cost < 1"\n'
    assert read_config(write(tmp_path, table)).gates == ("score > 0", "cost < 1")
    remedy = 'write gate = ["pass_rate >= 90%"], or a table: [gate] and quality = "pass_rate >= 90%"'
    assert fault(tmp_path, "\n[gate]\nquality = 3\n") == (
        f"bench.toml:2: gate = {{'quality': 3}}: Expected `str`, got `int` - at `$[...]`; {remedy}"
    )


def test_broken_toml_names_its_line(tmp_path: Path) -> None:
    assert fault(tmp_path, 'models = ["a"]\n[model.\n').startswith("bench.toml:2: ")
    assert fault(tmp_path, "models = [").startswith("bench.toml:1: ")


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^bench\.toml: cannot be read: .*No such file"):
        read_config(tmp_path / "bench.toml")
    (tmp_path / "bench.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"^bench\.toml: cannot be read: .*utf-8"):
        read_config(tmp_path / "bench.toml")
