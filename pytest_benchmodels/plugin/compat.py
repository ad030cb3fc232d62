"""The private API of pytest that we use, each with its reason. `tests/plugin/test_plugin_compat.py` watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, TextIO

import pytest

_NodeId: Any
try:
    from _pytest.nodeid import NodeId as _NodeId  # from pytest 9.2 on
except ImportError:
    _NodeId = None

__all__ = [
    "drop_testcase",
    "drop_unused",
    "end_fixtures",
    "has_own",
    "is_skipped",
    "keep_rootdir",
    "let_go",
    "location_name",
    "made_on_demand",
    "node_id",
    "reported_id",
    "skip_here",
    "terminal_file",
]


def keep_rootdir(config: pytest.Config) -> None:
    """Find the rootdir as if our options had been known then.

    pytest looks for it before it loads plugins, and takes the second word of `--bench-json /tmp/bench.json` for a path
    with tests, if there is such a file: the rootdir, and with it bench.toml, the store and all node ids, would be
    others than before the first report was there. Raises `pytest.UsageError` where a configuration was read that is
    none of this session's.
    """
    from _pytest.config.findpaths import determine_setup  # noqa: PLC0415 - no public way to ask

    known = config.known_args_namespace
    rootpath, inipath, *_ = determine_setup(
        inifile=known.inifilename,
        override_ini=known.override_ini,
        args=known.file_or_dir,
        rootdir_cmd_arg=known.rootdir or None,
        invocation_dir=config.invocation_params.dir,
    )
    if inipath != config.inipath:
        raise pytest.UsageError(
            f"pytest took an option's value for a path with tests, and its configuration from {config.inipath} instead "
            f"of {inipath or 'nowhere'}: write option and value as one word (--bench-json=FILE), or give --rootdir"
        )
    if rootpath != config.rootpath:
        if known.confcutdir == str(config.rootpath):
            known.confcutdir = str(rootpath)
        config._rootpath = rootpath  # noqa: SLF001 - no public way to correct it


def is_skipped(item: pytest.Item) -> bool:
    """Whether a skip or skipif mark of any origin skips this item.

    A run starts long before pytest's setup hook would tell, and a skipped run must not call its model. A mark that
    cannot be evaluated counts as skipping: pytest's own hook then reports what is wrong with it.
    """
    from _pytest.skipping import evaluate_skip_marks  # noqa: PLC0415 - no public way to ask

    if not any(mark.name in {"skip", "skipif"} for mark in item.iter_markers()):
        return False
    try:
        return evaluate_skip_marks(item) is not None
    except (pytest.fail.Exception, TypeError):  # the latter of a skip mark with the arguments of skipif
        return True


def let_go(config: pytest.Config, report: pytest.TestReport) -> None:
    """Let pytest's terminal forget the report that it heard of last.

    It keeps all to the end, and for each failure looks through all passed setups and teardowns.
    """
    stats: dict[str, list[Any]] = getattr(config.pluginmanager.get_plugin("terminalreporter"), "stats", {})
    for kept in stats.values():
        if kept and kept[-1] is report:
            kept.pop()
            return


def reported_id(item: pytest.Item) -> str:
    """What a report of this item gets for its node id: from pytest 9.2 on parsed, which it would do once more."""
    known: str = getattr(item, "_id", item.nodeid)
    return known


def node_id(file: str, scenario: str, name: str) -> Any:
    """`file::name`, the node id of a run of this scenario, as pytest keeps it.

    From 9.2 on it keeps an id's parts beside it. They are the same texts for many runs: here these share them, where
    pytest would cut each out anew.
    """
    text = f"{file}::{name}"
    if _NodeId is None or "[" in scenario or ":" in scenario or ":" in file:
        return text
    return _NodeId(path=file, names=_names(scenario), params=_shared(name[len(scenario) + 1 : -1]))


@lru_cache(maxsize=1)
def _names(scenario: str) -> tuple[str, ...]:
    """Runs of a scenario are made one after another."""
    return (scenario,)


@lru_cache(maxsize=1000)
def _shared(text: str) -> str:
    return text


_UNUSED: Mapping[str, Callable[[Any], object]] = {
    "_report_sections": lambda _: [],
    "_store": lambda item: item.stash,
    "extra_keyword_matches": lambda _: set(),
    "keywords": lambda item: type(item.parent.keywords)(item),
    "own_markers": lambda _: [],
    "stash": lambda _: pytest.Stash(),
    "user_properties": lambda _: [],
}


def drop_unused(item: pytest.Item) -> None:
    """Take off a new item what pytest gave it and is still empty: half of what it takes.

    One by one: an object whose `__dict__` is asked for gets a dictionary, where it could do without.
    """
    for name in _UNUSED:
        with suppress(AttributeError):
            delattr(item, name)


def has_own(item: pytest.Item, name: str) -> bool:
    """Whether an item has this on it, and would not make it."""
    try:
        object.__getattribute__(item, name)
    except AttributeError:
        return False
    return True


def made_on_demand(item: pytest.Item, name: str) -> object:
    """What `drop_unused` took off. Raises `AttributeError` for anything else."""
    make = _UNUSED.get(name)
    if make is None:
        raise AttributeError(f"{type(item).__name__!r} object has no attribute {name!r}")
    return make(item)


def drop_testcase(config: pytest.Config, nodeid: str, node: object) -> None:
    """Let JUnit forget what a dead worker began to tell of an item that runs again: a nameless case would stay."""
    from _pytest.junitxml import xml_key  # noqa: PLC0415 - no public way to take a case back

    xml = config.stash.get(xml_key, None)
    if xml is None:
        return
    for key in [key for key in xml.node_reporters if str(key[0]) == nodeid and key[1] is node]:
        reporter = xml.node_reporters.pop(key)
        if reporter in xml.node_reporters_ordered:
            xml.node_reporters_ordered.remove(reporter)


def end_fixtures(session: pytest.Session) -> None:
    """Tear down whatever is still set up; raise what that raises.

    Its public way is the teardown hook of an item without a next one. A worker hears only after its last item that
    there is none; to go through the hook once more, with an item that no plugin saw begin, breaks those that keep
    something for each item.
    """
    session._setupstate.teardown_exact(None)  # noqa: SLF001 - see above


def skip_here(reason: str) -> BaseException:
    """What skips an item as a mark would: the summary then names the scenario's line, not ours."""
    return pytest.skip.Exception(reason, _use_item_location=True)


def location_name(name: str) -> str:
    """An item's name as a report's location holds it.

    Where a node id ends with that, pytest's terminal takes it for a Python path and shows its dots as `::`, an id that
    nobody could type again. A space at its end keeps `v1.5[model]` as it is, and shows nowhere.
    """
    return f"{name} " if "." in name.partition("[")[0] else name


def terminal_file(reporter: Any) -> TextIO:
    """What pytest's terminal reporter writes to: its writer's own `write` counts columns, ours must not be counted."""
    file: TextIO = reporter._tw._file  # noqa: SLF001 - sys.stdout is captured while tests run
    return file
