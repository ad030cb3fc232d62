"""A report of a user's own: their code writes a file, which is put in its place when it is complete."""

from __future__ import annotations

import inspect
import re
import shutil
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.text import harmless, quote
from pytest_benchmodels.core.user_code import raised
from pytest_benchmodels.reports.bench_json import Evaluation
from pytest_benchmodels.reports.files import is_special, naming

__all__ = ["Report", "own_reports"]

_HOOK = "pytest_bench_reports"
_NAME = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)
_RULE = "a report is a function (path, evaluation), or a class or an object with such a method `write`"


class Report(Protocol):
    """Writes one file of a run."""

    def __call__(self, path: Path, option: str, evaluation: Evaluation, /) -> None:
        """Write it. Raises `ConfigError`, which names the `option` that asked for the file, if that cannot be done."""


def own_reports(found: Iterable[object], taken: Container[str]) -> dict[str, Report]:
    """What hooks returned as reports, by name. Raises `ConfigError` for what can be none, and for a taken name."""
    reports: dict[str, Report] = {}
    for returned in found:
        if not isinstance(returned, Mapping):
            rule = "give a mapping of names to reports, such as {'history': write_history}"
            raise ConfigError(f"{_HOOK} returned {quote(returned)}: {rule}")
        for name, given in returned.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                rule = "use letters, digits, '_', '-' and '.', a letter first"
                raise ConfigError(f"{_HOOK}: {quote(name)} is no name of a report: {rule}")
            if name in taken or name in reports:
                raise ConfigError(f"{_HOOK}: there is a report {name!r} already; give yours another name")
            reports[name] = partial(_write, name, _writer(name, given))
    return reports


def _writer(name: str, given: Any) -> Callable[[Path, Evaluation], object]:
    """What is to be called. A class is made an object of now, so that what it lacks is told before the session."""
    what = f"{_HOOK}: the report {name!r}"
    if inspect.isclass(given):
        try:
            given = given()
        except (Exception, SystemExit) as error:
            raise ConfigError(f"{what} cannot be made: {raised(error)}") from error
    write = getattr(given, "write", given)
    if not callable(write):
        raise ConfigError(f"{what} is {quote(given)}: {_RULE}")
    if inspect.iscoroutinefunction(write):
        raise ConfigError(f"{what} is asynchronous: {_RULE}")
    try:
        inspect.signature(write).bind(Path(), None)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{what} cannot be called so ({error}): {_RULE}") from None
    return write  # type: ignore[no-any-return] # as far as can be told


def _write(
    name: str, write: Callable[[Path, Evaluation], object], path: Path, option: str, evaluation: Evaluation
) -> None:
    with naming(path, option), _staged(path) as staged:
        try:
            write(staged, evaluation)
        except (ConfigError, KeyboardInterrupt):
            raise
        except BaseException as error:  # `pytest.fail()` is no Exception, and no reason to lose the other reports
            raise ConfigError(
                f"{option} {str(path)!r} cannot be written: the report {name!r} crashed: {harmless(raised(error))}"
            ) from error
        if not staged.exists():
            rule = "write it to the path that `write` is given"
            raise ConfigError(f"{option} {str(path)!r}: the report {name!r} wrote no file: {rule}")


@contextmanager
def _staged(path: Path) -> Iterator[Path]:
    """A file of the same name in a folder of its own, with what `path` holds now; put in its place if all goes well.

    So a reader sees the old file until the new one is complete, a report may add to what is there, and files that it
    writes beside come along.
    """
    if is_special(path):
        yield path
        return
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{path.name[:40]}.", dir=target.parent, ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        if target.exists():
            shutil.copy2(target, folder / path.name)
        yield folder / path.name
        for written in sorted(folder.iterdir()):
            place = target if written.name == path.name else target.parent / written.name
            if written.is_dir():
                shutil.copytree(written, place, dirs_exist_ok=True)
            else:
                written.replace(place)
