"""What a comparison tells beside the results: what else changed, and how much of both runs it stands on."""

from __future__ import annotations

import pytest

from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, broken, json_report, right, scenario, wrong

COMPARE = ("--bench-compare=-1", "--bench-json=b.json", "--bench-html=b.html", "--bench-markdown=b.md")


def model(project: Project, name: str = "steady", more: str = "") -> None:
    """The model `m` as it is now."""
    project.write("bench.toml", f'models = ["m"]\n[model.m]\nprovider = "sim"\nname = "{name}"\n{more}\n')


def test_what_else_changed_is_told_everywhere(project: Project, workers: tuple[str, ...]) -> None:
    model(project)
    project.suite(
        *(right(name) for name in ("same", "checks", "prompt", "params", "threshold", "limit", "trials", "gone")),
        models=[],
    )
    project.bench()
    model(project, "flaky")
    project.suite(
        right("same"),
        right("checks", checks=[{"contains": "4"}]),
        right("prompt", prompt="What is 3 + 1?"),
        right("params", params={"temperature": 0.5}),
        right("threshold", threshold=0.9),
        right("limit", timeout=99),
        right("trials", repeat=2),
        models=[],
    )
    project.suite(*(right(name) for name in ("same",)), name="other.yaml", models=[])

    outcome = project.bench(*COMPARE, *workers)

    told = [
        "1 scenario is judged by other checks: suite.yaml::checks",
        "1 scenario has another threshold: suite.yaml::threshold",
        "1 scenario has another prompt: suite.yaml::prompt",
        "1 scenario has other params: suite.yaml::params",
        "1 scenario has another time limit: suite.yaml::limit",
        "1 scenario has another number of trials: suite.yaml::trials",
        "7 scenarios ask for a model of another name: suite.yaml::checks, suite.yaml::limit, suite.yaml::params, ...",
        "another model was served for m: steady before, flaky now",
        "1 of 8 scenarios of the run before are not in this run",
        "1 of 8 scenarios of this run are not in the run before",
    ]
    said, page = outcome.stdout.str(), (project.path / "b.html").read_text("utf-8")
    markdown = (project.path / "b.md").read_text("utf-8")
    for line in told:
        assert f"\n  {line}\n" in said
        assert f"<li>{line}</li>" in page
        assert line.partition(":")[0] in markdown
    changes = json_report(project.path / "b.json")["comparison"]["changes"]
    assert changes["comparable"] is True
    assert changes["scenarios"]["checks"] == ["suite.yaml::checks"]
    assert changes["served_models"] == [{"model": "m", "before": ["steady"], "after": ["flaky"]}]


def test_where_nothing_else_changed_nothing_is_told(project: Project) -> None:
    project.suite(right("a"), wrong("b"))
    project.bench()
    said = project.bench(*COMPARE).stdout.str()
    assert "what else changed" not in said
    assert "cannot be compared" not in said


def status(monkeypatch: pytest.MonkeyPatch, project: Project, before: str = "-2", after: str = "-1") -> int:
    monkeypatch.chdir(project.path)
    return main(["compare", before, after])


def test_a_run_that_cannot_be_compared_is_not_without_a_regression(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"s{number}" for number in range(20)]
    project.suite(*map(right, names))
    project.bench()
    project.suite(*map(broken, names))
    outcome = project.bench(*COMPARE)
    told = "sim/steady cannot be compared: 0 of 20 scenarios have a verdict in both runs"
    outcome.stdout.fnmatch_lines([told])
    assert told in (project.path / "b.html").read_text("utf-8")
    assert json_report(project.path / "b.json")["comparison"]["changes"]["comparable"] is False
    capsys.readouterr()
    assert status(monkeypatch, project) == 1
    assert told in capsys.readouterr().out
    assert status(monkeypatch, project, after="b.json") == 1

    project.suite(*map(right, names[1:]), broken(names[0]))
    project.bench()
    assert status(monkeypatch, project, "-3") == 0  # 19 of 20 are enough


def test_what_the_budget_or_x_kept_from_a_verdict_was_to_be_run(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model(project, more="price = {input = 1000000, output = 0}")
    project.suite(*(scenario(f"s{number}", {"accuracy": 0}) for number in range(10)), models=[])
    project.bench()
    project.bench("--bench-budget=0.5", "--bench-concurrency=1")
    capsys.readouterr()
    assert status(monkeypatch, project) == 1
    assert "m cannot be compared: 1 of 10 scenarios has a verdict in both runs" in capsys.readouterr().out
    project.bench("-x", "--bench-concurrency=1", "--bench-json=stopped.json")
    for stopped in ("-1", "stopped.json"):
        capsys.readouterr()
        assert status(monkeypatch, project, "-3", stopped) == 1
        assert "m cannot be compared: " in capsys.readouterr().out


def test_a_part_of_a_suite_is_compared_as_far_as_it_goes(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.suite(*(right(f"s{number}") for number in range(6)))
    project.bench()
    project.bench("--bench-shard=1/2")
    capsys.readouterr()
    assert status(monkeypatch, project) == 0
    assert "3 of 6 scenarios of the run before are not in this run, which is shard 1/2\n" in capsys.readouterr().out
    project.bench("--bench-shard=2/2")
    capsys.readouterr()
    assert status(monkeypatch, project) == 1
    assert "sim/steady cannot be compared: the two runs share no scenario of it" in capsys.readouterr().out
