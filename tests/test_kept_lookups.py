"""What is looked up once is what each session would find."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution

import pytest
from _pytest import terminal

OF_A_TEST = """
import pytest

@pytest.fixture
def of_a_conftest(): pass

class Plugin:
    @pytest.fixture
    def of_an_object(self): pass

def pytest_configure(config): config.pluginmanager.register(Plugin())
"""


@pytest.mark.parametrize("name", ["pytest", "pytest-xdist", "httpx"])
def test_metadata_is_parsed_once_and_tells_what_is_written(name: str) -> None:
    found = distribution(name)
    written = found.read_text("METADATA") or ""
    assert f"\nVersion: {found.version}\n" in written
    assert found.metadata is distribution(name).metadata
    assert all(
        f"{point.name} = {point.value}" in (found.read_text("entry_points.txt") or "") for point in found.entry_points
    )


def test_each_session_finds_the_fixtures_that_a_new_process_finds(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeconftest(OF_A_TEST)

    def fixtures(output: str) -> set[str]:
        return {line.split()[0] for line in output.splitlines() if " -- " in line}

    real = subprocess.run(
        [sys.executable, "-m", "pytest", "--fixtures"], capture_output=True, text=True, check=True, cwd=pytester.path
    )
    expected = fixtures(real.stdout)
    assert {"tmp_path", "of_a_conftest", "of_an_object", "testrun_uid"} <= expected
    for _ in range(2):
        assert fixtures(pytester.runpytest_inprocess("--fixtures").stdout.str()) == expected


HIDES_A_FIXTURE = """
import pytest

class Plugin:
    @staticmethod
    @pytest.fixture
    def hidden(): pass

def pytest_configure(config): config.pluginmanager.register(Plugin())
"""


def test_each_session_warns_of_a_hidden_fixture_of_a_test(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(HIDES_A_FIXTURE)
    for _ in range(2):
        with pytest.warns(pytest.PytestWarning, match="fixture 'hidden' is wrapped by"):
            pytester.runpytest_inprocess("--fixtures")


def test_hooks_are_told_anew_to_each_session(pytester: pytest.Pytester) -> None:
    kept = [pytester.parseconfig().pluginmanager.parse_hookimpl_opts(terminal, "pytest_addoption") for _ in range(2)]
    assert kept[0] == kept[1]
    assert kept[0] is not kept[1]


class Reporter:
    """Stands for an installed plugin's object."""

    def pytest_sessionstart(self, session: pytest.Session) -> None: ...


def test_hooks_of_an_object_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reporter, "__module__", "pytest_stand_in")
    one, another, with_its_own = Reporter(), Reporter(), Reporter()
    own = vars(with_its_own)["pytest_sessionstart"] = lambda session: session
    for each, hook in ((one, one.pytest_sessionstart), (another, another.pytest_sessionstart), (with_its_own, own)):
        manager = pytest.PytestPluginManager()
        manager.register(each)
        found = {known.function: known for known in manager.hook.pytest_sessionstart.get_hookimpls()}
        assert {known.plugin for known in found.values()} >= {each}
        assert found[hook].argnames == ("session",)


def test_a_traceback_shows_the_module_as_it_is_now(pytester: pytest.Pytester) -> None:
    for name in ("earlier", "later"):
        pytester.makepyfile(
            test_it=f"def test_it():\n    value = 'of {name}'\n    assert not (\n        value\n    )\n"
        )
        shown = pytester.runpytest_inprocess("-pno:cacheprovider").stdout
        shown.fnmatch_lines([f"*value = 'of {name}'", ">*assert not (", "*value", "*)", f"E*assert not 'of {name}'"])
