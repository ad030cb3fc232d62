"""--bench-gate: a rule over all results decides the exit status, in place of single results."""

from __future__ import annotations

import signal

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, broken, hanging, json_report, junit_cases, properties, right, wrong
from tests.plugin.plugin_store import end_after, session

HOLDS, FAILS = "pass_rate >= 0.5", "pass_rate >= 90%"


@pytest.mark.parametrize(
    ("gates", "status"),
    [
        ((HOLDS, "graded > 60%"), pytest.ExitCode.OK),
        ((FAILS,), pytest.ExitCode.TESTS_FAILED),
        ((HOLDS, FAILS), pytest.ExitCode.TESTS_FAILED),
        ((HOLDS, "error_rate < 50% @ sim/steady", "graded >= 0"), pytest.ExitCode.OK),
        (("error_rate == 0 @ *",), pytest.ExitCode.TESTS_FAILED),
    ],
    ids=lambda value: " and ".join(value) if isinstance(value, tuple) else "",
)
def test_gates_decide_the_exit_status(project: Project, gates: tuple[str, ...], status: pytest.ExitCode) -> None:
    project.suite(right("a"), wrong("b"), broken("c"))

    assert project.bench(*(f"--bench-gate={gate}" for gate in gates)).ret == status


def test_without_a_gate_single_results_decide(project: Project) -> None:
    project.suite(right("a"), wrong("b"))

    assert project.bench().ret == pytest.ExitCode.TESTS_FAILED


def test_other_tests_that_fail_still_count(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("a"), wrong("b"))
    project.write("test_ordinary.py", "def test_fails(): assert False\n")

    assert project.bench(f"--bench-gate={HOLDS}", *workers).ret == pytest.ExitCode.TESTS_FAILED


def test_a_file_that_cannot_be_read_still_counts(project: Project) -> None:
    project.suite(right("a"), wrong("b"))
    project.write("bad.yaml", "scenarios: 3\n")

    assert project.bench(f"--bench-gate={HOLDS}").ret == pytest.ExitCode.TESTS_FAILED


def test_each_verdict_is_in_the_terminal_in_junit_and_in_json(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("a"), right("b"), wrong("c"), models=["sim/steady", "sim/flaky"])
    each = "pass_rate >= 60% @ *"

    result = project.bench(
        f"--bench-gate={each}", f"--bench-gate={FAILS}", "--junitxml=j.xml", "--bench-json=b.json", *workers
    )

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    failed = f"gate failed {FAILS}: 0.667 (4/6), over 6 of 6 runs"
    result.stdout.fnmatch_lines(
        [
            "*- gates -*",
            f"gate held   {each} (sim/flaky): 0.667 (2/3), over 3 of 3 runs",
            f"gate held   {each} (sim/steady): 0.667 (2/3), over 3 of 3 runs",
            failed,
            "gate held   graded >= 95% @ [*] (sim/flaky): 1.000 (3/3), the share of runs with a verdict",
            "gate held   graded >= 95% @ [*] (sim/steady): 1.000 (3/3), the share of runs with a verdict",
            "*= benchmark summary =*",
        ]
    )
    cases = junit_cases(project.path / "j.xml")
    assert len(cases) == 6 + 5
    failure = cases[FAILS].find("failure")
    assert failure is not None
    assert failed in (failure.text or "")
    assert properties(cases[f"{each} (sim/flaky)"]) == {
        "bench.gate": f"gate held   {each} (sim/flaky): 0.667 (2/3), over 3 of 3 runs"
    }
    verdicts = json_report(project.path / "b.json")["gates"]
    assert [(verdict["gate"], verdict["model"], verdict["held"]) for verdict in verdicts] == [
        (each, "sim/flaky", True),
        (each, "sim/steady", True),
        (FAILS, None, False),
        ("graded >= 95% @ *", "sim/flaky", True),
        ("graded >= 95% @ *", "sim/steady", True),
    ]
    assert (verdicts[2]["value"], verdicts[2]["required"]) == (pytest.approx(2 / 3), 0.9)


def test_the_configuration_names_gates_too(project: Project) -> None:
    project.write("bench.toml", f'gate = ["{FAILS}", "error_rate == 0"]\n')
    project.suite(right("a"), wrong("b"))

    result = project.bench(f"--bench-gate={HOLDS}")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            f"gate failed {FAILS}: 0.500 (1/2), over 2 of 2 runs",
            "gate held   error_rate == 0: 0.000 (0/2), over 2 of 2 runs",
            f"gate held   {HOLDS}: 0.500 (1/2), over 2 of 2 runs",
        ]
    )


def test_all_that_are_no_gates_are_refused_before_anything_runs(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.write("bench.toml", (project.path / "bench.toml").read_text().replace("\n[", 'gate = ["speed > 3"]\n[', 1))
    project.suite(right("a"), models=["watched"])

    result = project.bench("--bench-gate=pass_rate >= 120%")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: gate 'speed > 3', column 1: expected a metric (*); found 'speed'",
            "*gate 'pass_rate >= 120%', column 14: expected a share from 0 to 1*; found '120%'",
        ]
    )
    assert sim.stats() == {}


NEEDS_BASELINE = "pass_rate >= baseline - 0.02"
NAMES_ANOTHER = "error_rate == 0 @ sim/stedy"


def write_gate(project: Project, gate: str, place: str) -> tuple[str, ...]:
    """Let the command line or bench.toml name the gate; returns the arguments that this takes."""
    if place == "option":
        return (f"--bench-gate={gate}",)
    config = project.path / "bench.toml"
    project.write("bench.toml", f'gate = ["{gate}"]\n{config.read_text() if config.exists() else ""}')
    return ()


@pytest.mark.parametrize(
    ("place", "arguments"), [("option", ()), ("bench.toml", ()), ("option", ("-n2",))], ids=["option", "toml", "n2"]
)
@pytest.mark.parametrize(
    "refusal",
    [
        f"{NEEDS_BASELINE!r}: there is no baseline; name one with --bench-compare RUN",
        (
            "'score > 0 @ watchd': 'watchd' does not run in this session; did you mean 'watched'?; "
            "name one of watched, sim/steady"
        ),
    ],
    ids=["baseline", "model"],
)
def test_what_can_never_be_judged_is_refused_before_the_first_call(
    project: Project, sim: SimServer, refusal: str, place: str, arguments: tuple[str, ...]
) -> None:
    project.watch(sim.url)
    project.suite(right("a"), models=["watched", "sim/steady"])

    result = project.bench(*write_gate(project, refusal.split("'")[1], place), *arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in result.errlines if line.startswith("ERROR")] == [f"ERROR: gate {refusal}"]
    assert sim.stats() == {}


def test_a_scheduler_of_xdists_own_hears_of_it_too(project: Project) -> None:
    project.suite(right("a"))

    result = project.bench(f"--bench-gate={NAMES_ANOTHER}", "-n2", "--dist=loadfile")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: gate '{NAMES_ANOTHER}': 'sim/stedy' does not run in this session*"])


def test_a_baseline_that_lacks_the_model_is_refused_before_the_first_call(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.suite(right("a"))
    project.bench()

    gate = "score >= baseline @ *"
    result = project.bench("--bench-compare=latest", f"--bench-gate={gate}", "--bench-models=watched")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    fault = "no baseline: 'watched' did not run in the baseline; compare with a run that has it"
    result.stderr.fnmatch_lines([f"ERROR: gate '{gate}': {fault}".replace("*", "[*]")])
    assert sim.stats() == {}


@pytest.mark.parametrize("pick", [("-k", "a"), ("suite.yaml::a[sim/steady]",), ("--bench-shard=1/2",)])
def test_who_picks_some_runs_may_leave_out_a_model(project: Project, pick: tuple[str, ...]) -> None:
    project.suite(right("a"))
    write_gate(project, NAMES_ANOTHER, "bench.toml")

    result = project.bench(*pick)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"gate failed {NAMES_ANOTHER}: cannot be judged: 'sim/stedy' did not run *"])


@pytest.mark.parametrize("gate", [NEEDS_BASELINE, NAMES_ANOTHER])
def test_to_collect_alone_needs_nothing_of_what_gates_need(project: Project, gate: str) -> None:
    project.suite(right("a"))

    assert project.bench(f"--bench-gate={gate}", "--collect-only").ret == pytest.ExitCode.OK


def test_where_no_run_is_collected_no_gate_is_asked(project: Project) -> None:
    project.write("test_ordinary.py", "def test_one(): pass\n")

    assert project.bench(f"--bench-gate={NAMES_ANOTHER}").ret == pytest.ExitCode.OK


def test_an_interrupted_session_is_not_judged(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("a"), hanging("b", timeout=60))

    process = session(project, f"--bench-gate={HOLDS}", *workers)
    said = end_after(process, 1, signal.SIGINT)

    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert "gate held" not in said


def test_a_gate_may_hold_a_run_against_another(project: Project) -> None:
    project.suite(right("a"), right("b"))
    project.bench()
    project.suite(right("a"), wrong("b"))
    gate = "--bench-gate=pass_rate >= baseline - {}"

    result = project.bench("--bench-compare=latest", gate.format("20%"), gate.format("0.5"))

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "gate failed pass_rate >= baseline - 20%: 0.500 (1/2), baseline 1.000, required 0.800, over 2 of 2 runs",
            "gate held   pass_rate >= baseline - 0.5: 0.500 (1/2), baseline 1.000, required 0.500, over 2 of 2 runs",
        ]
    )


def test_gates_judge_what_was_taken_over_as_well(project: Project, sim: SimServer) -> None:
    project.watch(sim.url)
    project.suite(right("a"), wrong("b"), models=["watched"])
    project.bench()

    result = project.bench("--bench-regrade", "--bench-gate=pass_rate == 50%")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["gate held   pass_rate == 50%: 0.500 (1/2), over 2 of 2 runs"])
