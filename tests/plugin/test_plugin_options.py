"""Values that an option cannot take are usage errors that name value and rule."""

from __future__ import annotations

import pytest

from tests.plugin.plugin_parts import Project, right


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--bench-concurrency=0", "argument --bench-concurrency: invalid whole number above 0 value: '0'"),
        ("--bench-concurrency=many", "argument --bench-concurrency: invalid whole number above 0 value: 'many'"),
        ("--bench-repeat=-1", "argument --bench-repeat: invalid whole number from 1 to 10,000 value: '-1'"),
        ("--bench-repeat=10001", "argument --bench-repeat: invalid whole number from 1 to 10,000 value: '10001'"),
        ("--bench-retries=1.5", "argument --bench-retries: invalid whole number value: '1.5'"),
        ("--bench-timeout=", "argument --bench-timeout: invalid number of seconds value: ''"),
    ],
)
def test_a_bad_value_is_a_usage_error(project: Project, argument: str, said: str) -> None:
    project.suite(right("add"))

    result = project.bench(argument)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}"])


def test_the_environment_of_pytest_timeout_is_checked_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_TIMEOUT", "soon")
    project.suite(right("add"))

    result = project.bench("-p", "no:timeout")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: timeout: 'soon' is no number of seconds; 0 is no limit"])


def test_help_lists_every_option(pytester: pytest.Pytester) -> None:
    shown = pytester.runpytest_inprocess("--help").stdout.str()

    for option in ("", "-models", "-config", "-concurrency", "-repeat", "-timeout", "-retries", "-json"):
        assert f"  --bench{option}" in shown
    assert "bench_files" in shown
