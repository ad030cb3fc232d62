"""Checks that need a package of an extra: in a session with it, and where it is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, right, scenario
from tests.plugin.plugin_results import JSON, results, seen_by

MEASURES: list[dict[str, object]] = [
    {"rouge_l": "The cat sat on the mat."},
    {"bleu": "The cat sat on the mat."},
    {"chrf": "The cat sat on the mat."},
]
PACKAGES = [
    ("bleu", "sacrebleu", "text"),
    ("chrf", "sacrebleu", "text"),
    ("math_equal", "math_verify", "math"),
    ("language", "py3langid", "language"),
]


def said(text: str) -> dict[str, object]:
    return {"params": {"sim": {"text": text}}}


def test_scores_are_those_of_the_measures(project: Project, workers: tuple[str, ...]) -> None:
    near, far = said("The cat sat on a mat."), said("Dogs bark.")
    project.suite(
        scenario("told", checks=MEASURES),
        scenario("near", checks=MEASURES, **near),  # type: ignore[arg-type] # keys of a scenario
        scenario("far", checks=MEASURES, **far),  # type: ignore[arg-type] # as above
    )

    project.bench(JSON, *workers).assert_outcomes(passed=2, failed=1)

    scores = {name: [round(check["score"], 3) for check in ended["checks"]] for name, ended in results(project).items()}
    assert scores["told[sim/steady]"] == [1, 1, 1], "a simulated model knows the reference"
    assert scores["near[sim/steady]"] == [0.833, 0.489, 0.658]
    assert max(scores["far[sim/steady]"]) < 0.1


MATHEMATICS = """\
defaults: {models: [watched]}
scenarios:
  - {id: sound, prompt: Hi, checks: [{math_equal: '(x+1)(x-1)'}]}
  - id: broken
    prompt: Hi
    checks:
      - any_of:
          - math_equal: (x+1
  - {id: data, prompt: Hi, dataset: data.jsonl, checks: [{math_equal: '{{ value }}'}]}
"""


def test_mathematics_that_nobody_can_read_are_told_before_the_first_call(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    project.watch(sim.url, "watched")
    project.write("data.jsonl", '{"value": "(1"}\n')
    project.write(
        "suite.yaml",
        MATHEMATICS,
    )

    result = project.bench(*workers)

    result.assert_outcomes(errors=1)
    (told,) = (line for line in result.outlines if line.startswith("suite.yaml:"))
    assert told.startswith(
        "suite.yaml:8: check 'math_equal': math_equal '(x+1' is no mathematical expression: write it in"
    )
    assert seen_by(sim) == {}


@pytest.mark.parametrize(("kind", "package", "extra"), PACKAGES)
def test_without_the_package_the_error_names_the_extra(
    kind: str, package: str, extra: str, project: Project, real_processes: None
) -> None:
    project.write("conftest.py", f"import sys\nsys.modules[{package!r}] = None\n")
    project.suite(right("a"), right("b", checks=[{kind: "en"}]))

    shown = project.bench_process().stdout.str()

    told = f'needs the package {package}: pip install "pytest-benchmodels[{extra}]"'
    assert f"suite.yaml:1: check {kind!r}: {told}" in shown


def test_a_session_without_such_checks_loads_no_package(project: Project, real_processes: None) -> None:
    names = sorted({package for _, package, _ in PACKAGES})
    project.write(
        "conftest.py",
        f"import sys\ndef pytest_sessionfinish():\n    assert not set({names}) & set(sys.modules)\n",
    )
    project.suite(right("a"))

    assert project.bench_process().ret == 0


def test_mathematics_are_judged_beside_the_other_runs(project: Project, workers: tuple[str, ...]) -> None:
    answers = {"equal": r"\boxed{\frac{2}{4}}", "other": "0.4", "endless": "$9^{9^{9^{9}}}$"}
    check: list[dict[str, object]] = [{"math_equal": "1/2", "timeout": 1}]
    project.suite(*(scenario(name, {"text": text}, checks=check) for name, text in answers.items()), right("plain"))

    result = project.bench(JSON, *workers)

    result.assert_outcomes(passed=2, failed=1, errors=1)
    found = results(project)
    assert found["other[sim/steady]"]["checks"][0]["explanation"].startswith("expected '1/2', read '0.4")
    assert "check 'math_equal' cannot judge this answer: to compare" in found["endless[sim/steady]"]["error"]["message"]


@pytest.mark.parametrize("missing", [(), ("sacrebleu", "math_verify", "py3langid")], ids=["installed", "missing"])
def test_the_examples_pass_or_are_left_out(missing: tuple[str, ...], project: Project, real_processes: None) -> None:
    shutil.copytree(Path(__file__).parents[2] / "examples/extras", project.path / "extras")
    project.write("conftest.py", f"import sys\nsys.modules.update(dict.fromkeys({missing!r}))\n")

    result = project.bench_process("extras")

    result.assert_outcomes(passed=0 if missing else 6)
