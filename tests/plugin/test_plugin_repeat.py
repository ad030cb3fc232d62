"""--bench-repeat and a scenario's own `repeat`."""

from __future__ import annotations

from tests.plugin.plugin_parts import Project, right, scenario


def listed(project: Project, *arguments: str) -> list[str]:
    return [line for line in project.bench("--collect-only", "-q", *arguments).outlines if "::" in line]


def test_each_trial_is_an_item(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("add"), models=["sim/steady", "sim/flaky"])

    result = project.bench("--bench-repeat=3", *workers)

    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 6}
    result.stdout.fnmatch_lines(["1 scenario x 2 models x 3 trials = 6 runs in *"])


def test_trials_are_numbered_where_there_are_several(project: Project) -> None:
    project.suite(right("add"), right("twice", repeat=2))

    assert listed(project) == [
        "suite.yaml::add[sim/steady]",
        "suite.yaml::twice[sim/steady#1]",
        "suite.yaml::twice[sim/steady#2]",
    ]


def test_the_option_wins_over_the_scenario(project: Project) -> None:
    project.suite(right("twice", repeat=2))

    assert listed(project, "--bench-repeat=1") == ["suite.yaml::twice[sim/steady]"]


def test_one_trial_can_be_named(project: Project) -> None:
    project.suite(right("add"))

    assert project.bench("--bench-repeat=3", "suite.yaml::add[sim/steady#2]").parseoutcomes() == {"passed": 1}


def test_trials_are_asked_anew(project: Project) -> None:
    """A model that is right half of the time is not right or wrong in all trials alike."""
    project.suite(scenario("coin", {"accuracy": 0.5}))

    outcomes = project.bench("--bench-repeat=20").parseoutcomes()

    assert outcomes["passed"] + outcomes["failed"] == 20
    assert min(outcomes.values()) > 0
