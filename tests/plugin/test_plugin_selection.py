"""pytest's own ways to choose items, and to do without plugins, work with runs."""

from __future__ import annotations

import re

import pytest

from tests.plugin.plugin_parts import Project, by_both, hanging, right, scenario, wrong

TWO = ("sim/steady", "sim/flaky")


def chosen(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::" in line]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("-k", "steady and add"), ["s.yaml::add[sim/steady]"]),
        (("-k", "not steady"), ["s.yaml::add[sim/flaky]", "s.yaml::capital[sim/flaky]"]),
        (("-m", "smoke"), ["s.yaml::capital[sim/steady]", "s.yaml::capital[sim/flaky]"]),
        (("-m", "not smoke", "--strict-markers"), ["s.yaml::add[sim/steady]", "s.yaml::add[sim/flaky]"]),
        (("-m", "smoke", "--strict"), ["s.yaml::capital[sim/steady]", "s.yaml::capital[sim/flaky]"]),
        (("s.yaml::add[sim/flaky]",), ["s.yaml::add[sim/flaky]"]),
        (("s.yaml::add",), ["s.yaml::add[sim/steady]", "s.yaml::add[sim/flaky]"]),
        (("--deselect", "s.yaml::add", "-k", "steady"), ["s.yaml::capital[sim/steady]"]),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, tuple) else "",
)
def test_a_choice_is_obeyed(project: Project, arguments: tuple[str, ...], expected: list[str]) -> None:
    project.suite(right("add"), right("capital", tags=["smoke", "geography"]), name="s.yaml", models=TWO)

    result = project.bench("--collect-only", "-q", *arguments)

    assert result.ret == 0
    assert chosen(result) == expected


CHOICES: list[tuple[tuple[str, ...], dict[str, int]]] = [
    (("-k", "bad"), {"failed": 1, "deselected": 3}),
    (("-k", "not bad and not test_one"), {"passed": 2, "deselected": 2}),
    (("--deselect", "s.yaml::bad[sim/steady]"), {"passed": 3, "deselected": 1}),
    (("--deselect", "s.yaml"), {"passed": 1, "deselected": 3}),
    (("--ff",), {"failed": 1, "passed": 3}),
    (("--lf", "--lfnf=none"), {"failed": 1}),
    (("--nf",), {"failed": 1, "passed": 3}),
    (("--maxfail=9",), {"failed": 1, "passed": 3}),
    (("--sw", "--sw-skip"), {"failed": 1, "passed": 3}),
    # Of items that are left out, each worker knows for itself.
    (("-k", "bad", "-n2"), {"failed": 1}),
    (("--deselect", "s.yaml::bad[sim/steady]", "--ff", "-n2"), {"passed": 3}),
    (("--sw", "--sw-skip", "-n2"), {"failed": 1, "passed": 3}),
]


@pytest.mark.parametrize(("arguments", "expected"), CHOICES, ids=["_".join(arguments) for arguments, _ in CHOICES])
def test_a_choice_is_run_and_nothing_else(
    project: Project, arguments: tuple[str, ...], expected: dict[str, int]
) -> None:
    project.suite(right("good"), right("other"), wrong("bad"), name="s.yaml")
    project.write("test_ordinary.py", "def test_one(): pass\n")
    project.write(".pytest_cache/v/cache/lastfailed", '{"s.yaml::bad[sim/steady]": true}')

    result = project.bench("--bench-json=b.json", *arguments)

    assert result.parseoutcomes() == expected
    assert result.ret == (pytest.ExitCode.TESTS_FAILED if "failed" in expected else 0)
    result.stdout.no_fnmatch_line("*without a result*")


@by_both("named", "s.yaml::add", "s.yaml::add[sim/steady]")
def test_node_ids_are_run(project: Project, workers: tuple[str, ...], named: str) -> None:
    project.suite(right("add"), wrong("other"), name="s.yaml")

    result = project.bench(named, *workers)

    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 1}


def test_a_node_id_that_is_not_there_is_a_usage_error(project: Project) -> None:
    project.suite(right("add"), name="s.yaml")

    result = project.bench("s.yaml::ad")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: not found: *s.yaml::ad"])


def test_collecting_only_calls_no_model_and_needs_no_key(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("add"), name="s.yaml", models=["openai/gpt-4o-mini"])

    result = project.bench("--collect-only", "-q", *workers)

    assert result.ret == 0
    assert chosen(result) == ["s.yaml::add[openai/gpt-4o-mini]"]


@pytest.mark.parametrize("option", ["--setup-only", "--setup-plan"])
def test_showing_setups_calls_no_model(project: Project, option: str) -> None:
    project.suite(hanging("never", timeout=None), name="s.yaml")

    result = project.bench(option)

    assert result.ret == 0
    result.stdout.no_fnmatch_line("*benchmark summary*")


def test_the_last_failures_are_run_again(project: Project) -> None:
    project.suite(right("good"), wrong("bad"), name="s.yaml")
    project.write("test_ordinary.py", "def test_one(): pass\n")
    first = project.bench()

    again = project.bench("--lf")

    assert first.parseoutcomes() == {"passed": 2, "failed": 1}
    assert again.parseoutcomes() == {"failed": 1}
    assert again.ret == pytest.ExitCode.TESTS_FAILED
    again.stdout.fnmatch_lines(["FAILED s.yaml::bad[[]sim/steady[]]*"])


def test_failures_go_first_where_asked(project: Project) -> None:
    project.suite(right("good"), wrong("bad"), name="s.yaml")
    project.bench()

    result = project.bench("--ff", "--collect-only", "-q")

    assert chosen(result) == ["s.yaml::bad[sim/steady]", "s.yaml::good[sim/steady]"]


def test_stepwise_stops_at_a_failure_and_goes_on_from_there(project: Project) -> None:
    project.write("test_ordinary.py", "def test_one(): pass\n")
    project.suite(wrong("bad"), name="x.yaml")

    first, second = project.bench("--sw"), project.bench("--sw")

    assert first.ret == second.ret == pytest.ExitCode.INTERRUPTED
    assert first.parseoutcomes() == {"passed": 1, "failed": 1}
    assert second.parseoutcomes() == {"failed": 1, "deselected": 1}


@by_both("option, failures", ("-x", 1), ("--maxfail=2", 2))
def test_enough_failures_stop_the_session(
    project: Project, workers: tuple[str, ...], option: str, failures: int
) -> None:
    """The runs that hang would last for minutes, in each worker: the session must not wait for them."""
    bad = [wrong(f"bad-{number}") for number in range(failures)]
    hang = [hanging(f"hang-{number}", timeout=None) for number in range(6)]
    project.suite(*hang[:3], *bad, *hang[3:], name="s.yaml")

    result = project.bench(option, "--bench-concurrency=8", *workers)

    assert result.ret == (pytest.ExitCode.INTERRUPTED if workers else pytest.ExitCode.TESTS_FAILED)
    assert result.parseoutcomes() == {"failed": failures}
    early = f"stopped early: 6 of {failures + 6} runs have no result here*"
    result.stdout.fnmatch_lines([early, f"*stopping after {failures} failures*"])


@pytest.mark.parametrize("plugin", ["cacheprovider", "timeout", "pytest_jsonreport", "terminal"])
def test_workers_do_without_another_plugin_too(project: Project, plugin: str) -> None:
    project.suite(right("add"), wrong("bad"), name="s.yaml")

    result = project.bench("-p", f"no:{plugin}", "-n2", "--bench-json=out.json")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert (project.path / "out.json").exists()


def test_durations_are_what_the_runs_took(project: Project) -> None:
    """Not the moment in which pytest picked each of them up."""
    project.suite(right("quick"), hanging("slow", timeout=0.3), name="s.yaml")

    result = project.bench("--durations=0", "-vv")

    shown = re.findall(r"^([\d.]+)s call +s\.yaml::(\w+)\[", result.stdout.str(), re.MULTILINE)
    taken_s = {name: float(seconds) for seconds, name in shown}
    assert taken_s.keys() == {"quick", "slow"}
    assert taken_s["quick"] > 0
    assert taken_s["slow"] >= 0.3


def test_stepwise_counts_nothing_as_passed_that_has_not_ended(project: Project) -> None:
    """A fast failure does not overtake a slow run that stands before it."""
    project.suite(scenario("slow", {"latency": 0.3, "sigma": 0}), wrong("bad"), right("last"))

    first, second = project.bench("--sw"), project.bench("--sw")

    assert first.parseoutcomes() == {"passed": 1, "failed": 1}
    assert second.parseoutcomes() == {"failed": 1, "deselected": 1}
