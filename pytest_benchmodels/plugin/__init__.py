"""The pytest plugin: hooks that delegate. Without `--bench` nothing else of this package is imported."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from pytest_benchmodels.plugin.options import add_options

__all__ = [
    "pytest_addhooks",
    "pytest_addoption",
    "pytest_collection",
    "pytest_configure",
    "pytest_load_initial_conftests",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from pytest_benchmodels import hookspecs  # noqa: PLC0415 - see above

    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    if early_config.known_args_namespace.bench:
        from pytest_benchmodels.plugin.compat import keep_rootdir  # noqa: PLC0415 - see above

        keep_rootdir(early_config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.bench:
        from pytest_benchmodels.plugin.session.install import install  # noqa: PLC0415 - see above

        install(config)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Without `--bench` pytest finds nothing in a scenario file that is named: say what is missing."""
    try:
        return (yield)
    except pytest.UsageError as error:
        named = [name for name in session.config.args if _may_hold_scenarios(session, name.partition("::")[0])]
        if not named or session.config.option.bench:
            raise
        remedy = f"if {named[0]!r} is a scenario file, add --bench: without it no scenario file is collected"
        raise pytest.UsageError(*error.args, remedy) from None


def _may_hold_scenarios(session: pytest.Session, name: str) -> bool:
    from pytest_benchmodels.core.errors import ConfigError  # noqa: PLC0415 - for this message only
    from pytest_benchmodels.formats import BUILTIN, own_formats  # noqa: PLC0415 - the same
    from pytest_benchmodels.plugin.session.user_models import answers  # noqa: PLC0415 - the same

    try:
        own = own_formats(answers(session.config.hook.pytest_bench_formats))
    except ConfigError:  # told with --bench
        own = ()
    return any(known.has(Path(name)) for known in (*BUILTIN, *own))
