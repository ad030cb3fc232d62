"""The latency server as the harness sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

from .latency_server import Seen

__all__ = ["SIGMA", "Server"]

SIGMA = 0.6
_ROOT = Path(__file__).parents[1]
_PATIENCE_S = 10.0


class Server:
    """A context manager; the process is no child of any measured command, so that its CPU is in no figure."""

    def __init__(self, median_s: float, sigma: float = SIGMA, chunks: int = 0, gap_s: float = 0.0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.latency_server", *map(str, (median_s, sigma, chunks, gap_s))],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe; for the types
        self.url = self._process.stdout.readline().strip()
        """The base URL, `http://127.0.0.1:PORT/v1`."""

    def seen(self) -> Seen:
        """What came in since the last call."""
        return Seen(**self._told("seen"))

    def held(self) -> dict[tuple[str, str], float]:
        """For how many seconds each request since the last call was held, by the server's clock; by model and prompt.

        Without a latency nothing is held.
        """
        return {(model, prompt): seconds for model, prompt, seconds in self._told("held")}

    def _told(self, what: str) -> Any:
        url = f"{self.url.removesuffix('/v1')}/{what}"
        with urlopen(url, timeout=_PATIENCE_S) as reply:  # noqa: S310 - our loopback
            return json.load(reply)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.communicate(timeout=_PATIENCE_S)
