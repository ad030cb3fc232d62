"""The private things of pytest that we rely on are there, and do what we rely on."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.run import run_name
from pytest_benchmodels.plugin.compat import is_skipped, node_id, skip_here, terminal_file
from pytest_benchmodels.plugin.items.collection import CrashLine, FailureRepr, NoAnswerError, RunItem
from tests.plugin.plugin_parts import Project, broken, right, wrong

MARKED = """
import sys
import pytest

@pytest.mark.skip(reason="not today")
def test_skip(): pass

@pytest.mark.skipif(sys.maxsize > 0, reason="true")
def test_true(): pass

@pytest.mark.skipif("sys.maxsize > 0", reason="true in words")
def test_words(): pass

@pytest.mark.skipif(False, reason="false")
def test_false(): pass

@pytest.mark.skipif("no words of Python", reason="?")
def test_syntax(): pass

@pytest.mark.skipif("1 / 0", reason="?")
def test_crash(): pass

@pytest.mark.skip(condition=True)
def test_arguments(): pass

@pytest.mark.xfail
def test_other(): pass
"""


@pytest.mark.parametrize(
    ("name", "skipped"),
    [
        ("test_skip", True),
        ("test_true", True),
        ("test_words", True),
        ("test_false", False),
        ("test_syntax", True),
        ("test_crash", True),
        ("test_arguments", True),
        ("test_other", False),
    ],
)
def test_skip_marks_are_asked_as_pytest_asks_them(pytester: pytest.Pytester, name: str, *, skipped: bool) -> None:
    item = pytester.getitem(MARKED, name)

    assert is_skipped(item) is skipped


@pytest.mark.parametrize("mark", ["skip(condition=True)", "skipif('1 / 0', reason='?')"])
def test_a_mark_that_cannot_be_evaluated_is_reported_and_calls_no_model(project: Project, mark: str) -> None:
    project.write(
        "conftest.py",
        "import pytest\n\n"
        "def pytest_collection_modifyitems(items):\n"
        f"    [item.add_marker(pytest.mark.{mark}) for item in items if 'marked' in item.name]\n",
    )
    project.suite(right("marked"), right("add"))

    result = project.bench()

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
    result.stdout.fnmatch_lines(["ERROR suite.yaml::marked[[]sim/steady[]]*"])


def test_a_skip_of_ours_names_the_scenarios_line(project: Project, workers: tuple[str, ...]) -> None:
    """pytest folds skips by where they were raised: of ours that would be one line of this package."""
    project.write(
        "suite.yaml",
        "defaults: {models: [sim/steady]}\nscenarios:\n- {id: a, prompt: hi}\n- {id: b, prompt: hi}\n",
    )

    result = project.bench("-rs", "--bench-regrade", *workers)

    assert result.parseoutcomes() == {"skipped": 2}
    result.stdout.fnmatch_lines_random(["SKIPPED [[]1[]] suite.yaml:3: *", "SKIPPED [[]1[]] suite.yaml:4: *"])


def test_the_exception_of_a_skip_asks_for_the_items_place() -> None:
    raised: Any = skip_here("spent")

    assert isinstance(raised, pytest.skip.Exception)
    assert (raised.msg, raised._use_item_location) == ("spent", True)


def test_the_reporter_writes_to_a_file_that_we_find(pytester: pytest.Pytester) -> None:
    config = pytester.parseconfigure()

    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    written = io.StringIO()
    reporter._tw._file = written
    reporter.write_line("words")

    assert terminal_file(reporter) is written
    assert written.getvalue() == "words\n"


def test_what_we_write_does_not_count_as_columns_of_pytests_line() -> None:
    from _pytest._io import TerminalWriter

    file = io.StringIO()
    writer = TerminalWriter(file)
    writer.write("..")
    terminal_file(SimpleNamespace(_tw=writer)).write("\n\rmore")

    assert writer.width_of_current_line == 2
    assert isinstance(writer.fullwidth, int)


def test_reports_of_setup_and_call_ask_the_item_for_its_text(project: Project) -> None:
    """`_repr_failure_py`: without it both would show this package's own lines."""
    project.suite(wrong("bad"), broken("refused"))

    result = project.bench("--tb=long")

    assert result.parseoutcomes() == {"failed": 1, "errors": 1}
    for line in ("*Traceback*", "*collect.py*", "*_raise_if*", "*WrongAnswerError*", "*NoAnswerError*"):
        result.stdout.no_fnmatch_line(line)


def test_the_private_method_still_has_the_parameters_that_ours_has() -> None:
    import inspect

    ours, pytests = (inspect.signature(kind._repr_failure_py) for kind in (RunItem, pytest.Item))

    assert ours.parameters.keys() == pytests.parameters.keys()


def test_any_other_exception_keeps_its_traceback(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", "def pytest_runtest_setup(item):\n    raise RuntimeError('a hook of mine')\n")
    project.suite(right("add"))

    result = project.bench(*workers)

    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines(["*conftest.py:2: RuntimeError*"])


def test_the_text_is_the_exceptions_own(project: Project, pytester: pytest.Pytester) -> None:
    path = project.suite(right("add"))
    (item,) = pytester.inline_genitems("--bench", str(path))[0]
    assert isinstance(item, RunItem)

    shown = FailureRepr("for a reader", CrashLine("suite.yaml", 3, "the reason"))
    with pytest.raises(NoAnswerError, match="for a reader") as excinfo:
        raise NoAnswerError(shown)

    assert str(item.repr_failure(excinfo)) == str(shown) == "for a reader"


def test_an_items_location_is_what_pytest_would_make_it(pytester: pytest.Pytester, tmp_path: Path) -> None:
    """Within rootdir and outside."""
    Project(pytester).suite(right("a"), right("v1.5"), name="sub/suite.yaml")
    outside = tmp_path / "outside" / "suite.yaml"
    outside.parent.mkdir()
    outside.write_text((pytester.path / "sub/suite.yaml").read_text())

    items, _ = pytester.inline_genitems("--bench", "-Werror", "sub", str(outside), f"--rootdir={pytester.path}")

    assert len(items) == 4
    for item in items:
        found = item.location
        del vars(item)["location"]
        assert found == vars(pytest.Item)["location"].func(item)


USES = """
import pytest
KEY = pytest.StashKey()
def pytest_collection_modifyitems(items):
    used, unused = items
    for kept in ("own_markers", "user_properties", "_report_sections"):
        assert getattr(unused, kept) == []
    assert unused.extra_keyword_matches == set() and len(unused.stash) == 0
    assert list(unused.keywords)[0] == unused.name and "suite.yaml" in unused.keywords
    assert not hasattr(unused, "no_such_thing")
    used.extra_keyword_matches.add("extra")
    used.add_marker(pytest.mark.mine(1))
    used.user_properties.append(("own", "property"))
    used.stash[KEY] = "stashed"
    used.parent.add_marker(pytest.mark.whole(used.name))
def pytest_collection_finish(session):
    used, unused = session.items
    assert used.stash[KEY] == used._store[KEY] == "stashed"
    assert used.keywords["mine"] and "mine" not in unused.keywords
    assert [mark.name for mark in used.iter_markers()] == ["mine", "whole"]
    assert [mark.name for mark in unused.iter_markers()] == ["whole"]
    assert unused.get_closest_marker("whole").args == (used.name,)
def pytest_runtest_logreport(report):
    if report.when == "call":
        print("properties", report.nodeid, report.user_properties[:1], sorted(set(report.keywords) & {"mine", "whole"}))
"""


def test_what_a_run_is_given_on_demand_is_as_pytest_gives_it(project: Project) -> None:
    project.write("conftest.py", USES)
    project.write("pytest.ini", "[pytest]\nmarkers =\n    mine\n    whole\n")
    project.suite(right("used"), right("unused"))

    result = project.bench("-s")

    assert result.ret == 0
    result.stdout.fnmatch_lines_random(
        [
            "*properties suite.yaml::used[[]sim/steady] [[]('own', 'property')] [[]'mine', 'whole']",
            "*properties suite.yaml::unused[[]sim/steady] [[]('bench.*] [[]'whole']",
        ]
    )


NAMES = st.text(st.sampled_from("ab:[]#/. "), min_size=1, max_size=8)


@given(NAMES, NAMES, NAMES, st.none() | st.integers(1, 12))
def test_a_node_ids_parts_are_those_that_pytest_finds_in_it(
    file: str, scenario: str, model: str, trial: int | None
) -> None:
    name = run_name(scenario, model, trial)
    made = node_id(file, scenario, name)

    assert str(made) == f"{file}::{name}"
    if not isinstance(made, str):
        assert made == type(made).parse(str(made))
