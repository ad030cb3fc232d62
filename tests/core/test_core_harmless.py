"""What a CI system would take for a command, made harmless; names that are too long or too many to be compared."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.text import address, harmless, nearest, quote


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error file=a.py::x", ": :error file=a.py::x"),
        (" \t::set-output name=a::b", " \t: :set-output name=a::b"),
        ("a\n::stop-commands::t", "a\n: :stop-commands::t"),
        ("text ##vso[task.complete]", "text # #vso[task.complete]"),
        ("##[group]x", "# #[group]x"),
        ("##TeamCity[message]", "# #TeamCity[message]"),
        ("std::vector and a.yaml::id[model]", "std::vector and a.yaml::id[model]"),
        ("## A title [link]", "## A title [link]"),
        ("\x1b[31m\u202e", r"\x1b[31m\u202e"),
    ],
)
def test_commands_of_ci_systems_are_parted(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.text(st.sampled_from(":#[]vsoteamciy \n\t\xa0e"), max_size=30))
def test_no_line_is_a_command_and_nothing_else_is_changed(text: str) -> None:
    shown = harmless(text)
    assert not re.search(r"(?m)^\s*::(?=\S)|##(?:vso|teamcity)?\[", shown, re.IGNORECASE)
    assert shown.replace(" ", "") == text.replace(" ", "").replace("\x80", "")


def test_a_quoted_value_holds_no_command() -> None:
    assert quote("##vso[task.complete]") == "'# #vso[task.complete]'"


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    assert address("redis://user:p@ss/w@host:1/0?password=x") == "'redis://***@host:1/0?***'"


def test_names_that_nobody_meant_are_not_compared() -> None:
    assert nearest("x" * 101, ["x" * 100]) == ""
    assert nearest("promt", ["y" * 1_000_000, "prompt"]) == "; did you mean 'prompt'?"
