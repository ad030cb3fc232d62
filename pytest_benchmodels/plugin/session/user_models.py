"""What `pytest_bench_models` and `pytest_bench_providers` of conftest.py files and plugins give a session."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.run import NO_MODEL
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.core.user_code import raised
from pytest_benchmodels.plugin.session.models import NODE_ID_RULE, Models, fits_a_node_id
from pytest_benchmodels.providers.api_protocol import ApiProtocol
from pytest_benchmodels.providers.catalog import CATALOG, FUNCTION, Registry

__all__ = ["UserModels", "answers", "late_note", "read_registry", "usage_errors"]


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


_MODELS, _PROVIDERS = "pytest_bench_models", "pytest_bench_providers"
_PROVIDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TO_OVERRIDE = ("url", "body", "read")
_NAMES = "write {name: value}"


@contextmanager
def usage_errors() -> Generator[None]:
    """Let pytest show a configuration that cannot work as it shows a wrong option, each fault on a line of its own."""
    try:
        yield
    except ConfigError as error:
        raise pytest.UsageError(*str(error).splitlines()) from None


class UserModels:
    """A plugin object that takes models and providers of the user's before anything is collected."""

    def __init__(self, config: pytest.Config, models: Models) -> None:
        self._config = config
        self._models = models
        self._has_started = False

    def pytest_sessionstart(self) -> None:
        """Ask those that are there by now: the controller of workers loads no others."""
        self._has_started = True
        if any(getattr(self._config.hook, hook).get_hookimpls() for hook in (_MODELS, _PROVIDERS)):
            with usage_errors():
                self._models.registry = read_registry(self._config)

    def pytest_plugin_registered(self, plugin: object) -> None:
        """Remember a conftest.py that comes too late: no worker's controller would know its models."""
        if self._has_started and any(hasattr(plugin, hook) for hook in (_MODELS, _PROVIDERS)):
            self._models.late_note = late_note(plugin, self._config)


def read_registry(config: pytest.Config) -> Registry:
    """Ask each plugin and each conftest.py that is loaded, once; raise one `ConfigError` for all that is wrong."""
    problems: list[str] = []
    protocols = _gathered(config, _PROVIDERS, _protocol_fault, problems)
    providers = {*CATALOG, FUNCTION, *protocols}
    functions = _gathered(config, _MODELS, lambda name, given: _function_fault(name, given, providers), problems)
    if problems:
        raise ConfigError("\n".join(problems))
    return Registry(functions, protocols)


def late_note(plugin: object, config: pytest.Config) -> str:
    """The hint for somebody who misses a model or provider that a conftest.py gave too late."""
    return (
        f" ({_place_of(plugin, config)} has a hook for models or providers, but was loaded after the session had "
        "started: put that into the conftest.py of rootdir or of a folder that the command line names)"
    )


def _place_of(plugin: object, config: pytest.Config) -> str:
    """The file of a conftest.py or a plugin, for a reader."""
    file = getattr(plugin, "__file__", None)
    if file is None:
        return f"plugin {quote(config.pluginmanager.get_name(plugin))}"
    path = Path(file)
    return str(path.relative_to(config.rootpath) if path.is_relative_to(config.rootpath) else path)


def _gathered(
    config: pytest.Config, hook: str, fault_of: Callable[[object, object], str], problems: list[str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    places: dict[str, str] = {}
    for place, given in _answers(config, hook, problems):
        for name, value in given.items():
            if fault := fault_of(name, value):
                problems.append(f"{place}: {hook}: {fault}")
            elif name in places:
                problems.append(f"{place}: {hook}: {quote(name)} is given twice, in {places[name]} too: rename one")
            else:
                found[name], places[name] = value, place
    return found


def _answers(config: pytest.Config, hook: str, problems: list[str]) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """What each plugin answers, with its place: a hook that makes its functions anew with each call is called once."""
    implementations = getattr(config.hook, hook).get_hookimpls()
    plugins = [implementation.plugin for implementation in implementations]
    for plugin in dict.fromkeys(plugins):
        place = _place_of(plugin, config)
        others = [other for other in plugins if other is not plugin]
        try:
            answers = config.pluginmanager.subset_hook_caller(hook, others)()
        except (KeyboardInterrupt, pytest.UsageError, pytest.exit.Exception):
            raise
        except BaseException as error:  # noqa: BLE001 - a user's code may raise anything, `pytest.skip()` too
            problems.append(f"{place}: {hook}() crashed: {raised(error)}")
            continue
        for answer in answers:
            if isinstance(answer, Mapping):
                yield place, answer
            else:
                problems.append(f"{place}: {hook}() has to return a dict, got {type(answer).__name__}: {_NAMES}")


def _function_fault(name: object, given: object, providers: Collection[str]) -> str:
    """What is wrong with a name and its function; empty if nothing."""
    if not isinstance(name, str) or not name.strip() or name == NO_MODEL:
        return f"{quote(name)} is no name of a model: give a text such as 'my/agent'"
    if not fits_a_node_id(name):
        return f"the name {quote(name)} {NODE_ID_RULE}"
    if "," in name or name != name.strip():
        return f"the name {quote(name)} could not be given to --bench-models: leave out commas and blanks around it"
    provider = name.partition("/")[0]
    if provider in providers:
        return f"{quote(name)} names a model of the provider {provider!r}: begin it with another word"
    if not callable(given):
        return f"{quote(name)} is {quote(given)}, which is not callable: give a function from a Request to a text"
    return ""


def _protocol_fault(name: object, given: object) -> str:
    """What is wrong with a name and its protocol; empty if nothing."""
    if not isinstance(name, str) or not _PROVIDER_NAME.fullmatch(name):
        return f"{quote(name)} is no name of a provider: use letters, digits, `.`, `_` and `-`"
    if name in CATALOG or name == FUNCTION:
        return f"there is a provider {name!r} already: rename yours"
    if isinstance(given, type):
        return f"{name!r} is the class {given.__name__}: give an instance of it"
    if not isinstance(given, ApiProtocol):
        return f"{name!r} is {quote(given)}, which is no ApiProtocol: derive a class from it, and give an instance"
    missing = [f"{method}()" for method in _TO_OVERRIDE if getattr(type(given), method) is getattr(ApiProtocol, method)]
    return f"{name!r}: {type(given).__name__} lacks {', '.join(missing)}: write what is missing" if missing else ""
