"""What tests of several rooms need."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of the module's own, on a socket in a folder of the tests'."""
    server = shutil.which("redis-server")
    if server is None:
        assert not os.environ.get("BENCHMODELS_REDIS_REQUIRED"), "CI has to have redis-server"
        pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
    folder = tmp_path_factory.mktemp("redis")
    path = folder / "redis.sock"
    command = [server, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("ready to accept connections" in line.lower() for line in process.stdout)
        yield f"unix://{path}"
        process.terminate()
