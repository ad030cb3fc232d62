"""Which store a command is about."""

from __future__ import annotations

import sys
from pathlib import Path

from pytest_benchmodels.cli.output import Output
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.store import Patience, Store

__all__ = ["find_store", "open_store", "read_store"]

_USUAL = Path(".benchmodels") / "store.sqlite"


def _tell(text: str) -> None:
    Output(sys.stderr).line(f"benchmodels: {text}")


_PATIENCE = Patience(tell=_tell)


def find_store(named: str | None) -> Path:
    """The store that was named, else the nearest one, upwards from the current folder.

    Raises `ConfigError` where there is none.
    """
    if named is not None:
        if not Path(named).is_file():
            raise ConfigError(
                f"--store {quote(named, 300)}: there is no such file; name a store that pytest --bench made"
            )
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / _USUAL).is_file():
            return folder / _USUAL
    raise ConfigError(
        f"no store {_USUAL} in this folder or above; run `pytest --bench` first, or name one with --store"
    )


def open_store(named: str | None) -> Store:
    """Open a store that exists, for reading and writing. Raises `ConfigError` or `StoreError`."""
    return Store.open(find_store(named), _PATIENCE)


def read_store(named: str | None) -> Store:
    """Open a store that exists, to read; one that an older version wrote is brought up to date where that can be.

    Raises `ConfigError` or `StoreError`.
    """
    return Store.open_to_read(find_store(named), _PATIENCE)
