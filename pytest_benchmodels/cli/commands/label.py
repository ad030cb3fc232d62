"""`benchmodels label`: answers for people to judge, who do not see what the judge said."""

from __future__ import annotations

import codecs
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from pytest_benchmodels.cli.commands import add_output, add_run, add_store, count
from pytest_benchmodels.cli.labelling import SheetFormat, Task, encoded_rows, sample, tasks
from pytest_benchmodels.cli.output import Output
from pytest_benchmodels.cli.source import open_source
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.formats.label_file import read_labels
from pytest_benchmodels.reports.files import is_special, naming, replacing
from pytest_benchmodels.reports.units import plural

__all__ = ["add_arguments", "run"]

_USUAL = 40
_FORMS = {".csv": "csv", ".jsonl": "jsonl"}
_ANSWERS = {**dict.fromkeys(("p", "pass", "y", "yes"), "pass"), **dict.fromkeys(("f", "fail", "n", "no"), "fail")}
_HELP = "p: it passes, f: it fails, s: skip it, q: stop here"


def add_arguments(parser: ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument(
        "--sample", type=_some, default=_USUAL, metavar="N", help=f"how many answers (default: {_USUAL})"
    )
    parser.add_argument(
        "--seed", type=count, default=0, metavar="N", help="which sample: the same one for the same number (default: 0)"
    )
    parser.add_argument(
        "--check",
        action="append",
        default=[],
        metavar="NAME",
        help="the check to be labelled (default: those that a model judges); may be repeated",
    )
    parser.add_argument("--format", choices=tuple(_FORMS.values()), help="what is written (default: as FILE ends)")
    parser.add_argument("--ask", action="store_true", help="ask here, and add each label to FILE at once")
    parser.add_argument("--by", default="", metavar="NAME", help="who labels (default: the file's name)")
    add_output(parser, "-o", "--output", text="where it is written (default: standard output)")
    add_store(parser)


def _some(text: str) -> int:
    number = count(text)
    if not number:
        raise ArgumentTypeError("0 answers tell nothing; write a number from 1, such as 40")
    return number


def run(arguments: Namespace, output: Output) -> int:
    path = None if arguments.output is None else Path(arguments.output)
    form = _form(arguments.format, path)
    if arguments.ask and path is None:
        raise ConfigError("--ask needs a file for the labels: name one with -o FILE")
    if path is not None and path.exists() and not is_special(path) and not arguments.ask:
        raise ConfigError(
            f"-o {quote(str(path), 300)}: the file is there, and may hold labels; name another one, or remove it"
        )
    with open_source(arguments.run_name, arguments.store) as source:
        chosen = tasks(source, sample(source, arguments.sample, arguments.seed, arguments.check))
    if arguments.ask and path is not None:
        _ask(chosen, _Sheet(path, form, arguments.by.strip() or path.stem), output)
    elif path is not None:
        with replacing(path, "--output") as stream:
            stream.writelines(_rows(chosen, form, arguments.by))
        output.line(f"{plural(len(chosen), 'answer')} to label in {path}: write pass or fail into `label`")
    else:
        output.binary.writelines(_rows(chosen, form, arguments.by))
    return 0


def _form(named: str | None, path: Path | None) -> SheetFormat:
    """Raises `ConfigError` for a file by whose name nobody could tell it again."""
    if path is None or is_special(path):
        return cast("SheetFormat", named or "csv")
    known = _FORMS.get(path.suffix.lower())
    if known is None or named not in (None, known):
        ending = f" for --format {named}" if named else ""
        raise ConfigError(
            f"-o {quote(str(path), 300)}: name a file that ends in {' or '.join(_FORMS)}{ending}: "
            "by its ending labels are read again"
        )
    return cast("SheetFormat", known)


def _rows(chosen: list[Task], form: SheetFormat, labeller: str) -> Iterator[bytes]:
    return encoded_rows((task.row(labeller=labeller) for task in chosen), form)


class _Sheet:
    """The file that labels are added to, one by one: what was said stays, whatever ends the session."""

    def __init__(self, path: Path, form: SheetFormat, labeller: str) -> None:
        self.path = path
        self.labeller = labeller
        self._form = form
        self._known = read_labels([path]) if path.exists() else None
        with naming(path, "--output"):
            start = path.read_bytes() if path.exists() else b""
        self._is_cut = bool(start) and not start.endswith(b"\n")
        head = next(encoded_rows(iter(()), "csv"))
        if start and form == "csv" and not start.removeprefix(codecs.BOM_UTF8).startswith(head.rstrip()):
            raise ConfigError(f"-o {quote(str(path), 300)}: its columns are no longer ours; name another file")

    def has(self, task: Task) -> bool:
        """Whether this person has labelled it."""
        said = self._known.of(task.key) if self._known is not None else ()
        return any(label.labeller == self.labeller for label in said)

    def add(self, task: Task, label: str) -> None:
        """Write a label and see that it is on the disk. Raises `ConfigError` where that cannot be."""
        with naming(self.path, "--output"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as stream:
                row = task.row(label, self.labeller)
                stream.write(b"\n" if self._is_cut else b"")
                self._is_cut = False
                stream.writelines(encoded_rows(iter([row]), self._form, heads=not stream.tell()))
                stream.flush()
                os.fsync(stream.fileno())


def _ask(chosen: list[Task], sheet: _Sheet, output: Output) -> None:
    left = [task for task in chosen if not sheet.has(task)]
    done = 0
    for number, task in enumerate(left, len(chosen) - len(left) + 1):
        for line in _shown(task, f"{number} of {len(chosen)}"):
            output.line(line)
        label = _said(output)
        if label is None:
            break
        if label:
            sheet.add(task, label)
            done += 1
    known = f", {len(chosen) - len(left)} were there" if len(left) < len(chosen) else ""
    output.line(f"{plural(done, 'label')} added to {sheet.path}{known}, of {plural(len(chosen), 'answer')}")


def _shown(task: Task, number: str) -> Iterator[str]:
    yield f"--- {number}: {task.key.scenario}, {task.key.check} ---"
    for title, text in (("question", task.question), ("answer", task.answer), ("reference", task.reference)):
        if text or title == "answer":
            yield f"{title}:\n  {_indented(text) or '(empty)'}"
    yield f"does the answer pass this?\n  {_indented(task.asked)}"


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")


def _said(output: Output) -> str | None:
    """`pass` or `fail`; empty to skip it, None to stop, also where nothing more can be read."""
    while True:
        output.line(f"[{_HELP}]")
        output.flush()
        line = sys.stdin.readline()
        word = line.strip().lower()
        if not line or word in ("q", "quit"):
            return None
        if word in ("s", "skip"):
            return ""
        if word in _ANSWERS:
            return _ANSWERS[word]
        output.line(f"{quote(word)} is none of these")
