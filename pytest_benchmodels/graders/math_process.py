"""The process that compares mathematical expressions: run as a script, it reads requests and writes verdicts, as lines.

It imports nothing of ours, so that it starts with its package alone, and has none of its parent's environment. What it
parses is hostile: a request that takes more than its limit ends the process, by the kernel's own timer, for no signal
handler of Python's gets its turn within a long computation in C. The timer counts the processor's time: on a busy
machine the same answer gets the same verdict.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import Any

_MEMORY_BYTES = 2**30
_MATHS = ("$", r"\(", r"\[", r"\boxed")
_LONGEST_BARE = 300
_SHOWN = 200


def main() -> None:
    """Answer until standard input ends, as it does when the parent is gone."""
    sys.path[:] = json.loads(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a package prints is no reply
    for line in sys.stdin:
        asked = json.loads(line)
        reply: dict[str, Any]
        try:
            import math_verify  # noqa: F401, PLC0415 - its second is not the answer's

            signal.setitimer(signal.ITIMER_PROF, asked["limit_s"])
            wanted = _wanted(asked["expected"])
            if not wanted or "answer" not in asked:
                reply = {"unreadable": not wanted}
            else:
                reply = _compared(wanted, asked["answer"], asked["decimals"])
        except BaseException as error:  # noqa: BLE001 - whatever a hostile text makes the package raise
            reply = {"fault": f"{type(error).__name__}: {error}"[:_SHOWN]}
        signal.setitimer(signal.ITIMER_PROF, 0)
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def _wanted(expected: str) -> list[Any]:
    """What is expected; empty where it has no value."""
    wanted = _parsed(expected if any(mark in expected for mark in _MATHS) else f"${expected}$")
    return [] if all(isinstance(each, str) for each in wanted) else wanted


def _compared(wanted: list[Any], answer: str, decimals: int) -> dict[str, Any]:
    """Whether the answer gives what is wanted, and what was read of it."""
    from math_verify import verify  # noqa: PLC0415 - as above

    found: list[Any] = []
    for form in _forms(answer):
        found = _parsed(form) or found
        if found and verify(wanted, found, float_rounding=decimals, timeout_seconds=None):
            return {"equal": True, "read": _shown(found)}
    return {"equal": False, "read": _shown(found)}


def _forms(answer: str) -> list[str]:
    """The answer; and once more as a formula, where it may be one that nobody marked as such."""
    bare = answer.strip()
    is_bare = "\n" not in bare and len(bare) <= _LONGEST_BARE and not any(mark in bare for mark in _MATHS)
    return [answer, f"${bare}$"] if is_bare else [answer]


def _parsed(text: str) -> list[Any]:
    from math_verify import parse  # noqa: PLC0415 - as above

    found: list[Any] = parse(text, parsing_timeout=None)
    return found


def _shown(found: list[Any]) -> str:
    return str(found[0])[:_SHOWN] if found else ""


if __name__ == "__main__":
    main()
