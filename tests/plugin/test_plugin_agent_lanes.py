"""`cpus` and `memory` of command-line agents: how many of them are at work at once."""

from __future__ import annotations

import pytest

from pytest_benchmodels.engine.machine import processors
from tests.plugin.plugin_parts import Project
from tests.plugin.plugin_results import JSON, began_s, ended_s, results

ALLOWED = "--bench-allow-commands"
WAITS = "sleep 0.3; echo 4"
MEETS = 'mktemp -d "$1/XXXXXX" >&2 || exit 1; until [ $(ls "$1" | wc -l) -ge "$2" ]; do sleep 0.01; done; echo 4'
_CLOCK_S = 0.002
"""`started_at` is in whole milliseconds."""


def agents(project: Project, *tables: str) -> list[str]:
    """Models that are a shell: `a`, `b`, ..., each with these lines in its table. The names."""
    names = [chr(ord("a") + number) for number in range(len(tables))]
    written = [f'[model.{name}]\nprovider = "command"\n{table}' for name, table in zip(names, tables, strict=True)]
    project.write("bench.toml", "\n".join(written))
    return names


def shell(script: str, *words: str) -> str:
    quoted = "".join(f", '{word}'" for word in (script, "sh", *words))
    return f"command = ['sh', '-c'{quoted}]"


def asking(count: int) -> list[dict[str, object]]:
    return [{"id": f"s{number}", "prompt": "2 + 2?", "checks": [{"equals": "4"}]} for number in range(count)]


def meeting_place(project: Project) -> None:
    """A folder that all agents may write into: commands of root's sessions may run as somebody else."""
    folder = project.path / "met"
    folder.mkdir()
    folder.chmod(0o777)


def most_at_once(project: Project) -> int:
    runs = results(project).values()
    spans = [(began_s(run), ended_s(run) - _CLOCK_S) for run in runs]
    return max(sum(begin <= moment < end for begin, end in spans) for moment, _ in spans)


def test_cpus_bound_how_many_are_at_work_of_all_models(project: Project, workers: tuple[str, ...]) -> None:
    table = f"{shell(WAITS)}\ncpus = {processors() / 2}"
    project.suite(*asking(4), models=agents(project, table, table))

    result = project.bench(JSON, ALLOWED, "--bench-concurrency=20", *workers)

    assert result.parseoutcomes() == {"passed": 8}
    assert most_at_once(project) <= 2


def test_memory_does_too(project: Project, workers: tuple[str, ...]) -> None:
    table = f"{shell(WAITS)}\ncpus = 0.01\nmemory = 100_000_000"
    project.suite(*asking(3), models=agents(project, table))

    result = project.bench(JSON, ALLOWED, "--bench-concurrency=20", *workers)

    assert result.parseoutcomes() == {"passed": 3}
    assert most_at_once(project) == 1, "more than any machine has: one at a time"


def test_small_shares_are_at_work_together(project: Project, workers: tuple[str, ...]) -> None:
    meeting_place(project)
    table = f'{shell(MEETS, "{project}/met", "6")}\ncpus = 0.01\nwritable = ["met"]'
    project.suite(*asking(6), models=agents(project, table))

    result = project.bench(JSON, ALLOWED, "--bench-concurrency=20", "--bench-timeout=60", *workers)

    assert result.parseoutcomes() == {"passed": 6}, "each waits until all are there"


def test_those_that_wait_are_many_once_one_has_ended(project: Project, workers: tuple[str, ...]) -> None:
    there = int(processors()) + 1
    meeting_place(project)
    waits, meets = shell(WAITS), f'{shell(MEETS, "{project}/met", str(there))}\nwritable = ["met"]'
    agents(project, waits, meets)
    project.suite(*asking(there - 1), name="a.yaml", models=["a"])
    project.suite(*asking(there), name="b.yaml", models=["b"])

    result = project.bench(JSON, ALLOWED, "--bench-concurrency=20", "--bench-timeout=60", *workers)

    assert result.parseoutcomes() == {"passed": 2 * there - 1}, "each of b waits until all are there"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cpus = 0", "4: cpus = 0: Expected `float` > 0.0"),
        ('memory = "1 GB"', "4: memory = '1 GB': Expected `int"),
    ],
)
def test_shares_are_positive_numbers(project: Project, line: str, said: str) -> None:
    project.suite(*asking(1), models=agents(project, f"{shell(WAITS)}\n{line}"))

    project.bench(ALLOWED).stderr.fnmatch_lines(f"*bench.toml:{said}*")


def test_the_lower_bound_knows_them(project: Project) -> None:
    table = f"{shell(WAITS)}\ncpus = {processors()}"
    project.suite(*asking(3), models=agents(project, table))

    result = project.bench(ALLOWED, "--bench-concurrency=20")

    shown = next(line for line in result.stdout.lines if line.startswith("makespan"))
    assert float(shown.split("lower bound ")[1].split(" ")[0]) >= 0.8, "one after another"
