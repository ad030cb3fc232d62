"""Which reports there are, and how one of a user's own gets to its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.reports.bench_json import BenchRun, Evaluation
from pytest_benchmodels.reports.own_report import BUILTIN, find_reports
from pytest_benchmodels.statistics.metrics import Tally
from tests.core.made_results import made

RESULT = made("a.yaml::a[m]", "a", "m", 1, "passed", started_at=1.0, duration_s=1.0)
EVALUATION = Evaluation(BenchRun(0.0, 1.0, "1", 1, 0), Tally().figures(1), results=lambda: [RESULT])


def write(given: object, path: Path) -> None:
    find_reports(["mine"], [{"mine": given}])["mine"](path, "--bench-report mine", EVALUATION)


@pytest.mark.parametrize("name", BUILTIN)
def test_each_of_ours_writes_a_file_with_the_results(name: str, tmp_path: Path) -> None:
    BUILTIN[name](tmp_path / "r", f"--bench-{name}", EVALUATION)

    text = (tmp_path / "r").read_text(encoding="utf-8")
    wanted = {"json": '"a.yaml::a[m]"', "html": "a.yaml", "markdown": "## Benchmark", "junitxml": 'name="a[m]"'}
    assert {**wanted, "ze-json": '"scenario": "a"'}[name] in text


def test_a_function_a_class_and_an_object_are_reports(tmp_path: Path) -> None:
    class Report:
        def write(self, path: Path, evaluation: Evaluation) -> None:
            path.write_text("".join(result.scenario for result in evaluation.results()))

    for number, given in enumerate((Report, Report(), Report().write)):
        write(given, tmp_path / str(number))
        assert (tmp_path / str(number)).read_text() == "a"


def test_what_was_there_may_be_added_to_and_stays_if_that_fails(tmp_path: Path) -> None:
    target, link = tmp_path / "deep" / "history", tmp_path / "link"

    def add(path: Path, _: Evaluation) -> None:
        with path.open("a") as file:
            file.write("x")

    def add_and_fail(path: Path, _: Evaluation) -> None:
        add(path, _)
        raise OSError("no space left")

    link.symlink_to(target)
    for path in (target, target, link):
        write(add, path)
    with pytest.raises(ConfigError, match=r"the report 'mine' crashed: OSError: no space left \(.*test_.*\.py:\d+\)$"):
        write(add_and_fail, target)

    assert target.read_text() == "xxx"
    assert link.is_symlink()
    assert [path.name for path in target.parent.iterdir()] == ["history"]


def test_what_it_writes_beside_comes_along(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "old").touch()

    def with_parts(path: Path, _: Evaluation) -> None:
        path.touch()
        path.with_suffix(".css").touch()
        (path.parent / "parts").mkdir()
        (path.parent / "parts" / "new").touch()

    write(with_parts, tmp_path / "r.html")

    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        *("parts", "parts/new", "parts/old", "r.css", "r.html"),
    ]


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write(lambda path, _: path.write_text("x"), pipe)
        assert os.read(reader, 10) == b"x"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_damaged_store_is_told_as_such(tmp_path: Path) -> None:
    def damaged() -> list[Result]:
        raise ConfigError("the store is damaged")

    evaluation = Evaluation(EVALUATION.run, EVALUATION.figures, results=damaged)
    report = find_reports(["mine"], [{"mine": lambda _, given: given.results()}])["mine"]
    with pytest.raises(ConfigError, match=r"^the store is damaged$"):
        report(tmp_path / "r", "--report mine", evaluation)


def test_an_interrupt_is_the_users(tmp_path: Path) -> None:
    def interrupted(path: Path, _: Evaluation) -> None:
        path.touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(interrupted, tmp_path / "r")
    assert list(tmp_path.iterdir()) == []


async def waits(path: Path, evaluation: Evaluation) -> None:
    raise NotImplementedError


class Lacking:
    def __init__(self, needed: int) -> None:
        self.needed = needed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "the report 'mine' is 3: a report is a function"),
        (waits, "the report 'mine' is asynchronous"),
        (Lacking, "the report 'mine' cannot be made: TypeError: "),
        (len, "the report 'mine' cannot be called so"),
    ],
)
def test_what_is_no_report_is_refused(given: object, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_reports(["mine"], [{"mine": given}])
    assert said in str(caught.value)


def test_names_are_each_ones_own() -> None:
    for found in ([{"html": print}], [{"mine": print}, {"mine": print}], [{"a b": print}], [{3: print}], [["mine"]]):
        with pytest.raises(ConfigError, match="pytest_bench_reports"):
            find_reports(["mine"], found)
    with pytest.raises(ConfigError, match="there is no report 'mina'; did you mean 'mine'"):
        find_reports(["mina"], [{"mine": print}])
