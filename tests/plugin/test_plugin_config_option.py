"""--bench-config, and the bench.toml that is found without it."""

from __future__ import annotations

import pytest

from tests.plugin.plugin_parts import Project, right


def test_bench_toml_in_rootdir_is_found(project: Project, workers: tuple[str, ...]) -> None:
    project.write("pytest.ini", "[pytest]\n")
    project.write("bench.toml", 'models = ["quick"]\n[model.quick]\nprovider = "sim"\nname = "steady"\n')
    project.suite(right("add"), name="deep/suite.yaml", models=())

    result = project.bench("deep", *workers)

    assert result.ret == 0
    result.stdout.fnmatch_lines(["quick *1/1 *"])


def test_a_named_file_takes_its_place(project: Project) -> None:
    project.write("bench.toml", 'models = ["sim/hang"]\n')
    project.write("etc/other.toml", 'models = ["sim/steady"]\n')
    project.suite(right("add"), models=())

    result = project.bench("--bench-config=etc/other.toml")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["sim/steady *1/1 *"])


def test_its_faults_are_usage_errors_with_lines(project: Project) -> None:
    project.write("bench.toml", '[model.quick]\nprovder = "sim"\nmax_in_flight = 0\n')
    project.suite(right("add"))

    result = project.bench()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: bench.toml:2: unknown key 'provder' in [[]model.quick[]]; did you mean 'provider'?",
            "ERROR: bench.toml:3: max_in_flight = 0: *",
        ]
    )


def test_a_named_file_that_is_not_there_is_a_usage_error(project: Project) -> None:
    project.suite(right("add"))

    result = project.bench("--bench-config=nowhere.toml")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: nowhere.toml: cannot be read: *"])


def test_without_bench_a_wrong_file_harms_nobody(pytester: pytest.Pytester, project: Project) -> None:
    project.write("bench.toml", "this is no TOML")
    project.write("test_ordinary.py", "def test_one(): pass\n")

    assert pytester.runpytest_inprocess("-Werror").ret == 0
