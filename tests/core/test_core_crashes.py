"""Where a user's own code failed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_benchmodels.core.text import nearest
from pytest_benchmodels.core.user_code import raised

HERE = "tests/core/test_core_crashes.py"


@pytest.fixture(autouse=True)
def _from_the_rootdir(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])


def said(function: Callable[[], object]) -> str:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - whatever it raises
        function()
    return raised(caught.value)


def test_the_line_is_the_users_and_not_a_librarys() -> None:
    def parse() -> object:
        return json.loads("{")

    line = parse.__code__.co_firstlineno + 1
    assert said(parse).endswith(f" ({HERE}:{line})")
    assert said(parse).startswith("JSONDecodeError: Expecting property name")


def test_a_line_of_this_package_is_not_the_users() -> None:
    def ask() -> object:
        return nearest(3, [])  # type: ignore[arg-type] # wrong on purpose

    assert said(ask).endswith(f" ({HERE}:{ask.__code__.co_firstlineno + 1})")


def test_a_file_that_cannot_be_compiled_is_named(tmp_path: Path) -> None:
    def compiled() -> object:
        return compile("\nx = = 1\n", str(tmp_path / "mine.py"), "exec")

    assert said(compiled).startswith("SyntaxError: ")
    assert said(compiled).endswith(f" ({tmp_path / 'mine.py'}:2)")


def test_an_exception_that_was_never_raised_has_no_line() -> None:
    assert raised(ValueError("no")) == "ValueError: no"
    assert raised(ValueError()) == "ValueError"


def test_an_exception_that_cannot_be_told_is_named() -> None:
    class Mute(Exception):  # noqa: N818 - a user's
        def __str__(self) -> str:
            raise KeyError

    assert raised(Mute()) == "Mute: (it cannot say what: its __str__ raises KeyError)"
