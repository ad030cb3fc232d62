"""When xdist's workers start: the first one at once, the others while it works.

Twenty interpreters that boot together keep each other, and the first request, waiting for seconds. So only as many boot
at a time as there are processors to spare, and none any more where nothing is left to begin. No lane is idle for that:
the first worker has those of all, and gives them up as the others come.

xdist has no public way to start a worker later. It does so itself where one died (`DSession._clone_node`), by the same
three steps. `xdist_shape` looks for what they need; `tests/plugin/test_plugin_boot.py` watches it.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Any

import pytest

__all__ = ["WorkerBoot"]


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
