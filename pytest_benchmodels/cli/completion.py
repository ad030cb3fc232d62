"""Completion of names in the shell, through argcomplete where it is installed and set up."""

from __future__ import annotations

import os
from argparse import Action, ArgumentParser, Namespace
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_benchmodels.store import Store

__all__ = ["complete", "completes_files", "completes_nodeids", "completes_runs", "typed_words"]


def typed_words() -> list[str]:
    """The words so far, if it is the shell that asks; else none."""
    return os.environ.get("COMP_LINE", "").split() if "_ARGCOMPLETE" in os.environ else []


def complete(parser: ArgumentParser) -> None:
    """Answer the shell and end, if it is the shell that asks."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    with suppress(ImportError):
        import argcomplete  # noqa: PLC0415 - an extra, and only for the shell

        argcomplete.autocomplete(parser)


def completes_runs(action: Action) -> None:
    """Offer the ids of the store's runs, and files."""
    action.completer = _runs  # type: ignore[attr-defined] # argcomplete's way to say it


def completes_nodeids(action: Action) -> None:
    """Offer the node ids of the run that was typed before."""
    action.completer = _nodeids  # type: ignore[attr-defined] # the same


def completes_files(action: Action) -> None:
    """Offer files."""
    action.completer = _files  # type: ignore[attr-defined] # the same


def _files(prefix: str, **_: object) -> list[str]:
    from argcomplete.completers import FilesCompleter  # noqa: PLC0415 - an extra, and it is what called us

    return list(FilesCompleter()(prefix))


# Whatever is wrong with a store, the shell's next line is no place to say it.


def _runs(prefix: str, parsed_args: Namespace, **_: object) -> list[str]:
    names = [*_files(prefix), "latest"]
    with suppress(Exception), _store(parsed_args) as store:
        names += [run.id for run in store.runs.newest_first()]
    return names


def _nodeids(prefix: str, parsed_args: Namespace, **_: object) -> list[str]:
    with suppress(Exception), _store(parsed_args) as store:
        known = store.results.grade_fingerprints(store.runs.find(parsed_args.run_name).id)
        return [nodeid for nodeid in known if nodeid.startswith(prefix)]
    return []


def _store(arguments: Namespace) -> Store:
    from pytest_benchmodels.cli.location import read_store  # noqa: PLC0415 - only for the shell

    return read_store(arguments.store)
