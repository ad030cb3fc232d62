"""A Redis of a test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["running_redis"]


@contextmanager
def running_redis(folder: Path) -> Iterator[tuple[str, int]]:
    """A server on a socket in this folder, as its address and its process."""
    server = shutil.which("redis-server")
    if server is None:
        assert not os.environ.get("BENCHMODELS_REDIS_REQUIRED"), "CI has to have redis-server"
        pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
    path = folder / "redis.sock"
    command = [server, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("ready to accept connections" in line.lower() for line in process.stdout)
        yield f"unix://{path}", process.pid
        process.terminate()
