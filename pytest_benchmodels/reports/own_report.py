"""Reports: ours by their options, and those of `pytest_bench_reports`."""

from __future__ import annotations

import inspect
import re
import shutil
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.text import harmless, nearest, quote
from pytest_benchmodels.core.user_code import raised
from pytest_benchmodels.reports.bench_json import Evaluation
from pytest_benchmodels.reports.files import is_special, naming, replacing

__all__ = ["BUILTIN", "Report", "find_reports", "own_reports"]

_WRITERS = {
    "json": ("bench_json", "write_json"),
    "html": ("html", "write_html"),
    "markdown": ("markdown", "write_markdown"),
    "junitxml": ("junit", "write_junit"),
    "ze-json": ("ze_json", "write_ze_json"),
}
"""Each report's module, which is imported when it is written, and the function in it."""


def find_reports(names: Iterable[str], found: Iterable[object]) -> Mapping[str, Report]:
    """The reports of these names, ours or one of those that hooks returned (`found`).

    Raises one `ConfigError` for a name that no report has, and for what hooks returned and can be none.
    """
    own = own_reports(found, taken=BUILTIN)
    known = {**BUILTIN, **own}
    unknown = [name for name in dict.fromkeys(names) if name not in known]
    if unknown:
        told = f"reports are {', '.join(known)}; further ones come from pytest_bench_reports"
        raise ConfigError(
            "\n".join(f"there is no report {quote(name)}{nearest(name, known)}; {told}" for name in unknown)
        )
    return known


def _write_ours(module: str, function: str, path: Path, option: str, evaluation: Evaluation) -> None:
    write = getattr(import_module(f".{module}", __package__), function)
    with replacing(path, option) as stream:
        write(stream, evaluation, evaluation.results())


BUILTIN: Mapping[str, Report] = {name: partial(_write_ours, *writer) for name, writer in _WRITERS.items()}
"""Those that come with the package, by name."""


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
