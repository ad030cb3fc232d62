"""--bench-store: what is kept, where, and that its failures cost no result."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pytest_benchmodels.store import LockWait, Store
from tests.plugin.plugin_parts import Project, broken, json_report, junit_cases, right, wrong
from tests.plugin.plugin_store import read_until_said, session, store_path, stored, stored_runs

WITHOUT = "This session goes on without a store: its reports are complete, but it cannot be resumed"
# A file of 100 kB is as much as this system lets the session write.
SMALL_DISK = """
import resource
def pytest_sessionstart():
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
"""

DELETES_THE_STORE = """
import pathlib
reported = []
def pytest_bench_result(result):
    reported.append(result)
    if len(reported) == 3:
        for path in pathlib.Path(".benchmodels").glob("store.sqlite*"):
            path.unlink()
"""


def test_each_result_is_kept_with_what_was_asked_and_answered(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("a"), wrong("b"), broken("c"), right("d", skip="not now"))

    result = project.bench("--bench-json=b.json", *workers)

    assert result.parseoutcomes() == {"passed": 1, "failed": 1, "errors": 1, "skipped": 1}
    assert {name: each.status for name, each in stored(project).items()} == {
        "a": "passed",
        "b": "failed",
        "c": "error",
        "d": "skipped",
    }
    with Store.open_to_read(store_path(project)) as store:
        answers = store.responses.find(stored(project)["a"].fingerprint)
    assert answers is not None
    assert answers.asked[0][0].content == "What is 2 + 2?"
    assert answers.answers[0].text == "4"
    (run,) = stored_runs(project)
    assert (run.total, dict(run.statuses)["passed"]) == (4, 1)
    assert json_report(project.path / "b.json")["run"]["id"] == run.id


def test_its_folder_stays_out_of_version_control(project: Project) -> None:
    project.suite(right("a"), name="scenarios/a.yaml")
    project.write("pytest.ini", "[pytest]\n")

    project.bench("scenarios")

    assert sorted(path.name for path in store_path(project).parent.iterdir()) == [".gitignore", "store.sqlite"]
    assert (store_path(project).parent / ".gitignore").read_text().endswith("\n*\n")


def test_it_may_be_elsewhere_or_nowhere(project: Project) -> None:
    project.suite(right("a"))

    assert project.bench("--bench-store=none").ret == 0
    assert project.bench("--bench-store=kept/here.db").ret == 0

    assert not store_path(project).parent.exists()
    with Store.open_to_read(project.path / "kept" / "here.db") as store:
        assert store.runs.find("latest").statuses == {"passed": 1}


@pytest.mark.parametrize("option", ["--collect-only", "--bench-plan", "--setup-only"])
def test_collecting_leaves_nothing_there(project: Project, option: str) -> None:
    project.suite(right("a"))

    assert project.bench(option).ret == 0
    assert not store_path(project).parent.exists()


def complete(project: Project, result: pytest.RunResult) -> None:
    """All reports of a session with three runs, two of which passed."""
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 2, "failed": 1}
    result.stdout.fnmatch_lines(["3 scenarios x 1 model = 3 runs in *"])
    assert len(junit_cases(project.path / "j.xml")) == 3
    document = json_report(project.path / "b.json")
    assert [entry["status"] for entry in document["results"]].count("passed") == 2
    result.stdout.no_fnmatch_line("to finish this run: *")


REPORTS = ("--junitxml=j.xml", "--bench-json=b.json")


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("suite.yaml", "it is no store but some other file (file is not a database); move it away"),
        (
            "suite.yaml/store.sqlite",
            "it cannot be opened (*); make sure that it is a file in a folder where you may write",
        ),
        ("/proc/store.sqlite", "it cannot be opened (*); make sure that it is a file in a folder where you may write"),
        ("other.db", "it is another program's database; name another file with --bench-store"),
        ("newer.db", "it has version 99, this pytest-benchmodels knows versions up to *; upgrade pytest-benchmodels"),
    ],
)
def test_a_file_that_cannot_be_a_store_is_said_and_left_alone(project: Project, where: str, reason: str) -> None:
    project.suite(right("a"), right("b"), wrong("c"))
    with closing(sqlite3.connect(project.path / "other.db")) as other:
        other.execute("CREATE TABLE theirs (x)")
    with Store.open(project.path / "newer.db") as newer:
        newer._database.write("PRAGMA user_version = 99")
    before = {path: path.read_bytes() for path in project.path.iterdir() if path.is_file()}

    result = project.bench(f"--bench-store={where}", *REPORTS)

    complete(project, result)
    said = [line for line in result.outlines if line.startswith("WARNING: store ")]
    assert len(said) == 2, "once when it happens, and once at the end"
    result.stdout.fnmatch_lines([f"WARNING: store '*': {reason.replace('(*)', '(?*)')}*. {WITHOUT}"])
    assert json_report(project.path / "b.json")["run"]["id"] is None
    assert {path: path.read_bytes() for path in before} == before


def test_a_disk_that_is_full_is_said(project: Project) -> None:
    project.write("conftest.py", SMALL_DISK)
    project.suite(*(right(f"a{number}", prompt=f"{number}{'x' * 5000}") for number in range(30)))

    result = project.bench_process(*REPORTS)

    outcomes = result.parseoutcomes()
    assert sum(outcomes.values()) == 30
    result.stdout.fnmatch_lines([f"WARNING: store '*': its disk reported a failure (*. {WITHOUT}"])
    assert len(json_report(project.path / "b.json")["results"]) == 30
    assert len(junit_cases(project.path / "j.xml")) == 30


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the lock of another process for 0.1 s: nobody needs to see 15 s pass."""
    monkeypatch.setattr(LockWait.__init__, "__defaults__", (0.1, 0.05, LockWait().tell))


@pytest.fixture
def locked(project: Project) -> Iterator[sqlite3.Connection]:
    """A store in which somebody has begun to write."""
    Store.open(store_path(project)).close()
    with closing(sqlite3.connect(store_path(project), isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


@pytest.mark.usefixtures("impatient", "locked")
def test_a_store_that_stays_locked_is_said(project: Project) -> None:
    project.suite(right("a"), right("b"), wrong("c"))

    result = project.bench(*REPORTS)

    complete(project, result)
    result.stdout.fnmatch_lines(
        [
            "store '*store.sqlite': another process keeps it locked; waiting for it, 0.1 s at most",
            f"WARNING: store '*': another process keeps it locked (database is locked); end that process, *. {WITHOUT}",
        ]
    )


def test_a_store_that_is_let_go_is_waited_for(project: Project, locked: sqlite3.Connection) -> None:
    project.suite(right("a"), right("b"), wrong("c"))
    process = session(project)

    said = read_until_said(process, "another process keeps it locked; waiting for it, 15 s at most")
    locked.execute("ROLLBACK")
    rest, _ = process.communicate(timeout=300)

    assert "WARNING" not in said + rest.decode()
    assert stored_runs(project)[0].statuses == {"passed": 2, "failed": 1}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("option", ["--bench-cache", "--bench-regrade"])
def test_a_store_that_is_somebody_elses_alone_is_said_before_anything_runs(
    project: Project, locked: sqlite3.Connection, option: str
) -> None:
    locked.execute("ROLLBACK")
    locked.execute("PRAGMA locking_mode = EXCLUSIVE")
    locked.execute("BEGIN EXCLUSIVE")
    project.suite(right("a"), right("b"), wrong("c"))

    result = project.bench(option)

    assert sum(result.parseoutcomes().values()) == 3
    result.stdout.fnmatch_lines(
        [
            "store '*store.sqlite': another process keeps it locked; waiting for it, 0.1 s at most",
            "WARNING: store '*': another process keeps it locked (database is locked); *. No answer of it is reused",
            "collected 3 items",
        ]
    )


@pytest.mark.usefixtures("impatient")
def test_a_run_to_be_resumed_that_is_somebody_elses_alone_is_a_usage_error(
    project: Project, locked: sqlite3.Connection
) -> None:
    locked.execute("ROLLBACK")
    locked.execute("PRAGMA locking_mode = EXCLUSIVE")
    locked.execute("BEGIN EXCLUSIVE")
    project.suite(right("a"))

    result = project.bench("--bench-resume")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "store '*store.sqlite': another process keeps it locked; waiting for it, 0.1 s at most",
            "ERROR: --bench-resume: store '*': another process keeps it locked *",
        ]
    )


def test_a_store_that_breaks_on_the_way_costs_no_result(project: Project, workers: tuple[str, ...]) -> None:
    project.write(
        "conftest.py",
        "import sqlite3, pathlib\n"
        "def pytest_bench_result(result):\n"
        "    path = pathlib.Path('.benchmodels/store.sqlite')\n"
        "    connection = sqlite3.connect(path)\n"
        "    connection.execute('DROP TABLE IF EXISTS documents')\n"
        "    connection.close()\n",
    )
    project.suite(right("a"), right("b"), wrong("c"))

    # One at a time: results that come together are stored together, before anybody hears of one.
    result = project.bench(*REPORTS, "--bench-concurrency=1", *workers)

    complete(project, result)
    result.stdout.fnmatch_lines([f"WARNING: store '*': it is damaged (no such table: documents); *. {WITHOUT}"])


def test_two_sessions_at_once_share_it(project: Project) -> None:
    project.suite(*(right(f"a{number}") for number in range(40)))
    both = [session(project), session(project, "-n2")]

    said = [process.communicate(timeout=300)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert not any(b"WARNING: store" in text for text in said)
    runs = stored_runs(project)
    assert [(run.state, run.statuses) for run in runs] == [("finished", {"passed": 40})] * 2


def test_a_folder_where_nobody_may_write_is_said(project: Project) -> None:
    folder = project.path / "kept"
    folder.mkdir(mode=0o555)
    if _may_write(folder):
        pytest.skip("this user may write everywhere")
    project.suite(right("a"), right("b"), wrong("c"))

    complete(project, project.bench("--bench-store=kept/store.sqlite", *REPORTS))


def _may_write(folder: Path) -> bool:
    try:
        (folder / "probe").touch()
    except OSError:
        return False
    return True


def test_a_missing_store_is_a_usage_error_where_it_is_needed(project: Project) -> None:
    project.suite(right("a"))

    for option in ("--bench-resume", "--bench-cache", "--bench-regrade"):
        result = project.bench("--bench-store=none", option)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            ["ERROR: --bench-store none: --bench-resume, --bench-cache and --bench-regrade need a store; name one"]
        )


def test_a_store_that_is_deleted_during_a_run_is_made_anew(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(*(right(name) for name in "abcdef"))
    project.write("conftest.py", DELETES_THE_STORE)

    result = project.bench("--bench-json=b.json", "--bench-concurrency=2", *workers)

    assert result.parseoutcomes() == {"passed": 6}
    result.stdout.fnmatch_lines(["WARNING: store *: its file was deleted while it was in use. *goes on in a new one*"])
    assert sorted(stored(project)) == list("abcdef")
    (run,) = stored_runs(project)
    assert (run.id, run.state) == (json_report(project.path / "b.json")["run"]["id"], "finished")
    assert project.bench("--bench-resume").ret == pytest.ExitCode.USAGE_ERROR  # there is nothing left to finish
