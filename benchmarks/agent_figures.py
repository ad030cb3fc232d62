"""What the project promises of command-line agents: that they lose no time to each other, and leave nothing behind."""

from __future__ import annotations

import json
import math
import os
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .contest import WINDOW, Work, pytest_command
from .figures import Figure, shown
from .measure import MeasureError, measure
from .scale import Scale
from .table import Row

__all__ = ["AGENT_FIGURES", "Remains", "agent_durations_s", "remains"]

_MEDIAN_S, _P90_S, _LONGEST_S = 71.0, 240.0, 600.0
"""Of 387 runs of real command-line agents, in seconds."""

_SIGMA = math.log(_P90_S / _MEDIAN_S) / 1.2816
_RATIO = 1.1
_SCRIPT = 'read -r all; set -- "$1" $all; n=$1; shift "$n"; sleep "$1"; echo ok'
"""An agent that reads how long each of them takes, and takes as long as the one that its first word numbers."""

_SUITE = "suite.jsonl"
_OWN = (".benchmodels", ".pytest_cache", "out.json", "pytest.ini", "bench.toml", _SUITE)


def agent_durations_s(work: Work, speed: int) -> list[list[float]]:
    """For each scenario how long each agent takes, in seconds: lognormal, `speed` times less than real ones took."""
    draw = random.Random(13)
    return [
        [min(draw.lognormvariate(math.log(_MEDIAN_S), _SIGMA), _LONGEST_S) / speed for _ in range(work.models)]
        for _ in range(work.scenarios)
    ]


@dataclass(frozen=True, slots=True)
class Remains:
    """What is there that belongs to a folder: processes that are at work in it, files in it, mounts, ports."""

    processes: frozenset[str]
    files: frozenset[str]
    mounts: frozenset[str]
    ports: frozenset[str]

    def beyond(self, before: Remains) -> list[str]:
        """What was not there before, each with its kind."""
        kinds = ("processes", "files", "mounts", "ports")
        return [f"{kind}: {each}" for kind in kinds for each in sorted(getattr(self, kind) - getattr(before, kind))]


def remains(folder: Path) -> Remains:
    """What there is by now of a folder. The project's own files in it do not count."""
    inside = os.path.realpath(folder)
    processes = {name: pid for pid, name in _processes(inside)}
    files = {
        str(path.relative_to(folder)) for path in folder.rglob("*") if not _is_expected(path.relative_to(folder).parts)
    }
    mounts = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines() if inside in line}
    ports = {port for pid in processes.values() for port in _ports(pid)}
    return Remains(frozenset(processes), frozenset(files), frozenset(mounts), frozenset(ports))


def _is_expected(parts: tuple[str, ...]) -> bool:
    """Whether a path is the project's, or pytest's: it keeps the folders of its last three sessions."""
    return (parts[0] in _OWN and "workspaces" not in parts[:-1]) or any(part.startswith("pytest-") for part in parts)


def _processes(inside: str) -> Iterator[tuple[str, str]]:
    """Processes other than this one that have the folder in their words, or work in it: each pid with its words."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or entry.name == str(os.getpid()):
            continue
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if inside in words or str((entry / "cwd").readlink()).startswith(inside):
                yield entry.name, f"{entry.name} {words}"


def _ports(pid: str) -> Iterator[str]:
    """The ports that a process listens on."""
    with suppress(OSError):
        sockets = {str(each.readlink()) for each in Path("/proc", pid, "fd").iterdir()}
        for line in Path("/proc", pid, "net/tcp").read_text().splitlines()[1:]:
            parts = line.split()
            if parts[3] == "0A" and f"socket:[{parts[9]}]" in sockets:
                yield str(int(parts[1].rpartition(":")[2], 16))


def agents(scale: Scale, folder: Path) -> list[Row]:
    """Sessions of three agents in one process and with workers, new and with durations known; and a bare loop."""
    work = scale.work
    takes_s = agent_durations_s(work, scale.agent_speed)
    _write(folder, takes_s)
    bound_s = max(max(sum(each) / WINDOW, *each) for each in zip(*takes_s, strict=True))
    before = remains(folder)
    rows: list[Row] = []
    for place, options in (("one process", ()), (f"-n {scale.workers}", (f"-n{scale.workers}",))):
        for known in ("new", "durations known"):
            if known == "new":
                _forget(folder)
            makespan_s, stated_s = _session(folder, work, options)
            rows.append(
                Row(
                    f"makespan of {shown(work)} of agents that sleep, {place}, {known} / lower bound",
                    f"{makespan_s / bound_s:.2f} x {bound_s:.1f} s ({makespan_s / stated_s:.2f} x that of its summary)",
                    f"{_RATIO} x",
                    scale.judge(holds=makespan_s <= _RATIO * bound_s),
                )
            )
    rows.append(_loop_row(folder, work, bound_s))
    left = remains(folder).beyond(before)
    rows.append(
        Row(
            "processes, files, mounts and ports that are left",
            f"{len(left)}{': ' + '; '.join(left[:5]) if left else ''} ({len(before.processes)} processes before)",
            "0",
            not left,
        )
    )
    return rows


def _write(folder: Path, takes_s: list[list[float]]) -> None:
    (folder / "pytest.ini").write_text("[pytest]\n")
    names = [f"agent{number}" for number in range(1, len(takes_s[0]) + 1)]
    tables = [
        f'[model.{name}]\nprovider = "command"\ncommand = {json.dumps(["sh", "-c", _SCRIPT, "sh", str(number)])}\n'
        for number, name in enumerate(names, 1)
    ]
    (folder / "bench.toml").write_text("\n".join((f"models = {json.dumps(names)}\n", *tables)))
    records = [
        {"id": f"s{number}", "prompt": " ".join(f"{each:.3f}" for each in takes) + "\n", "checks": [{"contains": "ok"}]}
        for number, takes in enumerate(takes_s)
    ]
    (folder / _SUITE).write_text("".join(f"{json.dumps(record)}\n" for record in records))
    (folder / "tmp").mkdir(exist_ok=True)


def _forget(folder: Path) -> None:
    """Let the next session know no durations."""
    for path in (folder / ".pytest_cache").rglob("*"):
        if path.is_file():
            path.unlink()


def _session(folder: Path, work: Work, options: tuple[str, ...]) -> tuple[float, float]:
    """Makespan and lower bound as the session tells them, in seconds."""
    ours = ("--bench-allow-commands", f"--bench-concurrency={WINDOW}", "--bench-json=out.json", "--bench-timeout=60")
    command = pytest_command("--bench", _SUITE, *ours, *options)
    measure(command, folder, {"TMPDIR": str(folder / "tmp")})
    run = json.loads((folder / "out.json").read_text())["run"]
    if run["statuses"].get("passed") != work.runs:
        raise MeasureError(f"{run['statuses']} are not the ends of {work.runs} runs")
    return run["makespan_s"], run["lower_bound_s"]


def _loop_row(folder: Path, work: Work, bound_s: float) -> Row:
    script = Path(__file__).parent / "contenders" / "agents_loop.py"
    command = [sys.executable, str(script), _SUITE, str(work.models), str(WINDOW), _SCRIPT]
    cost = measure(command, folder, {"TMPDIR": str(folder / "tmp")})
    if f"{work.runs} passed" not in cost.output:
        raise MeasureError(f"the bare loop: {cost.output}")
    return Row("the same by a bare loop, start-up included / lower bound", f"{cost.wall_s / bound_s:.2f} x", "-", None)


AGENT_FIGURES: Mapping[str, Figure] = {"agents": agents}
