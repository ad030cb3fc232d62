"""What the hooks of conftest.py files and plugins return, whose code may fail."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_benchmodels.core.code_location import raised
from pytest_benchmodels.core.errors import ConfigError

__all__ = ["answers"]


def answers(hook: Any) -> list[Any]:
    """All that the implementations of one of our hooks return; `hook` is pluggy's caller of it.

    Raises `ConfigError` with the line of an implementation that raises: pytest would take it for an error of its own.
    """
    try:
        return list(hook())
    except (ConfigError, KeyboardInterrupt, pytest.UsageError, pytest.exit.Exception):
        raise
    except BaseException as error:
        raise ConfigError(f"{hook.name}() crashed: {raised(error)}") from error
