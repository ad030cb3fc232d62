"""docs/tutorial-agents.md: its files are the example's, its commands print what it shows."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import filterfalse
from pathlib import Path

import pytest
import yaml

from tests.docs.docs_reading import PAGES, ROOT, blocks
from tests.docs.test_docs_examples import form, is_of_a_busy_machine, unfolded

PAGE = PAGES["tutorial-agents"]
EXAMPLE = ROOT / "examples" / "agents"
MODULES = {"pytest": "pytest", "benchmodels": "pytest_benchmodels.cli"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the reader has: the files of the example. The commands of the page follow one another there."""
    made = tmp_path_factory.mktemp("tutorial")
    shutil.copytree(EXAMPLE, made / "agents", ignore=shutil.ignore_patterns("__pycache__"))
    return made


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run it as a reader does whose environment is active."""
    program, *arguments = shlex.split(command)
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "CI", "BUILD_"))}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    return subprocess.run(
        [sys.executable, f"-m{MODULES[program]}", *arguments],
        cwd=folder,
        env={**environ, "COLUMNS": "80", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def sessions() -> Iterator[tuple[str, list[str]]]:
    for block in blocks(PAGE):
        if block.language == "console":
            first, *output = block.text.splitlines()
            yield first.removeprefix("$ "), output


def test_the_files_are_those_of_the_example() -> None:
    shown = {block.name: block.text for block in blocks(PAGE) if block.name.startswith("agents/")}
    there = {
        f"agents/{path.relative_to(EXAMPLE)}": path.read_text(encoding="utf-8")
        for path in EXAMPLE.rglob("*")
        if path.is_file() and path.name != "__init__.py" and "__pycache__" not in path.parts
    }

    assert shown == there


def test_the_commands_print_what_the_page_shows(folder: Path) -> None:
    commands = list(sessions())
    for command, output in commands:
        done = run(folder, command)

        printed = "\n".join(map(form, filterfalse(is_of_a_busy_machine, unfolded(done.stdout).splitlines())))
        for part in "\n".join(("", *output, "")).split("\n...\n"):
            assert "\n".join(map(form, unfolded(part).splitlines())).strip() in printed, done.stdout + done.stderr
        assert done.returncode == ("failed" in output[-1])
    assert len(commands) == 4


def test_a_folder_is_collected_without_the_projects_own_tests(folder: Path) -> None:
    done = run(folder, "pytest --bench agents --collect-only -q")

    assert "agents/fix-the-discount.yaml::fix-the-discount[sim/agent]" in done.stdout
    assert "test_prices" not in done.stdout
    assert done.returncode == 0


def test_the_command_of_ci_passes_and_writes_what_is_uploaded(folder: Path) -> None:
    (workflow,) = (yaml.safe_load(block.text) for block in blocks(PAGE) if block.name.endswith("agents.yml"))
    steps = workflow["jobs"]["bench"]["steps"]
    (command,) = (step["run"] for step in steps if step.get("run", "").startswith("pytest "))

    done = run(folder, command)

    assert done.returncode == 0, done.stdout
    assert "gate held" in done.stdout
    (uploaded,) = (step["with"]["path"].split() for step in steps if "upload" in step.get("uses", ""))
    assert [name for name in uploaded if not (folder / name).is_file()] == []


def test_on_ubuntu_ci_lets_bubblewrap_make_namespaces() -> None:
    """Else commands there reach the network: its AppArmor has no profile for bubblewrap."""
    (workflow,) = (yaml.safe_load(block.text) for block in blocks(PAGE) if block.name.endswith("agents.yml"))
    job = workflow["jobs"]["bench"]
    commands = [step.get("run", "") for step in job["steps"]]

    assert job["runs-on"].startswith("ubuntu-")
    allowed = commands.index("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")
    assert allowed < next(number for number, each in enumerate(commands) if each.startswith("pytest "))
