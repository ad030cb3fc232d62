"""What runs took last time, in pytest's cache."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_benchmodels.plugin.session.report_files import KEY, read_durations, write_durations
from tests.plugin.plugin_parts import Project, right

CACHED = f".pytest_cache/v/{KEY}"


@pytest.fixture
def config(pytester: pytest.Pytester) -> pytest.Config:
    return pytester.parseconfigure()


def test_what_was_written_is_read(config: pytest.Config) -> None:
    write_durations(config, {"s.yaml::a[m]": 1.5, "s.yaml::b[m]": 2})

    assert read_durations(config) == {"s.yaml::a[m]": 1.5, "s.yaml::b[m]": 2}


def test_a_session_replaces_its_own_runs_and_keeps_the_others(config: pytest.Config) -> None:
    write_durations(config, {"a": 1.0, "b": 2.0})
    write_durations(config, {"b": 3.0, "c": 4.0})

    assert read_durations(config) == {"a": 1.0, "b": 3.0, "c": 4.0}


def test_a_session_without_runs_writes_nothing(config: pytest.Config) -> None:
    write_durations(config, {})

    assert not (config.rootpath / CACHED).exists()


def test_no_more_than_a_hundred_thousand_are_kept_the_latest_last(config: pytest.Config) -> None:
    write_durations(config, {f"old-{number}": 1.0 for number in range(100_000)})
    write_durations(config, {"new": 2.0})

    kept = read_durations(config)
    assert len(kept) == 100_000
    assert kept["new"] == 2.0
    assert "old-0" not in kept


@pytest.mark.parametrize("damaged", ["", "{", "[1, 2]", '"text"', "null", "\x00\x01"])
def test_a_damaged_cache_knows_nothing(config: pytest.Config, damaged: str) -> None:
    write_durations(config, {"a": 1.0})
    (config.rootpath / CACHED).write_text(damaged, encoding="utf-8")

    assert read_durations(config) == {}


def test_entries_that_are_no_seconds_are_left_out(config: pytest.Config) -> None:
    write_durations(config, {"a": 1.0})
    entries = {"a": 1.0, "text": "slow", "none": None, "list": [1], "mapping": {}}
    (config.rootpath / CACHED).write_text(json.dumps(entries), encoding="utf-8")

    assert read_durations(config) == {"a": 1.0}


def test_without_the_cache_plugin_nothing_is_known_and_nothing_kept(pytester: pytest.Pytester) -> None:
    config = pytester.parseconfigure("-p", "no:cacheprovider")

    write_durations(config, {"a": 1.0})

    assert read_durations(config) == {}
    assert not Path(pytester.path, ".pytest_cache").exists()


def test_a_cache_that_cannot_be_written_costs_no_result(project: Project) -> None:
    project.suite(right("add"))
    project.write(".pytest_cache/v/benchmodels", "a file where a folder would have to be")

    result = project.bench()

    assert result.ret == 0
    result.stdout.fnmatch_lines(["1 scenario x 1 model = 1 run in *"])


def test_a_session_keeps_what_its_runs_took_and_starts_with_the_longest(
    project: Project, workers: tuple[str, ...]
) -> None:
    names = ("early", "middle", "late")
    known = {f"suite.yaml::{name}[sim/steady]": float(3 * number) for number, name in enumerate(names, 1)}
    project.suite(*map(right, names), right("not", skip="not today"))
    project.bench(*workers)

    taken = json.loads((project.path / CACHED).read_text(encoding="utf-8"))
    assert taken.keys() == known.keys()
    assert all(0 < seconds < 60 for seconds in taken.values())
    (project.path / CACHED).write_text(json.dumps(known), encoding="utf-8")
    again = project.bench("--bench-concurrency=1", "-v", *workers)

    passed = [re.search("early|middle|late", line) for line in again.outlines if "PASSED" in line]
    assert [found and found[0] for found in passed] == ["late", "middle", "early"]


@pytest.mark.parametrize("entry", ['{"suite.yaml::add[sim/steady]": NaN}', '{"suite.yaml::add[sim/steady]": 1e999}'])
def test_durations_that_are_no_numbers_disturb_no_session(project: Project, entry: str) -> None:
    project.suite(right("add"), right("more"))
    project.bench()
    (project.path / CACHED).write_text(entry, encoding="utf-8")

    assert project.bench().parseoutcomes() == {"passed": 2}
    assert project.bench("--bench-shard=1/2").ret in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
