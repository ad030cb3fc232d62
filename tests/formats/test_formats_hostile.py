from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_benchmodels.core.errors import Problem, ScenarioFileError
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.formats import load
from pytest_benchmodels.formats.builder import MAX_VALUES, Builder
from pytest_benchmodels.formats.document import MalformedError
from pytest_benchmodels.formats.json_reader import read_json
from pytest_benchmodels.formats.reading import MAX_BYTES
from pytest_benchmodels.formats.yaml_reader import read_yaml
from tests.formats.formats_loading import OPTIONS, Loader

TOO_LARGE = "too large: more than 1,000,000 values with its aliases written out. Split the file, or use fewer aliases"
TOO_DEEP = "nested more than 100 levels deep: write it flatter"
CLOSE = (
    "while parsing a flow sequence that begins in line 2: close the list by ']', and part its entries by commas; if "
    "it is text, put the text in quotes"
)
QUOTES = "put it in quotes if it is meant as text"


def bomb() -> str:
    levels = [f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]" for before, name in pairwise("abcdefghij")]
    return "\n".join(["a: &a [x, x, x, x, x, x, x, x, x]", *levels])


YAML: dict[str, tuple[str | bytes, str]] = {
    "an alias bomb": (bomb(), f"7: {TOO_LARGE}"),
    "an alias bomb of text": (f"a: &a {'x' * 100_000}\nb: [{','.join(['*a'] * 1000)}]", f"2: {TOO_LARGE}"),
    "a recursive alias": ("a: &a\n  b: *a", "2: alias *a stands inside of what it names, which never ends"),
    "an unknown alias": ("a: *b", "1: alias *b has no anchor &b before it"),
    "deep flow": (
        "[" * 100_000,
        "1: not readable as YAML: exceeded maximum nesting depth while increasing flow level",
    ),
    "deep lists": ("- " * 100_000, f"1: {TOO_DEEP}"),
    "deep mappings": ("\n".join(" " * depth + "a:" for depth in range(500)), f"101: {TOO_DEEP}"),
    "a Python tag": (
        "a: 1\nb: !!python/name:os.system x",
        "2: tag '!!python/name:os.system' is not allowed here: write the plain value",
    ),
    "a tag on a mapping": ("a: !x {b: 1}", "1: tag '!x' is not allowed here: write the plain value"),
    "a tag that lies": ("a: !!int x", "1: 'x' is no !!int: write the plain value"),
    "Latin-1": (b"a: 1\nb: \xe9", "2: byte 0xe9 is no UTF-8: save the file as UTF-8"),
    "UTF-16": ("a: 1".encode("utf-16"), "1: byte 0xff is no UTF-8: save the file as UTF-8"),
    "NUL": ("a: 1\nb: \0", "2: character U+0000 is not allowed in YAML: write it as an escape"),
    "a second document": (
        "a: 1\n---\nb: 1",
        (
            "2: a second YAML document begins here: "
            "write several scenarios as a list under 'scenarios:', or into a file each"
        ),
    ),
    "nothing": ("", "1: the file is empty: a scenario needs at least a prompt"),
    "a comment": ("# nothing", "1: the file is empty: a scenario needs at least a prompt"),
    "a list that is never closed": (
        "a: 1\nb: [1",
        f"3: not readable as YAML: did not find expected ',' or ']' {CLOSE}",
    ),
    "a mapping as a key": ("? {a: 1}\n: 2", "1: a key has to be text, not a mapping, list or alias"),
    "an alias as a key": ("a: &a x\n*a : 2", "2: a key has to be text, not a mapping, list or alias"),
    "a merge of text": ("<<: x", "1: '<<' merges a mapping or a list of mappings, got 'x'"),
    "an endless number": (f"a: {'9' * 5000}", f"1: a number of 5000 digits is too long: {QUOTES}"),
    "no number": ("a: .nan", f"1: .nan is no finite number: {QUOTES}"),
    "infinity": ("a: 1e999", f"1: 1e999 is no finite number: {QUOTES}"),
    "a huge file": (
        "#" * (MAX_BYTES + 1),
        "1: larger than 20 MB, the most a scenario file may have: split it, or put the records into a dataset",
    ),
}


@pytest.mark.parametrize(("content", "expected"), YAML.values(), ids=YAML)
def test_hostile_yaml_is_refused(files: Loader, content: str | bytes, expected: str) -> None:
    assert files.problems(content)[-1] == f"suite.yaml:{expected}"


JSON: dict[str, tuple[str, str]] = {
    "deep lists": ("[" * 100_000, f"1: {TOO_DEEP}"),
    "no number": ("NaN]}", "1: not readable as JSON at 'NaN]}'"),
    "infinity": ("1e999]}", f"1: 1e999 is no finite number: {QUOTES}"),
    "an endless number": ("9" * 5000 + "]}", f"1: a number of 5000 digits is too long: {QUOTES}"),
    "a lone surrogate": (
        '"\\ud800"]}',
        """1: '"\\\\ud800"' holds half of a surrogate pair, which is no character""",
    ),
    "an unknown escape": (
        '"\\x41"]}',
        """1: not readable as JSON: '"\\\\x41"' holds an escape that JSON lacks""",
    ),
    "a text that is never closed": ('\n"' + "a" * 100, """2: not readable as JSON at '"aaaaaaaaaaaaaaaaaaa'"""),
    "more after the end": (']}\n"x"', """2: not readable as JSON: expected nothing more after the value, got '"x"'"""),
    "no colon": ('], "a"}', "1: not readable as JSON: expected ':' after the key, got '}'"),
    "the wrong bracket": ("1}", "1: not readable as JSON: expected ',' or ']', got '}'"),
    "no value": ("}", "1: not readable as JSON: expected a value, got '}'"),
    "no comma": ("1 2]}", "1: not readable as JSON: expected ',' or ']', got '2'"),
    "a leading zero": ("012]}", "1: not readable as JSON: expected ',' or ']', got '12'"),
}


@pytest.mark.parametrize(("content", "expected"), JSON.values(), ids=JSON)
def test_hostile_json_is_refused(files: Loader, content: str, expected: str) -> None:
    assert files.problems('{"scenarios": [' + content, "suite.json") == [f"suite.json:{expected}"]


@pytest.mark.parametrize("reader", [read_yaml, read_json])
def test_a_million_values_are_enough(reader: Callable[[str, Builder], None]) -> None:
    reader("[1, 2, 3]", Builder(used=MAX_VALUES - 4))
    with pytest.raises(MalformedError, match=f"^{TOO_LARGE}$"):
        reader("[1, 2, 3]", Builder(used=MAX_VALUES - 3))


def test_what_is_no_regular_file_is_not_opened(files: Loader) -> None:
    os.mkfifo(files.folder / "pipe.yaml")
    for name, expected in (
        ("pipe.yaml", "is not a regular file"),
        ("none.json", "cannot be read: No such file or directory"),
    ):
        with pytest.raises(ScenarioFileError, match=f"^{name}:1: {expected}$"):
            load(files.folder / name, name, OPTIONS, named=True)


PIECES = [
    *("prompt: ", "id: ", "checks:\n", "- ", "equals: ", "{{ a }}", "vars: ", "scenarios:", "<<: ", ": ", "? "),
    *("{", "}", "[", "]", '"', "'", "\n", "  ", "&a ", "*a", "!!", "#", "|\n", "%", "--- "),
]


@given(
    content=st.binary(max_size=60)
    | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.lists(st.sampled_from(PIECES), max_size=25).map(lambda pieces: "".join(pieces).encode())
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_anything_at_all_is_loaded_or_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("any.yaml", "any.json", "any.jsonl"):
        path = tmp_path / name
        path.write_bytes(content)
        problems: tuple[Problem, ...] = ()
        found: tuple[Scenario, ...] | None = ()
        try:
            found = load(path, name, OPTIONS, named=True)
        except ScenarioFileError as error:
            problems = error.problems
        assert bool(found) is not bool(problems)
