"""`math_equal`: the verdicts of math-verify, hostile answers, and the process that reads them."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from math_verify import parse, verify

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade
from pytest_benchmodels.graders import math_equal, math_process
from pytest_benchmodels.graders.math_equal import MathEqual

TOO_LONG = "$9^{9^{9^{9}}}$"


def judge(expected: str | float, answer: str, **options: float) -> Grade:
    grade: Grade = msgspec.convert({"math_equal": expected, **options}, MathEqual).grade(Response(answer))
    return grade


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [  # the examples of math-verify's own README and docstrings
        (r"${1,3} \cup {2,4}$", "${1,2,3,4}$", True),
        (r"$\frac{1}{2}$", "The answer is 1/2", True),
        (r"$\frac{1}{2}$", r"The answer is $\frac{1}{3}$", False),
        ("$1 < x < 2$", "$(1,2)$", True),
        (r"$\frac{a+b}{2}$", "$0.5(b+a)$", True),
        ("$x = 1$", "$1$", True),
    ],
)
def test_the_verdict_is_that_of_the_package(gold: str, answer: str, equal: bool) -> None:  # noqa: FBT001 - a table's column
    # Without its limits in seconds, with which it says no on a busy machine.
    gold_parts, parts = (parse(text, parsing_timeout=None) for text in (gold, answer))
    assert verify(gold_parts, parts, timeout_seconds=None) is equal
    assert judge(gold, answer).passed is equal


@pytest.mark.parametrize(
    ("expected", "answer", "said"),
    [
        (0.5, "It is $\\frac12$.", "read '1/2', which equals '0.5'"),
        ("1/2", "0.75", "expected '1/2', read '0.750000000000000' in '0.75'"),
        ("1/2", "", "expected '1/2', read no expression in ''"),
        ("1/2", "$\x1b[31m$", r"expected '1/2', read '\x1b[31' in '$\x1b[31m$'"),
    ],
)
def test_what_was_read_is_told(expected: str | float, answer: str, said: str) -> None:
    assert judge(expected, answer).explanation == said


def test_what_takes_too_long_has_no_verdict_and_the_next_one_has() -> None:
    with pytest.raises(CheckError, match=r"to compare '\$9.*' takes more than 0.5 s; `timeout` allows up to 60"):
        judge(1, TOO_LONG, timeout=0.5)

    assert judge(1, "$1$").passed


def test_what_takes_too_much_memory_has_no_verdict() -> None:
    with pytest.raises(CheckError, match=r"math-verify could not compare|takes more than"):
        judge(1, "$2^{99999999999}$", timeout=5)


@pytest.mark.parametrize(
    "answer",
    [
        "(" * 5000 + "1" + ")" * 5000,
        "__import__('os').system('touch pwned')",
        "$\\text{__import__('os').system('touch pwned')}$",
        "2 + open('pwned','w').write('x')",
        "\x00\x1b]0;title\x07",
        '{"equal": true}\n{"equal": true}',
    ],
)
def test_hostile_answers_are_read_as_what_they_are(
    answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert not judge(7, answer, timeout=20).passed
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_is_too_long_is_not_read() -> None:
    with pytest.raises(CheckError, match="the answer has 50,001 characters, and `math_equal` reads at most 50,000"):
        judge(1, "1" * 50_001)


def test_a_value_that_is_no_expression_is_told() -> None:
    with pytest.raises(CheckError, match=r"math_equal '.*frac.*' is no mathematical expression: write it in LaTeX"):
        judge(r"\frac{", "1")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (r"\frac{1}{2}", None),
        ("(x+1)(x-1)", None),
        (0.25, None),
        (r"\frac{1}{2", "is no mathematical expression: write it in LaTeX, such as"),
        ("(x+1", "is no mathematical expression: write it in LaTeX, such as"),
        ("???", "is no mathematical expression: write it in LaTeX, such as"),
    ],
)
def test_a_value_tells_whether_it_can_be_read(value: str | float, said: str | None) -> None:
    fault = msgspec.convert({"math_equal": value}, MathEqual).value_fault()

    assert (fault is None) if said is None else (said in (fault or ""))


def test_a_value_that_takes_too_long_to_read_is_told() -> None:
    nested = "(" * 3000 + "1" + ")" * 3000
    fault = msgspec.convert({"math_equal": nested, "timeout": 0.5}, MathEqual).value_fault()

    assert fault is not None
    assert fault.startswith("to read '((((")
    assert fault.endswith("' takes more than 0.5 s; `timeout` allows up to 60")


@pytest.mark.parametrize(
    "value", ["7", "-7", "1/2", "0.5", "x^2+2x+1", "2 * n - 1", "a/b", "-x + 10.25", "1/2/3", "xy", "e^x", "2^10"]
)
def test_what_is_taken_as_readable_at_sight_is_read(value: str) -> None:
    assert math_equal._AT_SIGHT.fullmatch(value)
    assert math_process._wanted(value)


@pytest.mark.parametrize("options", [{"decimals": -1}, {"decimals": 16}, {"timeout": 0}, {"timeout": 61}])
def test_options_that_cannot_be(options: dict[str, float]) -> None:
    with pytest.raises(msgspec.ValidationError):
        judge(1, "1", **options)


def test_the_process_has_no_key_and_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    processes = math_equal._Processes()
    try:
        assert processes.ask({"expected": "1", "answer": "1", "decimals": 6, "limit_s": 60})["equal"]
        (process,) = processes._idle
        surroundings = Path(f"/proc/{process.pid}/environ").read_bytes()
        limits = Path(f"/proc/{process.pid}/limits").read_text("utf-8")
    finally:
        processes.close()

    assert b"KEY" not in surroundings
    assert "Max file size             0                    0 " in limits
    assert "Max address space         1073741824 " in limits


def test_an_ended_process_is_told_and_followed_by_another() -> None:
    processes = math_equal._Processes()
    asked = {"expected": "1", "answer": "1", "decimals": 6, "limit_s": 60}
    try:
        processes.ask(asked)
        processes._idle[0].kill()
        assert processes.ask(asked) == {"fault": "its process ended with status -9"}
        assert processes.ask(asked)["equal"]
    finally:
        processes.close()


PARENT = """
import os
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.graders import math_equal
math_equal.MathEqual("1").grade(Response("1"))
print(math_equal._processes(os.getpid())._idle[0].pid, flush=True)
input()
os._exit(0)
"""


def test_the_process_ends_with_its_parent_however_that_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    try:
        ended, _, _ = select.select([child], [], [], 60)
    finally:
        os.close(child)

    assert ended == [child]
