"""What README and docs show is what happens: their files run, their output is the program's."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import filterfalse
from pathlib import Path
from typing import NamedTuple

import pytest

from pytest_benchmodels.formats import BUILTIN as FORMATS
from pytest_benchmodels.formats import LoadOptions, load
from pytest_benchmodels.formats.configfile import read_config
from pytest_benchmodels.graders import BUILTIN, Extract
from pytest_benchmodels.plugin.session.models import Models
from tests.docs.docs_reading import DOCS, PAGES, ROOT, Block, anchors, blocks, links

WRONG_ON_PURPOSE = ("bad/", "statuses/")
WITH_A_SERVER = "mcp/"  # they need a bench.toml of their own
APART = (*WRONG_ON_PURPOSE, WITH_A_SERVER)
FILES = {"yaml", "jsonl", "csv", "toml", "python"}


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest as a user does, without what the outer pytest or CI left in the environment."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "CI", "BUILD_"))}
    return subprocess.run(
        [sys.executable, "-mpytest", *arguments],
        cwd=folder,
        env={**environ, "COLUMNS": "80", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def write(folder: Path, block: Block) -> None:
    path = folder / block.name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(block.text)


class Shown(NamedTuple):
    """A command with its output, and the files that a reader has by then."""

    arguments: list[str]
    output: list[str]
    files: list[Block]


def shown_sessions(text: str) -> Iterator[Shown]:
    files: list[Block] = []
    for block in blocks(text):
        first, *output = block.text.splitlines()
        if block.language == "console" and output and not output[0].startswith("$ "):
            yield Shown(shlex.split(first)[2:], output, files)
            files = []
        if block.language in FILES:
            files.append(block)


SESSIONS = {name: sessions for name, text in DOCS.items() if (sessions := list(shown_sessions(text)))}


def form(line: str) -> str:
    """A line of output without what differs from run to run: figures, names of runs and the length of rules."""
    without_names = re.sub(r"\b\d{8}-\d{6}-[0-9a-f]{6}\b", "RUN", line)
    without_figures = re.sub(r"[<$]*\d+(\.\d+)?(ms|min|[shkM]\b)?", "#", without_names)
    return " ".join(re.sub(r"([=_-])\1{2,}", r"\1\1\1", without_figures).split())


def unfolded(text: str) -> str:
    """A line that had to go on in the next one, as one: how long it is depends on its figures."""
    return re.sub(r"\n  (?=\S)", " ", text)


def is_of_a_busy_machine(line: str) -> bool:
    """What the summary says where this machine, and not the program, was slow."""
    return line.startswith("latency is overstated: this machine was busy")


def exit_status(output: list[str]) -> int:
    """What such an output ends with: gates decide where there are some, else single results do."""
    if any(line.startswith("gate ") for line in output):
        return any(line.startswith("gate failed") for line in output)
    return any(word in output[-1] for word in ("failed", "error", "unknown"))


@pytest.mark.parametrize("name", SESSIONS)
def test_the_commands_print_what_the_document_shows(name: str, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for shown in SESSIONS[name]:
        for block in shown.files:
            write(tmp_path, block)

        done = run_pytest(tmp_path, *shown.arguments)

        printed = "\n".join(map(form, filterfalse(is_of_a_busy_machine, unfolded(done.stdout).splitlines())))
        for part in "\n".join(("", *map(form, unfolded("\n".join(shown.output)).splitlines()))).split("\n...\n"):
            assert part.strip() in printed
        assert done.returncode == exit_status(shown.output), done.stdout


def test_the_files_of_all_documents_run_together_and_pass(tmp_path: Path) -> None:
    for name, text in DOCS.items():
        for block in blocks(text):
            if block.language in FILES - {"toml"} and not block.name.startswith(APART):
                write(tmp_path / name, block)
    folders = [path.name for path in tmp_path.iterdir()]

    options = ("--bench-models=sim/steady", "--bench-json=bench.json", "--bench-report=history=history.csv")
    done = run_pytest(tmp_path, "--bench", *folders, *options)

    assert done.returncode == 0, done.stdout
    results = json.loads((tmp_path / "bench.json").read_text())["results"]
    assert {Path(result["nodeid"].partition("::")[0]).name for result in results} == {
        Path(block.name).name
        for text in DOCS.values()
        for block in blocks(text)
        if (block.language in {"yaml", "jsonl"} or ".questions." in block.name) and not block.name.startswith(APART)
    }
    assert {"ends_with", "sentences"} <= {check["name"] for result in results for check in result["checks"]}
    assert len((tmp_path / "results.tsv").read_text().splitlines()) == len(results)
    (row,) = (tmp_path / "history.csv").read_text().splitlines()
    passed = sum(result["status"] == "passed" for result in results)
    assert row.split(",")[1:3] == ["sim/steady", str(passed)]


def test_the_files_with_a_server_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for block in blocks(DOCS["extending"]):
        if block.name.startswith(WITH_A_SERVER):
            write(tmp_path, block)

    done = run_pytest(tmp_path / WITH_A_SERVER, "--bench", "shop.yaml", "--bench-json=bench.json")

    assert done.returncode == 0, done.stdout
    (result,) = json.loads((tmp_path / WITH_A_SERVER / "bench.json").read_text())["results"]
    assert result["response"]["text"] == "4.20"


CONFIGURATIONS = [
    (name, file.name)
    for name in DOCS
    for file in blocks(DOCS[name])
    if file.language == "toml" and not file.name.startswith(WITH_A_SERVER)
]


@pytest.mark.parametrize(("name", "file"), CONFIGURATIONS)
def test_a_configuration_defines_models(name: str, file: str, tmp_path: Path) -> None:
    for block in blocks(DOCS[name]):
        if block.name == file:
            write(tmp_path, block)

    config = read_config(tmp_path / file)

    models = Models((), config, sim_url="http://127.0.0.1/v1")
    defined = (*config.models, *config.model)
    assert defined
    for model in defined:
        assert models.resolve(model).name


def test_the_readme_counts_the_examples_as_they_are() -> None:
    told = re.search(r"= (\d+) runs \(not every pair has", DOCS["README"])
    options = LoadOptions(graders=BUILTIN, extraction=Extract)
    files = [path for known in FORMATS for pattern in known.patterns for path in (ROOT / "examples").rglob(pattern)]
    # The README's reader has no extras installed: those examples are left out.
    files = [path for path in files if path.parent.name != "extras"]
    scenarios = [scenario for path in files for scenario in load(path, path.name, options) or ()]

    assert told is not None
    assert int(told[1]) == sum(len(scenario.models) * (scenario.repeat or 1) for scenario in scenarios)


@pytest.mark.parametrize("name", DOCS)
def test_every_file_has_a_name(name: str) -> None:
    assert [block.text for block in blocks(DOCS[name]) if block.language in FILES and not block.name] == []


def test_the_readme_leads_to_every_page() -> None:
    """At once, or from a page that it leads to."""
    found = {"README"}
    while more := {Path(path).stem for name in found for path, _ in links(PAGES[name])} & set(PAGES) - found:
        found |= more

    assert found == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    folder = ROOT if name == "README" else ROOT / "docs"
    broken = []
    for path, anchor in links(PAGES[name]):
        target = (folder / path) if path else (folder / f"{name}.md")
        if not target.is_file() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(f"{path}#{anchor}")

    assert broken == []
