"""`headers` and `query` of bench.toml, and values that no message shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.formats.configfile import read_config


def fault(folder: Path, text: str) -> str:
    path = folder / "bench.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    return str(caught.value)


@pytest.mark.parametrize("value", ['"S3CRET"', '"Bearer env:NAME"', '"env:"', "3", '["S3CRET"]'])
def test_a_headers_value_comes_from_the_environment_only_and_is_not_shown(tmp_path: Path, value: str) -> None:
    said = fault(tmp_path, f"[model.x]\nheaders = {{api-key = {value}}}\n")
    assert said.startswith("bench.toml:2: headers: each value is read from the environment")
    assert "S3CRET" not in said


@pytest.mark.parametrize("name", ["Content-Type", "host", "CONTENT-LENGTH", "anthropic-version"])
def test_headers_of_the_plugins_own_are_refused(tmp_path: Path, name: str) -> None:
    assert f"headers: '{name}' is set for each request by the plugin" in fault(
        tmp_path, f'[provider.openai]\nheaders = {{{name} = "env:X"}}\n'
    )


@pytest.mark.parametrize("name", ['"a b"', '"a\\nb"', '"a:b"', '""'])
def test_a_headers_name_is_a_token(tmp_path: Path, name: str) -> None:
    assert "bench.toml:2: headers: " in fault(tmp_path, f'[model.x]\nheaders = {{{name} = "env:X"}}\n')


@pytest.mark.parametrize("limits", ['"redis+tls://:S3CRET@host/0"', '["redis://:S3CRET@host"]'])
def test_an_address_that_is_none_is_not_shown(tmp_path: Path, limits: str) -> None:
    assert fault(tmp_path, f"limits = {limits}\n").startswith("bench.toml:1: limits: no address of a Redis")
    assert "S3CRET" not in fault(tmp_path, f"limits = {limits}\n")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("[model.x]\ntemperature = 0\n", "write params = {temperature = ...}"),
        ('[model.x]\napi_key = "k"\n', 'write api_key_env = "NAME"'),
        ('[model.x]\nurl = "k"\n', "write base_url"),
        ("[models.x]\nrpm = 1\n", "a model's own table is [model.NAME]"),
        ("[providers.x]\nrpm = 1\n", "a provider's table is [provider.NAME]"),
    ],
)
def test_keys_of_other_tools_name_ours(tmp_path: Path, text: str, remedy: str) -> None:
    assert remedy in fault(tmp_path, text)


def test_a_configuration_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="larger than 10 MB"):
        read_config(Path("/dev/zero"))


@pytest.mark.parametrize("value", ["1", "true", '"env:"', '"env:two words"', "[1]"])
@pytest.mark.parametrize("table", ["model.x", "provider.openai"])
def test_a_querys_value_is_a_text_or_a_variable(tmp_path: Path, table: str, value: str) -> None:
    said = fault(tmp_path, f"[{table}]\nquery = {{api-version = {value}}}\n")

    assert said.startswith("bench.toml:2: query: each value is a text, or read from the environment: write query = ")


@pytest.mark.parametrize("key", ["api_version", "default_query", "extra_query"])
def test_other_tools_names_for_it_are_told(tmp_path: Path, key: str) -> None:
    assert 'write query = {api-version = "2024-10-21"}' in fault(tmp_path, f'[model.x]\n{key} = "1"\n')
