"""The controller's look after its workers: one whose interpreter a check holds is killed, and replaced by xdist."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .marks import Marks
from .overdue import overdue_in, records_path

__all__ = ["Patrol"]

_EVERY_S = 1.0


class Patrol:
    """Looks once a second. `marks` are those of the workers, by their names; they may become more.

    A worker on another machine has no file here, and is not looked after.
    """

    def __init__(self, marks: Mapping[str, Marks]) -> None:
        self._marks = marks
        self._seen: Counter[str] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._walk, name="benchmodels-patrol", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()

    def _walk(self) -> None:
        while not self._over.wait(_EVERY_S):
            self.look()

    def look(self) -> None:
        """Look at each worker once."""
        for name, marks in list(self._marks.items()):
            self._look_at(name, marks)

    def _look_at(self, name: str, marks: Marks) -> None:
        """Kill the worker if it is late twice in a row: both may have been stopped together before the first."""
        worker, overdue = overdue_in(Path(records_path(marks.path)))
        if not overdue or not worker:
            self._seen[name] = 0
            return
        self._seen[name] += 1
        if self._seen[name] == 2:
            marks.accuse(overdue[0].item_index)
            marks.leave_word(f"killed, for {overdue[0].text}")
            with suppress(OSError):
                os.kill(worker, signal.SIGKILL)
