"""`code_passes`: which text of an answer is its code, and what is made of the result."""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec
import pytest

from pytest_benchmodels.core.call import GradingContext, Transcript
from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.program import Program, ProgramResult
from pytest_benchmodels.core.scenario import Grade, Scenario
from pytest_benchmodels.graders.code import CodePasses, python_code

CHECK = CodePasses("python", "assert f() == 1", timeout=3, memory=128, processes=2)


def graded(answer: str, outcome: Literal["passed", "failed", "timeout"] = "passed") -> tuple[Grade, list[Program]]:
    ran: list[Program] = []

    async def run(program: Program) -> ProgramResult:
        ran.append(program)
        return ProgramResult(outcome, "so it went")

    context = GradingContext(Response(answer), Transcript(()), Scenario("a", "a.yaml:1", ()), running=run)
    return asyncio.run(CHECK.grade(context)), ran


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("def f(): pass", ("def f(): pass",)),
        ("    return 1\n", ("    return 1\n",)),
        ("Here:\n```python\nx = 1\n```\nDone.", ("x = 1\n",)),
        ("```PY\nx = 1\n```", ("x = 1\n",)),
        ("~~~python\nx = '''\n```\n'''\n~~~", ("x = '''\n```\n'''\n",)),
        ("````python\nx = 1\n```\n````", ("x = 1\n```\n",)),
        ("```python title=x\nx = 1\n```", ("x = 1\n",)),
        ("```\nx = 1\n```", ("x = 1\n",)),
        ("```sh\nls\n```\n```python\nx = 1\n```\n```\n1\n```\n```py\ny = 2\n```", ("x = 1\n", "y = 2\n")),
        ("1. So:\n   ```python\n   if x:\n       y\n   ```", ("if x:\n    y\n",)),
        ("```python\nx = 1", ("x = 1\n",)),
        ("```python\r\nx = 1\r\n```", ("x = 1\n",)),
        ("```js\nx\n```", ()),
        ("Use `f` as ```f``` here", ("Use `f` as ```f``` here",)),
    ],
)
def test_the_code_of_an_answer(answer: str, code: tuple[str, ...]) -> None:
    assert tuple(
        f"{part.rstrip()}\n" if "```" in answer or "~~~" in answer else part for part in python_code(answer)
    ) == tuple(f"{part.rstrip()}\n" if "```" in answer or "~~~" in answer else part for part in code)


def test_many_fences_take_no_time_squared() -> None:
    assert len(python_code("```python\nx\n```\n" * 100_000)) == 100_000
    assert len(python_code("```js\n" * 300_000)) == 0


def test_the_options_go_with_the_code() -> None:
    grade, ran = graded("```python\nx = 1\n```")

    assert grade.passed
    assert ran == [Program(("x = 1\n",), "assert f() == 1", timeout_s=3, memory_mb=128, processes=2)]


def test_code_that_fails_or_does_not_end_is_wrong() -> None:
    assert graded("x = 1", "failed")[0] == Grade(0.0, passed=False, explanation="the code fails: so it went")
    assert graded("x = 1", "timeout")[0] == Grade(0.0, passed=False, explanation="the code fails: so it went")


@pytest.mark.parametrize("answer", ["", " \n", "```js\nx\n```", "```python\n```", "x" * 200_001])
def test_without_code_nothing_runs(answer: str) -> None:
    grade, ran = graded(answer)

    assert (grade.passed, ran) == (False, [])


def test_without_a_session_it_cannot_judge() -> None:
    context = GradingContext(Response("x = 1"), Transcript(()), Scenario("a", "a.yaml:1", ()))

    with pytest.raises(CheckError, match="belongs to no session"):
        asyncio.run(CHECK.grade(context))


@pytest.mark.parametrize("tests", ["(" * 300, "-" * 100_000 + "1", "x = '\0'", "assert f('\ud800'"])
def test_tests_that_cannot_be_read_are_refused(tests: str) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError), match="tests are no Python"):
        CodePasses("python", tests)
