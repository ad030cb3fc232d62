"""The tables of the documents are complete: a key, an option or a limit that changes has to change there too."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import pytest_benchmodels
from pytest_benchmodels.formats import authored, builder, document, native, reading
from pytest_benchmodels.formats import dataset as record_files
from pytest_benchmodels.formats import dataset as template
from pytest_benchmodels.formats import drafts as draft
from pytest_benchmodels.formats.configfile import (
    ConfigFile,
    EmbeddingsEntry,
    JudgeEntry,
    ModelEntry,
    ProviderEntry,
    ServerEntry,
    ZeEntry,
)
from pytest_benchmodels.graders import BUILTIN
from pytest_benchmodels.plugin.options import MOST_RUNS
from pytest_benchmodels.providers.api import Origin, http_failure
from pytest_benchmodels.providers.catalog import CATALOG
from pytest_benchmodels.providers.connection import HttpReply
from pytest_benchmodels.providers.key import Key
from pytest_benchmodels.reports.bench_json import BenchRun, Evaluation, write_bench_json
from pytest_benchmodels.reports.units import result_properties
from pytest_benchmodels.statistics.comparison import compare
from pytest_benchmodels.statistics.gates import parse_gate
from pytest_benchmodels.statistics.metrics import Tally
from pytest_benchmodels.statistics.outcomes import Outcome
from pytest_benchmodels.statistics.verdict import Measured, judge
from tests.core.made_results import made
from tests.docs.docs_reading import DOCS, blocks, prose, rows, section


def codes(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def listed(text: str, first: str) -> list[str]:
    """All names in the first column of the tables with that title."""
    return [code for row in rows(text, first) for code in codes(row[0])]


@pytest.fixture
def options(pytestconfig: pytest.Config) -> set[str]:
    """Every option that this pytest knows; there is no public way to ask, and `--help` leaves synonyms out."""
    return set(pytestconfig._parser.optparser._option_string_actions)


def test_the_options_are_those_that_exist(options: set[str]) -> None:
    documented = {option.partition(" ")[0] for option in listed(DOCS["running"], "option")}

    assert documented == {option for option in options if option.startswith("--bench")}


@pytest.mark.parametrize("name", DOCS)
def test_every_option_that_is_named_exists(name: str, options: set[str]) -> None:
    commands = [block.text for block in blocks(DOCS[name]) if block.language == "console"]

    named = re.findall(r"(?<![\w-])--[a-z][\w-]*", "\n".join((*commands, *codes(prose(DOCS[name])))))

    assert [option for option in named if option not in options] == []


def test_the_keys_of_a_scenario_are_those_that_the_loader_reads() -> None:
    keys, check, dataset = (
        listed(section(DOCS["scenario-files"], title), "key") for title in ("Keys of a scenario", "Checks", "Datasets")
    )

    assert sorted(keys) == sorted(authored.Authored.__struct_fields__)
    assert check == ["weight", "not", "name", "extract"]
    assert sorted(dataset) == sorted(authored.Dataset.__struct_fields__)


def test_the_readme_names_every_check() -> None:
    named, _, _ = section(DOCS["README"], "5. Checks of your own").partition(":")

    assert codes(named) == list(BUILTIN)


def test_the_keys_of_the_configuration_are_those_that_are_read() -> None:
    text = section(DOCS["models"], "bench.toml")

    assert sorted(listed(text, "key")) == sorted(
        field
        for table in (ConfigFile, ModelEntry, EmbeddingsEntry, JudgeEntry, ProviderEntry, ZeEntry)
        for field in table.__struct_fields__
    )


NO_ADDRESS = {"sim": "on loopback, started on demand", "azure": "that of your resource"}


def test_the_providers_are_those_of_the_catalog() -> None:
    told = {
        codes(name)[0]: (address, codes(base_url_envs), codes(key_envs))
        for name, _, address, base_url_envs, key_envs in rows(DOCS["models"], "provider")
    }

    assert told == {
        info.name: (
            f"`{info.base_url}`" if info.base_url else NO_ADDRESS[info.name],
            list(info.base_url_envs),
            list(info.key_envs),
        )
        for info in CATALOG.values()
    }


@pytest.mark.parametrize(
    ("status", "row"),
    [
        (429, "429"),
        (503, "498, 503, 529"),
        (529, "498, 503, 529"),
        (498, "498, 503, 529"),
        (408, "408, 409, any other 5xx"),
        (409, "408, 409, any other 5xx"),
        (500, "408, 409, any other 5xx"),
        (502, "408, 409, any other 5xx"),
        (401, "401, 403"),
        (403, "401, 403"),
        (404, "404, 410"),
        (410, "404, 410"),
        (400, "any other 4xx"),
        (422, "any other 4xx"),
        (308, "3xx"),
    ],
)
def test_the_retries_are_those_of_the_providers(status: int, row: str) -> None:
    told = {failure: (codes(kind)[0], retried) for failure, kind, retried in rows(DOCS["running"], "failure")}

    failure = http_failure(HttpReply(status, {}, b""), Origin("http://host", "name", Key(None, "")))

    kind, retried = told[row]
    assert (kind, retried.startswith("yes")) == (failure.kind, failure.retryable)


MB = 1_000_000
LIMITS: dict[str, Callable[[], int]] = {
    "a scenario file": lambda: reading.MAX_BYTES,
    "mappings and lists inside each other": lambda: builder.MAX_DEPTH,
    "values of a file, with YAML aliases written out": lambda: builder.MAX_VALUES,
    "scenarios of a file, with its datasets": lambda: native.MAX_SCENARIOS,
    "a JSONL or CSV dataset": lambda: record_files._MOST_STREAMED,
    "a line of a JSONL dataset": lambda: record_files._MOST_IN_LINE,
    "a line or a cell of a CSV dataset": lambda: record_files._MOST_IN_LINE,
    "a JSON dataset": lambda: record_files._MOST_AT_ONCE,
    "text made by a file's templates": lambda: template.Budget()._most,
    "checks, tags, params and vars of `defaults`, counted for each scenario anew": lambda: draft.MOST_INHERITED,
    "runs of a session": lambda: MOST_RUNS,
    "a message": lambda: document._MESSAGE_LIMIT,
    "problems reported of a file": lambda: document._MOST_PROBLEMS,
}


def test_the_limits_are_those_of_the_loader() -> None:
    told = dict(rows(DOCS["scenario-files"], "what"))
    amounts = {what: int(re.sub(r"\D", "", most)) * (MB if most.endswith("MB") else 1) for what, most in told.items()}

    assert amounts == {what: limit() for what, limit in LIMITS.items()}


def test_the_public_names_are_those_that_are_exported() -> None:
    assert sorted(listed(DOCS["extending"], "name")) == sorted(pytest_benchmodels.__all__)


def test_the_fields_of_an_evaluation_are_those_that_it_has() -> None:
    assert listed(DOCS["extending"], "field") == [field.name for field in dataclasses.fields(Evaluation)]


def test_the_junit_properties_are_those_that_are_written() -> None:
    result = made("f.yaml::a[sim/steady]", "a", "sim/steady", 1, "passed", 0.0, 0.0)

    assert listed(DOCS["results"], "property") == [f"bench.{name}" for name in result_properties(result)]


def documented_fields() -> dict[str, list[str]]:
    """The fields that the tables of `--bench-json` name, by what they are fields of."""
    parts = re.split(
        r"^(?:Each of )?`(run|models|gates|comparison|results)`[:,].*\n",
        section(DOCS["results"], "--bench-json"),
        flags=re.MULTILINE,
    )
    return {
        part: [code for row in rows(text, "field") for code in codes(row[0])]
        for part, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_the_fields_of_bench_json_are_those_that_are_written(tmp_path: Path) -> None:
    tally = Tally()
    result = made("f.yaml::a[sim/steady]", "a", "sim/steady", 1, "passed", 0.0, 0.0)
    tally.add(result)
    figures, outcome = tally.figures(1), Outcome.of(result)
    evaluation = Evaluation(
        run=BenchRun(started_at=0.0, duration_s=0.0, version="0", concurrency=1, exit_status=0),
        figures=figures,
        gates=judge(parse_gate("pass_rate > 0"), Measured(tally.overall(), figures.models)),
        comparison=compare([outcome], [outcome]),
        baseline="run 1",
    )

    write_bench_json(tmp_path / "bench.json", evaluation, [result])

    written = msgspec.json.decode((tmp_path / "bench.json").read_bytes())
    first = {"run": written["run"], "comparison": written["comparison"]["models"][0]}
    first |= {name: written[name][0] for name in ("models", "gates", "results")}
    assert {name: sorted(names) for name, names in documented_fields().items()} == {
        name: sorted(entry) for name, entry in first.items()
    }
    names = {"baseline", "models", "models_only_before", "models_only_after", "changes"}
    assert set(written["comparison"]) == names


def test_the_keys_of_a_server_are_those_that_are_read() -> None:
    text = section(DOCS["extending"], "An MCP server's tools")

    assert sorted(listed(text, "key of `[mcp.NAME]`")) == sorted(ServerEntry.__struct_fields__)
