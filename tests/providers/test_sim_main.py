"""The simulated provider as a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack
from urllib.parse import urlsplit

MODULE = "pytest_benchmodels.providers.sim"
REQUEST = b"GET /v1/models HTTP/1.1\r\nHost: sim\r\n\r\n"


FEW_FILES = ["sh", "-c", 'ulimit -n 20; exec "$0" -m "$1" --port 0', sys.executable, MODULE]


def test_connections_that_nobody_uses_make_room_for_others() -> None:
    """Each of these clients keeps its connection after it was answered."""
    with subprocess.Popen(FEW_FILES, stdout=subprocess.PIPE, text=True) as server, ExitStack() as stack:
        stack.callback(server.kill)
        assert server.stdout is not None
        port = urlsplit(server.stdout.readline().strip()).port
        answers = []
        for _ in range(40):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=120))
            client.sendall(REQUEST)
            answers.append(client.recv(65_536))

    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)


def test_more_connections_than_open_files_fill_no_log() -> None:
    with (
        subprocess.Popen(FEW_FILES, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server,
        ExitStack() as stack,
    ):
        stack.callback(server.kill)
        assert server.stdout is not None
        port = urlsplit(server.stdout.readline().strip()).port
        first, *_ = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=120)) for _ in range(40)]

        first.sendall(REQUEST)
        answer = first.recv(65_536)
        server.kill()
        said = server.communicate()[1]

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert said == ""
