"""What we rely on of pytest and xdist that is not public, and whom xdist blames for a crash."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple, TextIO

import pytest

__all__ = [
    "Witness",
    "WorkerBoot",
    "blame_rightly",
    "drop_testcase",
    "drop_unused",
    "end_fixtures",
    "has_own",
    "is_known",
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

_NodeId: Any
try:
    from _pytest.nodeid import NodeId as _NodeId  # from pytest 9.2 on
except ImportError:
    _NodeId = None


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
    """The node id that a report of this item gets. From pytest 9.2 on it is parsed, which need not be done twice."""
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
    """The node id's parts, kept for the next run: those of one scenario are made one after another."""
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
    """Take off a new item what pytest gave it and is still empty: half of the memory that it takes.

    One attribute at a time: asking for `__dict__` would make a dictionary, which the item could do without.
    """
    for name in _UNUSED:
        with suppress(AttributeError):
            delattr(item, name)


def has_own(item: pytest.Item, name: str) -> bool:
    """Whether an item has this attribute already, so that it need not be made."""
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
    """An exception that skips an item as a mark would: the summary then names the scenario's line, not one of ours."""
    return pytest.skip.Exception(reason, _use_item_location=True)


def location_name(name: str) -> str:
    """An item's name as a report's location holds it.

    Where a node id ends with that, pytest's terminal takes it for a Python path and shows its dots as `::`, an id that
    nobody could type again. A space at its end keeps `v1.5[model]` as it is, and shows nowhere.
    """
    return f"{name} " if "." in name.partition("[")[0] else name


def terminal_file(reporter: Any) -> TextIO:
    """The file that pytest's terminal reporter writes to. Its own `write` counts columns; ours must not be counted."""
    file: TextIO = reporter._tw._file  # noqa: SLF001 - sys.stdout is captured while tests run
    return file


_WORKER = ("sendevent", "run_one_test", "pytest_runtestloop")
_SESSION = ("worker_unscheduled", "worker_runtest_protocol_complete", "triggershutdown", "_clone_node")


def is_known() -> bool:
    """True for the versions that were tested, and those that kept what we need."""
    try:
        from xdist.dsession import DSession  # noqa: PLC0415 - xdist may be another one
        from xdist.remote import WorkerInteractor  # noqa: PLC0415 - the same
    except ImportError:
        return False
    return all(hasattr(WorkerInteractor, name) for name in _WORKER) and all(
        hasattr(DSession, name) for name in _SESSION
    )


class Witness(NamedTuple):
    """What is known of a worker: whether it reported an item, and which items it was in when it ended."""

    is_reported_by: Callable[[Any, str], bool]
    marked_by: Callable[[Any], Mapping[int, int]]


def blame_rightly(scheduler: Any, witness: Witness) -> None:
    """Correct what a scheduler does where a worker dies."""
    if hasattr(scheduler, "assigned_work") and hasattr(scheduler, "registered_collections"):
        scheduler.remove_node = _Scopes(scheduler, witness, scheduler.remove_node).remove_node
    elif hasattr(scheduler, "_removed2pending") and hasattr(scheduler, "node2collection"):
        each = _Each(scheduler, witness, scheduler.remove_node, scheduler.add_node_collection, scheduler.schedule)
        scheduler.remove_node, scheduler.add_node_collection = each.remove_node, each.add_node_collection
        scheduler.schedule = each.schedule


class _Scopes(NamedTuple):
    """`loadscope`, `loadfile`, `loadgroup`: units of node ids, each of which is finished or not."""

    scheduler: Any
    witness: Witness
    remove: Callable[[Any], str | None]

    def remove_node(self, node: Any) -> str | None:
        assigned = self.scheduler.assigned_work[node]
        units = list(assigned.values())
        for unit in units:
            for nodeid, finished in unit.items():
                unit[nodeid] = finished or self.witness.is_reported_by(node, nodeid)
        left = [nodeid for unit in units for nodeid, finished in unit.items() if not finished]
        culprit = _culprit(left, self.scheduler.registered_collections.get(node, ()), self.witness.marked_by(node))
        for unit in units:
            if culprit in unit:
                unit[culprit] = True  # or it would be sent to the next worker
        # xdist puts finished units back in the queue, too. A worker that takes a dead one's place is handed one unit at
        # first: with nothing in it to be done it would report nothing, and never be handed another.
        for scope in [scope for scope, unit in assigned.items() if all(unit.values())]:
            del assigned[scope]
        self.remove(node)
        return culprit


class _Each(NamedTuple):
    """`each`: every worker has all items, by their place in its collection."""

    scheduler: Any
    witness: Witness
    remove: Callable[[Any], str | None]
    add_collection: Callable[[Any, Sequence[str]], None]
    send: Callable[[], None]

    def schedule(self) -> None:
        """Leave out who takes a dead one's place and has not collected yet: xdist would look for its collection."""
        started = self.scheduler._started  # noqa: SLF001 - its `schedule` passes over these
        absent = [node for node in self.scheduler.node2pending if node not in self.scheduler.node2collection]
        started.extend(absent)
        self.send()
        started[:] = [node for node in started if node not in absent]

    def remove_node(self, node: Any) -> str | None:
        pending, collection = self.scheduler.node2pending[node], self.scheduler.node2collection.get(node, [])
        left = [index for index in pending if not self.witness.is_reported_by(node, collection[index])]
        culprit = _culprit([collection[index] for index in left], collection, self.witness.marked_by(node))
        pending[:] = sorted(left, key=lambda index: collection[index] != culprit)
        return self.remove(node)

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        replaces = self.scheduler.collection_is_completed
        self.add_collection(node, collection)
        if replaces:
            # xdist keeps none of one that takes a dead one's place, and does not expect that nothing is left to do.
            self.scheduler.node2collection[node] = list(collection)
            if not self.scheduler.node2pending[node]:
                self.scheduler._started.append(node)  # noqa: SLF001 - see above
                node.shutdown()


def _culprit(left: Sequence[str], collection: Sequence[str], marked: Mapping[int, int]) -> str | None:
    """Of the items that were left, the most suspect; where none left a mark, the first."""
    suspicion = {collection[index]: suspect for index, suspect in marked.items() if index < len(collection)}
    return max(left, key=lambda nodeid: suspicion.get(nodeid, 0), default=None)


class WorkerBoot:
    """Starts workers one after another. `specs` are those of all; only those to start at once stay in the list."""

    def __init__(self, config: pytest.Config, specs: list[Any]) -> None:
        self._config = config
        local = [spec for spec in specs if spec.popen and not spec.via]
        self._later = deque(local[1:])
        self._at_once = max(1, (os.cpu_count() or 1) - 1)
        _keep_counted(config, specs)
        left_out = {id(spec) for spec in self._later}
        specs[:] = [spec for spec in specs if id(spec) not in left_out]
        self._booting = len(specs)

    def came_up(self) -> None:
        """A worker has collected, or ended before it did."""
        self._booting = max(0, self._booting - 1)

    def go_on(self) -> None:
        """Start as many as may boot at a time, unless the session is stopping."""
        session: Any = self._config.pluginmanager.getplugin("dsession")
        while self._later and self._booting < self._at_once and not (session.shuttingdown or session.shouldstop):
            self._booting += 1
            node = session.nodemanager.setup_node(self._later.popleft(), session.queue.put)
            session._active_nodes.add(node)  # noqa: SLF001 - see above


def _keep_counted(config: pytest.Config, specs: list[Any]) -> None:
    """Let xdist's status line tell how many workers there are to be."""
    status: Any = config.pluginmanager.getplugin("terminaldistreporter")
    if status is not None:
        status._specs = list(specs)  # noqa: SLF001 - it holds our list, from which all but the first are taken
