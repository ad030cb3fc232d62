"""`benchmodels merge`: the shards of a run become one run."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from pytest_benchmodels.cli.commands import completes_files
from pytest_benchmodels.cli.output import Output
from pytest_benchmodels.cli.source import FileSource, Source, StoreSource, read_store
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.text import plain, quote
from pytest_benchmodels.reports.bench_json import read_bench_json
from pytest_benchmodels.reports.units import one_line, plural
from pytest_benchmodels.store import Store, StoredRun
from pytest_benchmodels.store.record import State
from pytest_benchmodels.store.runs import new_id

__all__ = ["Part", "add_arguments", "check_shards", "join_shards", "open_shard", "run"]

_SQLITE = b"SQLite format 3\0"
_OPTION = "--bench-shard"
_FORCE = "or merge what there is with --force"
_SHARD_LIMIT = 20


class Part(NamedTuple):
    """One shard: where it is, as the user named it, and its run."""

    name: str
    source: Source


@contextmanager
def open_shard(name: str, out: str) -> Iterator[Part]:
    """The newest run of a store, or a `--bench-json` file. Raises `BenchError` for anything else."""
    path = Path(name)
    if not path.is_file():
        raise ConfigError(f"{quote(name, 300)}: there is no such file; name a store or a file that --bench-json wrote")
    if Path(out).exists() and path.samefile(out):
        raise ConfigError(f"{quote(name, 300)} is to be merged into itself; name another file as OUT")
    with path.open("rb") as file:
        is_store = file.read(len(_SQLITE)) == _SQLITE
    if is_store:
        with read_store(name) as store:
            yield Part(name, StoreSource(store, store.runs.find("latest")))
    else:
        yield Part(name, FileSource(read_bench_json(path)))


def check_shards(parts: Sequence[Part]) -> None:
    """Raise `ConfigError` that says what keeps the parts from being one whole: all of it."""
    problems = [*_unfinished(parts), *_missing(parts), *_overlapping(parts)]
    if problems:
        raise ConfigError("\n".join(problems))


def _unfinished(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        run = part.source.run
        if not run.is_complete:
            remedy = "wait for its end" if run.state == "running" else f"finish it with {_resuming(run)}"
            yield f"{quote(part.name, 300)}: its run {plain(run.id)} is {run.state}; {remedy}, {_FORCE}"


def _resuming(run: StoredRun) -> str:
    """The options that finish a run; those of its whole command line fit no message."""
    return f"--bench-resume {_OPTION} {one_line(run.shard, _SHARD_LIMIT)}" if run.shard else "--bench-resume"


def _missing(parts: Sequence[Part]) -> Iterator[str]:
    """What the shards' own numbers say is missing; a `--bench-json` file may have no number."""
    numbered = [(shard, part) for part in parts if (shard := _shard(part)) is not None]
    totals = sorted({of for (_, of), _ in numbered})
    if len(totals) > 1:
        told = ", ".join(f"{quote(part.name, 300)} is {number}/{of}" for (number, of), part in numbered)
        yield f"these are shards of different splits ({told}); merge those of one, {_FORCE}"
        return
    for total in totals:
        there = {number for (number, _), _ in numbered}
        missing = [number for number in range(1, total + 1) if number not in there]
        if len(missing) > len(parts) - len(numbered):
            shown = ", ".join(f"{number}/{total}" for number in missing[:10])
            more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
            yield f"missing: shard {shown}{more}; name where they are, {_FORCE}"


def _overlapping(parts: Sequence[Part]) -> Iterator[str]:
    owners: dict[str, int] = {}
    for index, part in enumerate(parts):
        twice = [each.nodeid for each in part.source.results() if owners.setdefault(each.nodeid, index) != index]
        if twice:
            first = f"{quote(twice[0], 200)} is in {quote(parts[owners[twice[0]]].name, 300)} too"
            more = f" and {len(twice) - 1} more" if len(twice) > 1 else ""
            yield f"{quote(part.name, 300)} overlaps: {first}{more}; name each shard once, {_FORCE}"


def _shard(part: Part) -> tuple[int, int] | None:
    number, _, of = (part.source.run.shard or "").partition("/")
    if not (number.isdecimal() and of.isdecimal() and max(len(number), len(of)) < 6):
        return None
    return int(number), int(of)


def join_shards(out: str, parts: Sequence[Part]) -> tuple[str, int]:
    """Make one run of the parts in the store `out`; return its id and how many results it has.

    The parts are joined in a file beside that store: in the store itself each shard would be a run of its own.
    """
    with TemporaryDirectory(prefix="benchmodels-") as folder, Store.open(Path(folder) / "parts.sqlite") as beside:
        run_ids = []
        for part in parts:
            run_ids.append(beside.runs.insert(_settled(part.source.run)))
            beside.results.add(run_ids[-1], part.source.records())
            part.source.copy_answers(beside)
        joined = StoreSource(beside, beside.runs.find(beside.join(run_ids)))
        with Store.open(Path(out)) as store:
            run_id = store.runs.insert(joined.run)
            store.results.add(run_id, joined.records())
            joined.copy_answers(store)
            return run_id, len(store.results.ranks(run_id))


def _settled(run: StoredRun) -> StoredRun:
    """The shard's run under an id of its own, as one on which nobody works."""
    words = [word for word in run.command if not word.startswith(f"{_OPTION}=")]
    if _OPTION in words:
        at = words.index(_OPTION)
        del words[at : at + 2]
    state: State = "finished" if run.state == "finished" else "interrupted"
    return replace(run, id=new_id(time.time()), command=tuple(words), state=state)


def add_arguments(parser: ArgumentParser) -> None:
    completes_files(
        parser.add_argument("out", metavar="OUT", help="the store that gets the run; made if it is not there")
    )
    completes_files(
        parser.add_argument(
            "parts", nargs="+", metavar="STORE_OR_JSON", help="a store, whose newest run it is, or a --bench-json file"
        )
    )
    parser.add_argument(
        "--force", action="store_true", help="merge shards even if some are missing, unfinished or overlap"
    )


def run(arguments: Namespace, output: Output) -> int:
    with ExitStack() as opened:
        parts = [opened.enter_context(open_shard(name, arguments.out)) for name in arguments.parts]
        if not arguments.force:
            check_shards(parts)
        run_id, results = join_shards(arguments.out, parts)
    output.line(f"{run_id}: {plural(results, 'result')} of {plural(len(parts), 'part')}, in {arguments.out}")
    return 0
