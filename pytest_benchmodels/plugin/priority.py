"""Twenty interpreters that boot together keep the first worker from its first request: all but it boot at low priority.

`nice` is a part of execnet's specifications of workers. A process may lower its priority at will, but raise it again
only with a privilege; a worker that lacks it stays behind the others where the machine is busy, and nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

__all__ = ["boot_behind_the_first", "boots_behind", "with_usual_priority"]

_NICE = 10


def boot_behind_the_first(specs: Sequence[Any]) -> list[Any]:
    """The specifications of workers; those of new processes of this machine, but for the first, with `nice`."""
    from execnet import XSpec  # noqa: PLC0415 - xdist may be absent

    first = next((spec for spec in specs if spec.popen), None)
    return [
        XSpec(f"{spec}//nice={_NICE}") if spec.popen and spec is not first and not spec.nice else spec for spec in specs
    ]


def boots_behind(spec: Any) -> bool:
    """Whether this is one of those."""
    return bool(spec.nice == str(_NICE))


def with_usual_priority() -> None:
    """Undo it in a worker that has booted, where the system lets it."""
    with suppress(OSError, AttributeError):  # AttributeError: a system without priorities
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) - _NICE)
