"""`valid`: what is said of an answer that is not well-formed, and that no answer holds it up."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade
from pytest_benchmodels.graders.valid import Valid


def graded(language: str, answer: str, **options: Any) -> Grade:
    return msgspec.convert({"valid": language, **options}, Valid).grade(Response(answer))


@pytest.mark.parametrize(
    ("language", "answer", "said"),
    [
        ("yaml", "a: 1\nb: [", "line 3: did not find expected node content"),
        ("yaml", "a:\n  b: 1\n  b: 2", "line 3: key 'b' stands twice in one mapping"),
        ("yaml", "[" * 90_000, "line 1: exceeded maximum nesting depth"),
        ("yaml", "- " * 200, "it is nested too deeply"),
        ("yaml", "  ", "it is empty"),
        ("xml", "<a>\n<b></a>", "mismatched tag: line 2, column 5"),
        ("toml", "a = " + "[" * 50_000, "it is nested too deeply"),
        ("toml", "a" + ".a" * 60_000 + " = 1", "a key has more than 100 parts"),
        ("toml", "a = 1\nb", "Expected '=' after a key in a key/value pair (at end of document)"),
        ("sql", "SELECT 1\nSELECT 2 FORM", "line 2: "),
        ("sql", "SELECT " + "(" * 3000, "it is nested too deeply"),
        ("html", "<p>\n<div><em>a", "line 2: expected closing tag but got eof, open are 'div', 'em'"),
        ("html", "<b>" * 50_000, "more than 256 elements are open inside each other"),
        ("json", "{'a': 1}", "JSON is malformed"),
    ],
)
def test_the_first_fault_is_told(language: str, answer: str, said: str) -> None:
    grade = graded(language, answer)

    assert not grade.passed
    assert f"expected {language.upper()} and nothing else, got " in grade.explanation
    assert said in grade.explanation


def test_aliases_are_not_expanded() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 40))

    assert graded("yaml", f"l0: &l0 [x]\n{levels}").passed


def test_entities_are_not_expanded_and_no_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("<b/>")
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 9}">' for n in range(1, 40))
    address = (tmp_path / "secret").as_uri()

    for inside in (f'<!ENTITY l0 "x">{laughs}', f'<!ENTITY l39 SYSTEM "{address}">'):
        told = graded("xml", f"<!DOCTYPE a [{inside}]><a>&l39;</a>").explanation
        assert "entities of its own and external references are not taken" in told


def test_a_dialect_decides() -> None:
    assert graded("sql", "SELECT `a` FROM b", dialect="mysql").passed
    assert not graded("sql", "SELECT `a` FROM b", dialect="postgres").passed


def test_a_statement_that_is_known_by_name_alone_writes_nothing_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("sqlglot")
    propagates, logger.propagate = logger.propagate, False
    try:
        assert graded("sql", "SHOW TABLES").passed
    finally:
        logger.propagate = propagates
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"valid": "yml"}, "Invalid enum value 'yml'"),
        ({"valid": "yaml", "dialect": "mysql"}, "`dialect` is one of SQL, and yaml has none: leave it out"),
        ({"valid": "sql", "dialect": "postgre"}, "no dialect 'postgre'; did you mean 'postgres'?; there are "),
    ],
)
def test_a_wrong_option_is_told(options: dict[str, Any], rule: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(rule)):
        msgspec.convert(options, Valid)


def test_sql_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlglot", None)

    with pytest.raises(
        msgspec.ValidationError, match=re.escape('needs the package sqlglot: pip install "pytest-benchmodels[sql]"')
    ):
        msgspec.convert({"valid": "sql"}, Valid)


def test_an_answer_that_is_too_long_is_an_error() -> None:
    with pytest.raises(CheckError, match="answers of up to 200,000 characters, this one has 200,001"):
        graded("html", "a" * 200_001)
