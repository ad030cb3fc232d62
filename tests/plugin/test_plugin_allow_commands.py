"""`--bench-allow-commands`: commands run in workspaces, or their scenarios are skipped with the remedy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_benchmodels.cli import main
from tests.plugin.plugin_agents import ALLOW, agents, task
from tests.plugin.plugin_parts import Project, right
from tests.plugin.plugin_results import JSON, results
from tests.workspaces.made import Marked


def mounts() -> list[str]:
    return sorted(Path("/proc/self/mountinfo").read_text("utf-8").splitlines())


def test_an_agent_works_in_a_copy_and_checks_see_what_it_left(project: Project, workers: tuple[str, ...]) -> None:
    agents(project)
    project.suite(
        task("good", "echo three >> a.txt; echo done", "grep -q three a.txt"),
        task("bad", "rm a.txt", "cat a.txt", setup="echo made > made.txt"),
    )

    result = project.bench(ALLOW, JSON, *workers)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*failed  shell 'cat a.txt': status 1: cat: a.txt: No such file or directory*",
            "changed a.txt",
            "workspace kept in */.benchmodels/workspaces/kept/*/bad-my-agent-1-*",
            "commands were confined by *",
            "1 workspace kept in */.benchmodels/workspaces/kept/*",
        ]
    )
    good, bad = (results(project)[f"{name}[my/agent]"] for name in ("good", "bad"))
    assert good["response"]["text"] == "status 0: done\n"
    assert [(each["path"], each["kind"]) for each in good["response"]["changes"]] == [("a.txt", "modified")]
    assert "+three" in good["response"]["changes"][0]["diff"]
    assert [(each["purpose"], each["status"]) for each in bad["work"]["commands"]] == [
        ("setup", 0),
        ("agent", 0),
        ("check", 1),
    ]
    assert good["work"]["confined"] == bad["work"]["confined"] != ""
    assert (project.path / "fixture" / "a.txt").read_text("utf-8") == "one\ntwo\n"


def test_without_the_option_they_are_skipped_and_nothing_runs(project: Project, workers: tuple[str, ...]) -> None:
    agents(project)
    project.suite(task("a", "echo x", "true"), {**right("sum"), "models": ["sim/steady"]})

    result = project.bench("-rs", JSON, *workers)

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED * commands are not run unless you allow it: give --bench-allow-commands"])
    assert results(project)["a[my/agent]"]["status"] == "skipped"
    assert not (project.path / "asked.txt").exists()
    assert not (project.path / ".benchmodels" / "workspaces").exists()


def test_a_file_cannot_allow_it(project: Project) -> None:
    """Neither a scenario nor the configuration of models: who runs the session says so."""
    agents(project)
    project.write("bench.toml", "allow_commands = true\n")
    project.suite(task("a", "echo x", "true"))

    assert project.bench().ret != 0
    assert not (project.path / "asked.txt").exists()


def test_setup_that_fails_is_the_runs_error(project: Project, workers: tuple[str, ...]) -> None:
    agents(project)
    project.suite(task("a", "true", "true", setup=["echo fine", "echo no compiler; exit 3"]))

    result = project.bench(ALLOW, JSON, *workers)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*workspace: setup failed with status 3: echo no compiler; exit 3: no compiler*"])
    assert results(project)["a[my/agent]"]["status"] == "error"


def test_a_link_that_leads_out_of_the_folder_is_refused_when_it_is_read(project: Project) -> None:
    agents(project)
    (project.path / "fixture" / "out").symlink_to("/etc/passwd")
    project.suite(task("a", "true", "true"))

    result = project.bench(ALLOW)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*suite.yaml:1: *workspace 'fixture' holds a link that leads out of it, 'out': put*"])


def test_nothing_outlives_the_limit_of_a_run(project: Project, workers: tuple[str, ...]) -> None:
    """Nor a process, a file or a mount the session."""
    agents(project)
    marked, before = Marked(), mounts()
    script = f"trap '' TERM; echo so far; (setsid {marked.sleeps()} &) ; touch there; {marked.sleeps()}"
    project.suite(*(task(f"a{number}", script, "true", timeout=1) for number in range(4)))

    result = project.bench(ALLOW, "--bench-keep=none", JSON, *workers)

    result.assert_outcomes(failed=4)
    assert marked.living() == []
    assert mounts() == before
    assert not (project.path / ".benchmodels" / "workspaces").exists()
    for each in results(project).values():
        (ran,) = each["work"]["commands"]
        assert (each["status"], ran.get("status"), ran["output"]) == ("timeout", None, "so far\n")
        assert [change["path"] for change in each["work"]["changes"]] == ["there"]


def test_commands_of_checks_may_take_longer_than_their_run_where_they_say_so(
    project: Project, workers: tuple[str, ...]
) -> None:
    """Its time stands still meanwhile. One of a user's check that says no time of its own ends with the run."""
    agents(project)
    sleeping = {"command": "sleep 2.5", "timeout": 100}
    project.suite(
        task("own", "true", checks=[sleeping], timeout=2),
        task("none", "true", "sleep 600", timeout=2),
        task("both", "true", checks=[sleeping, {"command": "true"}, {"command": "sleep 600"}], timeout=2),
    )

    result = project.bench(ALLOW, JSON, *workers)

    result.assert_outcomes(passed=1, failed=2)
    checks = {name: run["checks"] for name, run in results(project).items()}
    assert checks["none[my/agent]"][0]["explanation"].startswith("status None")
    assert {check["summary"]: check["passed"] for check in checks["both[my/agent]"]} == {
        "command 'sleep 2.5' (timeout=100.0)": True,
        "command 'true'": True,
        "command 'sleep 600'": False,
    }


def test_keys_are_nowhere(project: Project, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-0123456789abcdefghij")
    agents(project, "environment={'GIVEN': __import__('os').environ['SOME_API_KEY']}")
    project.suite(task("a", "env | tee env.txt; cat env.txt >&2", "cat env.txt; exit 1"))

    result = project.bench(ALLOW, JSON, "--bench-html=report.html", *workers)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*GIVEN=[*][*][*]*"])
    told = [path.read_bytes() for path in project.path.iterdir() if path.is_file() and path.suffix != ".yaml"]
    told += [path.read_bytes() for path in (project.path / ".benchmodels").glob("store*")]
    assert not any(b"0123456789abcdefghij" in text for text in [*told, result.stdout.str().encode()])


HOSTILE = "printf '\\033[31m::error::x<script>y</script>\\n' | tee \"$(printf 'a\\033<b>')\""


def test_what_commands_write_is_hostile_text(
    project: Project, workers: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    agents(project)
    project.suite(task("a", HOSTILE, f"{HOSTILE}; exit 1"))

    result = project.bench(ALLOW, JSON, "--bench-html=report.html", "--junitxml=junit.xml", *workers)

    result.assert_outcomes(failed=1)
    assert "\x1b[31m::" not in result.stdout.str()
    assert "<script>y" not in (project.path / "report.html").read_text("utf-8")
    capsys.readouterr()
    main(["show", "latest", "a[my/agent]"])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "::error::x<script>y" in shown


def test_show_tells_commands_and_diffs(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    agents(project)
    project.suite(task("a", "echo three >> a.txt; ln -s a.txt link; head -c 9 /dev/zero > zeros; echo said", "false"))
    project.bench(ALLOW, "--bench-html=report.html").assert_outcomes(failed=1)
    capsys.readouterr()

    main(["show", "latest", "a[my/agent]"])

    shown = capsys.readouterr().out.splitlines()
    assert "  check  status 1, " in "\n".join(shown)
    for line in (
        "    said",
        "changed 3 files",
        "  modified a.txt, +1 -0",
        "    +three",
        "  added link, a link -> a.txt",
        "  added zeros, 9 bytes",
    ):
        assert line in shown
    page = (project.path / "report.html").read_text("utf-8")
    assert "modified a.txt, +1 -0" in page


def test_a_stored_run_is_judged_again_in_what_it_left(project: Project, workers: tuple[str, ...]) -> None:
    agents(project)
    script = "echo three >> a.txt; mkdir d; echo x > d/x; chmod 600 d/x"
    project.suite(task("a", script, "true"))
    project.bench(ALLOW, *workers).assert_outcomes(passed=1)
    asked = (project.path / "asked.txt").read_text("utf-8")

    project.suite(
        task("a", script, 'test "$(cat a.txt d/x | tr -d "\\n")" = onetwothreex && test $(stat -c %a d/x) = 600')
    )
    project.bench(ALLOW, "--bench-regrade", *workers).assert_outcomes(passed=1)
    project.suite(task("a", script, "grep four a.txt"))
    project.bench(ALLOW, "--bench-regrade", *workers).assert_outcomes(failed=1)
    project.bench("--bench-regrade", *workers).assert_outcomes(skipped=1)

    assert (project.path / "asked.txt").read_text("utf-8") == asked


def test_what_cannot_be_made_again_is_not_judged_again(project: Project, workers: tuple[str, ...]) -> None:
    agents(project)
    project.suite(task("a", "head -c 9 /dev/zero > zeros", "true"))
    project.bench(ALLOW, *workers).assert_outcomes(passed=1)
    project.suite(task("a", "head -c 9 /dev/zero > zeros", "false"))

    result = project.bench(ALLOW, "--bench-regrade", "-rs", *workers)

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*its workspace cannot be made again: not all of what it changed was kept*"])


def test_a_stored_run_whose_folder_changed_is_run_again(project: Project, workers: tuple[str, ...]) -> None:
    agents(project)
    project.suite(task("a", "cat a.txt", "true"))
    for asked in (1, 1):
        project.bench(ALLOW, "--bench-cache", *workers).assert_outcomes(passed=1)
        assert len((project.path / "asked.txt").read_text("utf-8").splitlines()) == asked
    (project.path / "fixture" / "a.txt").write_text("other\n", "utf-8")

    project.bench_process(ALLOW, "--bench-cache", *workers).assert_outcomes(passed=1)

    assert len((project.path / "asked.txt").read_text("utf-8").splitlines()) == 2


def test_resume_runs_only_what_has_no_verdict(project: Project, workers: tuple[str, ...]) -> None:
    agents(project)
    project.suite(task("good", "true", "true"), task("bad", "true", "true", setup="test -e /no/such/file"))
    project.bench(ALLOW, *workers).assert_outcomes(passed=1, errors=1)
    project.suite(task("good", "true", "true"), task("bad", "true", "true"))

    project.bench(ALLOW, "--bench-resume", *workers).assert_outcomes(passed=2)

    assert len((project.path / "asked.txt").read_text("utf-8").splitlines()) == 2


def test_without_bubblewrap_it_is_told_what_is_left_open(
    project: Project, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine where it is not installed: the PATH has none."""
    folder = project.path / "bin"
    folder.mkdir()
    for path in (Path("/usr/bin/python3"), Path("/bin/sh")):
        (folder / path.name).symlink_to(path)
    monkeypatch.setenv("PATH", str(folder))
    agents(project)
    project.suite(task("a", "echo x > new", "test -e new"))

    result = project.bench_process(ALLOW, *workers)

    result.assert_outcomes(passed=1)
    (line,) = [line for line in result.outlines if line.startswith("commands were confined by ")]
    assert "bubblewrap" not in line
    assert ("NOT confined" in line) == (os.geteuid() == 0 or "alone" in line)
