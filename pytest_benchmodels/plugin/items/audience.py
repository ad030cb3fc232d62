"""Who takes part in an item's way through pytest's protocol: which plugins, in this process and at a controller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import msgspec
import pytest

__all__ = ["REDRAWING", "RERUNS", "XDIST", "Audience", "is_of", "modules_of"]

REDRAWING = "benchmodels-live-redrawing"
"""The plugin of ours that draws its line anew when a run ends; all others of ours do nothing then by themselves."""
RERUNS = "pytest_rerunfailures"
XDIST = ("xdist", "__channelexec__")
"""The latter is what execnet calls the module of xdist's that it runs in a worker."""


def modules_of(hook: Any, name: str) -> Iterator[str]:
    """The modules that implement a hook."""
    return (implementation.function.__module__ for implementation in getattr(hook, name).get_hookimpls())


def is_of(module: str, packages: tuple[str, ...]) -> bool:
    """Whether it is one of these, or a part of one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


_HEAR_OUTCOMES_ONLY = (
    *(f"_pytest.{name}" for name in ("cacheprovider", "logging", "main", "stepwise", "terminal")),
    "pytest_benchmodels",
    RERUNS,  # it hears of reruns only
    *XDIST,  # it passes on what it hears: its controller's plugins are an audience of their own
)
"""Which of them do nothing about the report of a setup or a teardown that passed, but pass it on."""


def _is_logged_live(config: pytest.Config) -> bool:
    """Whether pytest shows records of `logging` as they come, each below the id of its test."""
    return config.option.log_cli_level is not None or bool(config.getini("log_cli"))


class Audience(msgspec.Struct, frozen=True):
    """What those want who hear of runs: all reports or only the one that decides, and whether a run begins and ends."""

    all_reports: bool = False
    starts: bool = False
    finishes: bool = False

    @classmethod
    def of(cls, config: pytest.Config) -> Self:
        """The plugins of this process. Nobody sees the terminal of a worker."""
        terminal = config.pluginmanager.getplugin("terminalreporter")
        is_seen = terminal is not None and not hasattr(config, "workerinput")
        hears = modules_of(config.hook, "pytest_runtest_logreport")
        return cls(
            all_reports=not all(is_of(module, _HEAR_OUTCOMES_ONLY) for module in hears),
            starts=(is_seen and (terminal.showlongtestinfo or terminal.showfspath))
            or _hears(config, "logstart", _NEVER_HEAR_STARTS),
            # Older versions of pytest's terminal wrote percentages then.
            finishes=config.pluginmanager.hasplugin(REDRAWING) or _hears(config, "logfinish", _NEVER_HEAR_FINISHES),
        )

    def joined_by(self, other: Audience) -> Audience:
        """Both together."""
        return Audience(
            self.all_reports or other.all_reports, self.starts or other.starts, self.finishes or other.finishes
        )


_NEVER_HEAR_FINISHES = ("_pytest.logging", "pytest_benchmodels", *XDIST)
_NEVER_HEAR_STARTS = (*_NEVER_HEAR_FINISHES, "_pytest.terminal")


def _hears(config: pytest.Config, step: str, never: tuple[str, ...]) -> bool:
    """Whether others than these implement a step, or pytest's logging has a use for it."""
    modules = list(modules_of(config.hook, f"pytest_runtest_{step}"))
    return not all(is_of(module, never) for module in modules) or (
        "_pytest.logging" in modules and _is_logged_live(config)
    )
