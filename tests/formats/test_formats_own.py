"""What a reader of the user's returns becomes a document as if it had stood in a file of ours."""

from __future__ import annotations

import datetime as dt
import enum
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.cli.scenario_files import ends_as_ours
from pytest_benchmodels.core.errors import ConfigError, FormatError, Problem, ScenarioFileError
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.formats import BUILTIN, LoadOptions, load, own_formats
from pytest_benchmodels.formats import own_format as own_format_module
from pytest_benchmodels.formats.builder import MAX_VALUES
from pytest_benchmodels.formats.native import MAX_SCENARIOS
from pytest_benchmodels.formats.own_format import own_format
from tests.formats.formats_loading import GRADERS, Loader

Reader = Callable[..., object]


def loaded(
    files: Loader, reader: Reader, content: str | bytes = "", *, named: bool = True
) -> tuple[Scenario, ...] | None:
    options = LoadOptions(GRADERS, own=own_formats([{".own": reader}]))
    return load(files.write("a.own", content), "a.own", options, named=named)


def problems(files: Loader, reader: Reader, content: str | bytes = "") -> list[str]:
    with pytest.raises(ScenarioFileError) as caught:
        loaded(files, reader, content)
    return str(caught.value).split("\n")


def returning(value: object) -> Reader:
    return lambda *_: value


def entry(name: str = "a", **keys: object) -> dict[str, object]:
    return {"id": name, "prompt": "Who?", **keys}


def test_records_become_scenarios_with_their_lines(files: Loader) -> None:
    first, second = loaded(files, returning([entry(line=7, checks=[{"equals": "4"}]), entry("b")])) or ()

    assert (first.id, first.source, first.turns[0].messages[0].content) == ("a", "a.own:7", "Who?")
    assert [check.kind for check in first.checks] == ["equals"]
    assert (second.id, second.source) == ("b", "a.own")


def test_a_mapping_is_a_whole_file(files: Loader) -> None:
    whole = {"defaults": {"timeout": 5, "tags": ("smoke",)}, "scenarios": (entry(line=3), entry("b", timeout=6))}
    first, second = loaded(files, returning(whole)) or ()
    (single,) = loaded(files, returning({"prompt": "Who?"})) or ()

    assert [(one.timeout_s, one.tags, one.source) for one in (first, second)] == [
        (5, ("smoke",), "a.own:3"),
        (6, ("smoke",), "a.own"),
    ]
    assert (single.id, single.source) == ("a", "a.own")


def test_a_reader_gets_text_or_the_bytes_that_it_asks_for(files: Loader) -> None:
    got: list[object] = []

    def text(path: Path, content: str) -> list[object]:
        got.append((path.name, content))
        return [entry()]

    def raw(path: Path, content: bytes) -> list[object]:
        got.append(content)
        return [entry()]

    loaded(files, text, b"\xef\xbb\xbfa\r\n")
    loaded(files, raw, b"\xff")
    loaded(files, functools.partial(raw), b"\xfe")

    assert got == [("a.own", "a\r\n"), b"\xff", b"\xfe"]
    (problem,) = problems(files, text, b"a\n\xff")
    assert problem.startswith("a.own:2: byte 0xff is no UTF-8: save the file as UTF-8, or let ")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([entry(target=float("nan"))], "a.own:1: record 1: target is nan, which no file could hold: *"),
        ([entry(line=4, vars={"a": [1, {2}]})], "a.own:4: vars.a[1] is {2}, of type set: give text, numbers, *"),
        ([entry(line=4, vars={None: 1})], "a.own:4: vars has the key None, which is no text: leave it out"),
        ([entry(line="4")], "a.own:1: record 1: line has to be a whole number from 1, got '4'"),
        ([entry(line=True)], "a.own:1: record 1: line has to be a whole number from 1, got True"),
        ([entry(prompt="\ud800")], "a.own:1: record 1: prompt holds half of a surrogate pair, *"),
        ([entry(target=10**2000)], "a.own:1: record 1: target is a number of more than a thousand digits: *"),
        ([entry(), 3], "a.own:1: record 2: a scenario is a mapping with an id and a prompt, got 3"),
        ([entry(), entry()], "a.own:1: record 2: id 'a' is taken already, by record 1: ids are unique in a file"),
        ([entry(timeout=-1)], "a.own:1: record 1: timeout must be a number *"),
        ([entry(line=2, timeout=-1)], "a.own:2: timeout must be a number *"),
        ([{"prompt": "Who?", "line": 2}], "a.own:2: this scenario lacks 'id': *"),
        ({"defaults": {"timeout": -1}, "scenarios": [entry()]}, "a.own:1: defaults: timeout must be a number *"),
        ({"scenarios": [entry(), entry("b", promt="x")]}, "a.own:1: record 2: unknown key 'promt' in scenario 'b'; *"),
        ({"scenarios": 3}, "a.own:1: scenarios must be a list, got 3"),
        ([], "a.own:1: its reader * found no records in it: a reader returns None for a file that is none of its own"),
        ("text", "a.own:1: its reader * returned 'text': return a list of records, *"),
        (3, "a.own:1: its reader * returned 3: return a list of records, *"),
        (None, "a.own:1: its reader returned None: it does not take this file for a scenario file"),
    ],
)
def test_what_no_file_could_hold_is_told(files: Loader, value: object, said: str) -> None:
    from fnmatch import fnmatchcase

    (problem,) = problems(files, returning(value))

    assert fnmatchcase(problem, said.replace("[", "[[]")), problem


def test_all_that_is_wrong_is_told_at_once(files: Loader) -> None:
    records = [entry(line=1, timeout=-1), entry("b", line=2, vars={"x": {1}}), entry("c", line=3, promt=1)]

    assert [problem.split(": ")[0] for problem in problems(files, returning(records))] == [
        *("a.own:1", "a.own:2", "a.own:3"),
    ]


def test_numbers_enums_and_dates_of_other_types_become_plain(files: Loader) -> None:
    class Kind(enum.StrEnum):
        HARD = "hard"

    given = entry(
        metadata={
            "whole": np.int64(3),
            "number": np.float32(0.5),
            "kind": Kind.HARD,
            "day": dt.date(2026, 1, 31),
        }
    )
    (scenario,) = loaded(files, returning([given])) or ()

    assert json.dumps(scenario.metadata) == '{"whole": 3, "number": 0.5, "kind": "hard", "day": "2026-01-31"}'


def raising(error: BaseException) -> Reader:
    def read(path: Path, text: str) -> object:
        raise error

    return read


class Lazy(Mapping[str, object]):
    def __getitem__(self, key: str) -> object:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("the connection is closed")

    def __len__(self) -> int:
        return 1


def broken_off(path: Path, text: str) -> Iterator[object]:
    yield entry()
    raise RuntimeError("the connection is closed")


async def waits() -> list[object]:
    return [entry()]


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        (raising(FormatError("no header", line=3)), "a.own:3: no header"),
        (raising(FormatError("no header")), "a.own:1: no header"),
        (raising(ScenarioFileError([Problem("x", 2, "mine")])), "x:2: mine"),
        (raising(SystemExit(0)), "crashed: SystemExit: 0 (tests/formats/test_formats_own.py:"),
        (raising(RecursionError()), "crashed: RecursionError (tests/formats/test_formats_own.py:"),
        (lambda *_: json.loads("{"), "crashed: JSONDecodeError: Expecting property name enclosed in double "),
        (broken_off, "broken_off crashed: RuntimeError: the connection is closed (tests/formats/test_formats_own.py:"),
        (returning([Lazy()]), "crashed: RuntimeError: the connection is closed (tests/formats/test_formats_own.py:"),
        (lambda *_: waits(), "returned <coroutine object waits at "),
    ],
)
def test_a_reader_that_fails_is_told_with_its_line(
    files: Loader, monkeypatch: pytest.MonkeyPatch, reader: Reader, said: str
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    (problem,) = problems(files, reader)

    assert said in problem


def test_a_keyboard_interrupt_is_the_users(files: Loader) -> None:
    with pytest.raises(KeyboardInterrupt):
        loaded(files, raising(KeyboardInterrupt()))


def test_what_never_ends_is_cut(files: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (MAX_VALUES, own_format_module._MOST_RECORDS) == (1_000_000, MAX_SCENARIOS + 1)
    # The same a thousand times smaller: to reach the real ones takes half a minute.
    monkeypatch.setattr(own_format_module, "MAX_VALUES", 1_000)
    monkeypatch.setattr(own_format_module, "_MOST_RECORDS", 201)

    def endless(path: Path, text: str) -> Iterator[object]:
        while True:
            yield {}

    assert "nested more than 100 levels deep" in problems(files, returning([entry(vars={"x": _deep(200)})]))[0]
    assert (
        "too large: its reader returned more than 1,000 values"
        in problems(files, returning([entry(vars={"x": [0] * 1_000})]))[0]
    )
    assert "further problems" in problems(files, endless)[-1]


def _deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), PLAIN, max_size=4))
def test_plain_data_goes_on_as_it_is(metadata: dict[str, Any]) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.own"
        path.touch()
        record = entry(metadata=metadata)
        document = own_format("*.own", returning([record])).read(path, "a.own")

    assert document is not None
    assert document.value == [record]


def test_the_longest_pattern_holds(files: Loader) -> None:
    own = own_formats([{".csv": returning([entry("any")])}, {("*.mine.csv", "x/*.tsv"): returning([entry("mine")])}])
    options = LoadOptions(GRADERS, own=own)

    found = {name: load(files.write(name, ""), name, options) for name in ("a.csv", "a.mine.csv", "x/a.tsv")}

    assert {name: [one.id for one in scenarios or ()] for name, scenarios in found.items()} == {
        "a.csv": ["any"],
        "a.mine.csv": ["mine"],
        "x/a.tsv": ["mine"],
    }


@pytest.mark.parametrize("name", [".json", ".yml", "*", "*.*", "*.jsonl", "", ".", 3, None])
def test_a_name_that_takes_over_ours_or_is_none_is_refused(name: object) -> None:
    with pytest.raises(ConfigError, match=r"pytest_bench_formats: .*(takes over a format|is no name of files)"):
        own_formats([{name: returning(None)}])


def test_a_part_of_ours_may_be_taken_over(files: Loader) -> None:
    own = own_formats([{("a*.jsonl", ".mine.json"): returning([entry("mine")])}])
    options = LoadOptions(GRADERS, own=own)

    for name in ("all.jsonl", "b.mine.json"):
        assert [one.id for one in load(files.write(name, "{"), name, options) or ()] == ["mine"]
    ours = json.dumps(entry("ours"))
    assert [one.id for one in load(files.write("b.jsonl", ours), "b.jsonl", options) or ()] == ["ours"]


def test_what_names_our_files_is_told_alike_everywhere() -> None:
    assert [pattern for known in BUILTIN for pattern in known.patterns] == ["*.yaml", "*.yml", "*.json", "*.jsonl"]
    assert all(ends_as_ours(Path(f"a{suffix}")) for known in BUILTIN for suffix in known.suffixes)


def test_a_link_out_of_its_folder_is_not_read_unless_it_was_named(files: Loader, tmp_path: Path) -> None:
    outside = files.write("outside/a.own", "secret")
    link = tmp_path / "inside" / "a.own"
    link.parent.mkdir()
    link.symlink_to(outside)
    seen: list[str] = []

    def read(path: Path, text: str) -> list[object]:
        seen.append(text)
        return [entry()]

    options = LoadOptions(GRADERS, own=own_formats([{".own": read}]))
    with pytest.raises(ScenarioFileError, match="is a link that leads out of its folder"):
        load(link, "a.own", options)
    assert seen == []
    assert load(link, "a.own", options, named=True) is not None
