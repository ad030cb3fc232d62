"""What the project promises of agents that try to outlive their limit: none does, and nobody waits for them."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from .figures import Figure
from .measure import MeasureError
from .outlive import living
from .scale import Scale
from .table import Row

__all__ = ["OUTLIVE_FIGURES"]

_LATE_S, _GROWN_MB = 2.0, 20.0


def outlive(scale: Scale, folder: Path) -> list[Row]:
    """Agents that fork, hide in sessions, ignore TERM, stop or close their pipes; ours, and a bare loop with killpg."""
    rows = []
    for way, told in (("best", "as this machine confines"), ("limits", "process groups and limits alone")):
        seen = _seen(way, scale.outliving, folder)
        holds = seen["survivors"] == 0 and seen["late_s"] <= _LATE_S and seen["grown_mb"] <= _GROWN_MB
        rows.append(Row(_what(scale.outliving, told), _measured(seen), "0; 2 s; 20 MB", scale.judge(holds=holds)))
    # Fewer of these: nearly all survive, and keep the machine busy until the harness ends them.
    few = max(scale.outliving // 10, 8)
    rows.append(Row(_what(few, "a bare loop with killpg"), _measured(_seen("killpg", few, folder))))
    return rows


def _what(count: int, way: str) -> str:
    return f"{count:,} agents that try to outlive 1 s, {way}: survivors; latest end after the limit; growth"


def _measured(seen: Mapping[str, float]) -> str:
    late = f"{seen['late_s']:.2f} s (p50 {seen['late_p50_s']:.2f} s)"
    return f"{seen['survivors']:.0f}; {late}; {seen['grown_mb']:.1f} MB (loop away {seen['away_s']:.2f} s at most)"


def _seen(way: str, count: int, folder: Path) -> dict[str, float]:
    mark = f"outlive-{secrets.token_hex(8)}"
    words = [sys.executable, "-m", "benchmarks.outlive", way, str(count), str(folder / way), mark]
    try:
        ended = subprocess.run(words, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[1])
        return dict(json.loads(ended.stdout))
    except ValueError:
        raise MeasureError(f"the agents did not come to their end:\n{ended.stderr[-2000:]}") from None
    finally:
        for process in living(mark):  # those of the bare loop
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


OUTLIVE_FIGURES: Mapping[str, Figure] = MappingProxyType({"outlive": outlive})
