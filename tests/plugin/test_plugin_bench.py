"""--bench: which files become items, and whose faults stop whom."""

from __future__ import annotations

import json

import pytest

from tests.plugin.plugin_parts import Project, right


def test_without_bench_nothing_is_collected(pytester: pytest.Pytester, project: Project) -> None:
    project.suite(right("add"))

    assert pytester.runpytest_inprocess("-Werror").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_without_bench_ordinary_tests_run_alone(pytester: pytest.Pytester, project: Project) -> None:
    project.suite(right("add"))
    project.write("test_ordinary.py", "def test_one(): pass\n")

    result = pytester.runpytest_inprocess("-Werror")

    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 1}
    result.stdout.no_fnmatch_line("*benchmark summary*")


def test_items_have_the_contracts_node_ids(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("add-two"), name="scenarios/maths.yaml", models=["sim/steady", "sim/flaky"])

    result = project.bench("scenarios", "-v", *workers)

    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 2}
    result.stdout.fnmatch_lines_random(
        [
            "*scenarios/maths.yaml::add-two[[]sim/steady[]]*PASSED*"
            if not workers
            else "*PASSED*scenarios/maths.yaml::add-two[[]sim/steady[]]*",
            "*1 scenario x 2 models = 2 runs in *",
        ]
    )


def test_each_kind_of_file_makes_items(project: Project) -> None:
    single = right("one", models=["sim/steady"])
    project.suite(right("many-a"), right("many-b"), name="many.yml")
    project.write("single.yaml", json.dumps(single))
    project.write("single.json", json.dumps({**single, "id": "from-json"}))
    project.write("lines.jsonl", "\n".join(json.dumps({**single, "id": f"line-{number}"}) for number in (1, 2)))

    result = project.bench("--collect-only", "-q")

    assert result.ret == 0
    assert [line for line in result.outlines if "::" in line] == [
        "lines.jsonl::line-1[sim/steady]",
        "lines.jsonl::line-2[sim/steady]",
        "many.yml::many-a[sim/steady]",
        "many.yml::many-b[sim/steady]",
        "single.json::from-json[sim/steady]",
        "single.yaml::one[sim/steady]",
    ]


def test_the_ini_changes_the_patterns(project: Project) -> None:
    project.write("pytest.ini", "[pytest]\nbench_files = *.bench.yaml\n")
    project.suite(right("in"), name="a.bench.yaml")
    project.suite(right("out"), name="b.yaml")

    result = project.bench()

    assert result.parseoutcomes() == {"passed": 1}
    result.stdout.fnmatch_lines(["1 scenario x 1 model = 1 run in *"])


def test_a_json_file_that_is_none_of_ours_is_left_out_unless_named(project: Project) -> None:
    project.suite(right("add"))
    project.write("package.json", '{"name": "something else"}')

    assert project.bench().parseoutcomes() == {"passed": 1}
    named = project.bench("package.json")
    assert named.ret == pytest.ExitCode.TESTS_FAILED
    named.stdout.fnmatch_lines(["package.json:1: no format recognises this file: *"])


def test_a_wrong_file_is_an_error_of_its_own_and_the_others_run(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("add"))
    project.write(
        "wrong.yaml", "scenarios:\n  - id: a\n    promt: hello\n  - id: b\n    prompt: hi\n    checks: [{exat: x}]\n"
    )

    result = project.bench(*workers)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
    result.stdout.fnmatch_lines(
        ["wrong.yaml:3: *'promt'*did you mean 'prompt'*", "wrong.yaml:6: *'exat'*", "1 scenario x 1 model = 1 run in *"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_yaml_file_that_is_named_and_no_scenario_file_is_an_error(project: Project) -> None:
    project.write("compose.yaml", "services:\n  web: {image: x}\n")

    result = project.bench("compose.yaml")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["compose.yaml:1: *"])


def test_a_module_that_cannot_be_imported_interrupts_as_ever(project: Project) -> None:
    project.suite(right("add"))
    project.write("test_broken.py", "import does_not_exist\n")

    result = project.bench()

    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines(["*'does_not_exist'", "*Interrupted: 1 error during collection*"])


def test_continue_on_collection_errors_is_obeyed(project: Project) -> None:
    project.suite(right("add"))
    project.write("test_broken.py", "import does_not_exist\n")

    result = project.bench("--continue-on-collection-errors")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
