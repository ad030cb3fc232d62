"""Code and its tests, in processes of their own: what tests see of the code, and what is told of a failure."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from pytest_benchmodels.core.program import Program
from tests.workspaces.conftest import RunNow

PROGRAMS = yaml.safe_load((Path(__file__).parent / "programs.yaml").read_text("utf-8"))


@pytest.mark.parametrize("name", PROGRAMS["passing"])
def test_right_code_passes(name: str, run_now: RunNow) -> None:
    program = PROGRAMS["passing"][name]

    assert run_now(Program((program["code"],), program["tests"])).told == "all tests pass"


@pytest.mark.parametrize("name", PROGRAMS["failing"])
def test_what_failed_is_told(name: str, run_now: RunNow) -> None:
    program = PROGRAMS["failing"][name]
    told = program["told"].replace("[", "[[]")

    result = run_now(Program((program["code"],), program["tests"]))

    assert result.outcome == "failed"
    assert fnmatchcase(result.told, told), result.told


CHECK = "def check(candidate):\n    assert candidate(2) == 3\n"
PROMPT = 'from typing import List\n\ndef up(x):\n    """One more."""\n'


@pytest.mark.parametrize(
    ("code", "before", "outcome"),
    [
        ("    return x + 1\n", PROMPT, "passed"),
        ("return x + 1\n", PROMPT, "passed"),
        ("def up(x: int) -> List[int]:\n    return x + 1\n", PROMPT, "passed"),
        ("def up(x):\n    return x + 1\n", "", "passed"),
        ("    return x + 2\n", PROMPT, "failed"),
        ("def down(x):\n    return x + 1\n", "", "failed"),
        ("def check(candidate): pass\n", PROMPT, "failed"),
        ("abs = 1\ndef up(x): return x\ndef check(candidate): pass\n", PROMPT, "failed"),
    ],
)
def test_a_completion_goes_on_from_what_was_given(code: str, before: str, outcome: str, run_now: RunNow) -> None:
    assert run_now(Program((code,), CHECK, before, "up")).outcome == outcome


def test_parts_that_are_no_python_are_left_out(run_now: RunNow) -> None:
    parts = ("def f(): return 1\n", "pip install this\n", ">>> f()\n1\n", "def g(): return f() + 1\n")

    assert run_now(Program(parts, "assert g() == 2")).outcome == "passed"


def test_names_of_the_authors_are_not_the_codes(run_now: RunNow) -> None:
    before = "import math\n\ndef twice(x):\n    return 2 * x\n\ndef half(x):\n    '''Half of it.'''\n"
    tests = "def check(candidate):\n    assert math.isclose(twice(candidate(3)), 3)"
    forged = "    return 0\n\nclass math:\n    isclose = lambda *_: True\n\ntwice = lambda x: 3\n"

    assert run_now(Program(("    return x / 2\n",), tests, before, "half")).outcome == "passed"
    assert run_now(Program((forged,), tests, before, "half")).outcome == "failed"


def test_more_processes_only_where_they_are_allowed(run_now: RunNow) -> None:
    code = (
        "import threading\ndef f():\n    thread = threading.Thread(target=print)\n"
        "    thread.start()\n    thread.join()\n    return 1"
    )

    assert run_now(Program((code,), "assert f() == 1")).outcome == "failed"
    assert run_now(Program((code,), "assert f() == 1", processes=4)).outcome == "passed"


def test_more_memory_only_where_it_is_allowed(run_now: RunNow) -> None:
    program = Program(("def f(): return len(bytearray(600_000_000))",), "assert f()")

    assert "MemoryError" in run_now(program).told
    assert run_now(Program(program.code, program.tests, memory_mb=1_000)).outcome == "passed"


def test_the_time_is_that_of_everything(run_now: RunNow) -> None:
    for code, tests in (
        ("while True: pass", "assert 1"),
        ("x = 1", "while True: pass"),
        ("def f():\n    while True: pass", "f()"),
    ):
        result = run_now(Program((code,), tests, timeout_s=1))
        assert (result.outcome, result.told) == ("timeout", "the tests did not end within 1 s")


def test_a_check_of_the_codes_is_not_that_of_the_tests(run_now: RunNow) -> None:
    forged = "def check(candidate): pass\ndef test_it(): pass\ndef up(x): return x\n"

    assert run_now(Program((forged,), CHECK, PROMPT, "up")).outcome == "failed"
    assert run_now(Program((forged,), "def test_it():\n    assert up(2) == 3")).outcome == "failed"


def test_a_test_may_be_a_coroutine(run_now: RunNow) -> None:
    tests = "async def test_it():\n    assert await f() == 1"

    assert run_now(Program(("async def f(): return 1",), tests)).outcome == "passed"
    assert run_now(Program(("async def f(): return 2",), tests)).outcome == "failed"
