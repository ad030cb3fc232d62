"""--bench-models, what it wins over, and names and keys that cannot be."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, right


def test_it_wins_over_files_and_config(project: Project) -> None:
    project.write("bench.toml", 'models = ["sim/slow"]\n')
    project.suite(right("add", models=["sim/hang"]), models=["sim/hang"])

    result = project.bench("--bench-models", "sim/steady, sim/flaky", "--bench-models=sim/steady")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["1 scenario x 2 models = 2 runs in *"])


@pytest.mark.parametrize(
    ("scenario", "defaults", "config", "expected"),
    [
        (["sim/steady"], ["sim/hang"], '["sim/slow"]', "sim/steady"),
        (None, ["sim/hang"], '["sim/slow"]', "sim/hang"),
        (None, (), '["sim/slow"]', "sim/slow"),
    ],
)
def test_the_nearest_name_wins(
    project: Project, scenario: list[str] | None, defaults: list[str], config: str, expected: str
) -> None:
    project.write("bench.toml", f"models = {config}\n")
    project.suite(right("add", **({} if scenario is None else {"models": scenario})), models=defaults)

    result = project.bench("--collect-only", "-q")

    assert [line for line in result.outlines if "::" in line] == [f"suite.yaml::add[{expected}]"]


def test_no_model_is_a_usage_error_that_says_how_to_name_one(project: Project) -> None:
    project.suite(right("add"), models=())

    result = project.bench()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = "*ERROR: no model is named: give --bench-models sim/steady, or `models: [[]...[]]` in the scenario *"
    result.stderr.fnmatch_lines([f"{said} in bench.toml ({project.path} has none)"])
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_an_unknown_model_is_a_usage_error(project: Project) -> None:
    project.suite(right("add"))

    result = project.bench("--bench-models=opnai/gpt-4o")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: unknown model 'opnai/gpt-4o'; did you mean 'openai'?*"])
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_an_unknown_model_of_a_file_names_a_run_that_wants_it(project: Project) -> None:
    project.suite(right("a"), right("b", models=["sim/steady", "nope/x"]), name="deep/suite.yaml")

    result = project.bench()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: unknown model 'nope/x'* (wanted by deep/suite.yaml::b[[]nope/x])"])


def test_an_unknown_model_is_one_for_a_plan_too(project: Project) -> None:
    project.suite(right("a"))

    result = project.bench("--bench-plan", "--bench-models=nope/x")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: unknown model 'nope/x'*"])


def test_an_unknown_simulated_model_is_a_usage_error(project: Project) -> None:
    project.suite(right("add"))

    result = project.bench("--bench-models=sim/steady,sim/stedy")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: unknown model 'sim/stedy'; did you mean 'steady'?; simulated are *"])
    assert result.parseoutcomes() == {}


def test_a_key_that_cannot_be_sent_is_a_usage_error_before_the_first_call(
    project: Project, sim: SimServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "sk-two\nlines")
    project.watch(sim.url, "keyed", provider="openai", api_key_env="A_KEY")
    project.suite(right("add"))

    result = project.bench("--bench-models=keyed")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: no API key for keyed: the environment variable A_KEY holds characters that no key has (*"]
    )
    assert sim.stats() == {}
    assert "sk-two" not in result.stdout.str() + result.stderr.str()


def test_missing_keys_are_one_usage_error_before_the_first_call(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.watch(sim.url)
    project.suite(*(right(f"add-{number}") for number in range(3)))

    result = project.bench("--bench-models=watched,openai/gpt-4o,anthropic/claude-haiku-4-5", *workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    errors = [line for line in result.errlines if line.startswith("ERROR: ")]
    assert errors == [
        "ERROR: no API key for openai/gpt-4o: set the environment variable OPENAI_API_KEY",
        "ERROR: no API key for anthropic/claude-haiku-4-5: set the environment variable ANTHROPIC_API_KEY",
    ]
    assert sim.stats() == {}
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_models_that_nothing_runs_need_no_key(project: Project) -> None:
    project.suite(right("add"), models=["sim/steady", "openai/gpt-4o"])

    assert project.bench("-k", "steady").ret == 0
