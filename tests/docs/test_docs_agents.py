"""docs/agents.md is what happens: its files run, its tables are complete."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import msgspec
import pytest

from pytest_benchmodels.core.agent import AgentOutput
from pytest_benchmodels.formats.agent_table import AGENT_KEYS, OutputEntry, agent_faults
from pytest_benchmodels.formats.configfile import read_config
from pytest_benchmodels.plugin.session.models import Models
from pytest_benchmodels.providers.agents import AGENTS
from tests.docs.docs_reading import PAGES, blocks, rows
from tests.docs.test_docs_examples import run_pytest, write
from tests.docs.test_docs_tables import codes, listed

PAGE = PAGES["agents"]
CONFIGURATIONS = [block.name for block in blocks(PAGE) if block.language == "toml"]


def test_its_files_run(tmp_path: Path) -> None:
    for block in blocks(PAGE):
        write(tmp_path, block)

    (command,) = re.findall(r"(?m)^ {4}pytest (--bench agents .*)$", PAGE)

    done = run_pytest(tmp_path, *shlex.split(command), "--bench-json=b.json")

    assert done.returncode == 0, done.stdout
    (result,) = json.loads((tmp_path / "b.json").read_text())["results"]
    assert (result["response"]["text"], result["cost_usd"]) == ("I greeted Ada.", 0.002)
    assert [each["path"] for each in result["response"]["changes"]] == ["greeting.txt"]


@pytest.mark.parametrize("file", CONFIGURATIONS)
def test_its_configurations_define_models(tmp_path: Path, file: str) -> None:
    for block in blocks(PAGE):
        if block.name == file:
            write(tmp_path, block)

    config = read_config(tmp_path / file)

    models = Models((), config, "http://sim", tmp_path / file)
    assert all(models.resolve(name).agent is not None for name in config.model)


def test_the_keys_are_those_that_are_read() -> None:
    assert sorted(listed(PAGE, "key of an agent")) == sorted(AGENT_KEYS)
    assert sorted(listed(PAGE, "key of `output`")) == sorted(OutputEntry.__struct_fields__)


def test_what_a_table_says_of_output_is_what_an_agent_has() -> None:
    own = {field.name for field in msgspec.structs.fields(OutputEntry)}
    assert own - {"sum"} == set(AgentOutput.__dataclass_fields__) - {"sums"}


def test_the_placeholders_are_those_that_are_filled() -> None:
    told = [name.strip("{}") for name in listed(PAGE, "placeholder")]
    faults = dict(agent_faults("a", {"provider": "command", "command": ["x", "{promt}"]}))
    assert sorted(told) == sorted(re.findall(r"\(([^)]*)\)", faults["command"])[0].split(", "))


def test_the_presets_are_called_as_it_says() -> None:
    told = {codes(row[0])[0]: row for row in rows(PAGE, "preset") if len(row) > 3}

    assert told.keys() == AGENTS.keys()
    for name, (_, called, keys, *_) in told.items():
        known = AGENTS[name]
        assert codes(called) == [" ".join((*known.program, *known.words))]
        assert codes(keys) in (list(known.keys), [])
    sources = [codes(row[0])[0] for row in rows(PAGE, "preset") if len(row) == 3]
    assert sources == list(AGENTS)
