from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.providers.sim.__main__ import main
from pytest_benchmodels.providers.sim.connection import MAX_BODY_BYTES

if TYPE_CHECKING:
    from http.client import HTTPConnection


def connect(server: SimServer) -> socket.socket:
    host, _, port = server.url.removeprefix("http://").removesuffix("/v1").partition(":")
    return socket.create_connection((host, int(port)), timeout=120)


def chat_request(answer: str, *headers: str) -> bytes:
    body = json.dumps(
        {"model": "steady", "messages": [{"role": "user", "content": "?"}], "sim": {"latency": 0, "answer": answer}}
    ).encode()
    head = ["POST /v1/chat/completions HTTP/1.1", "Host: sim", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def read_replies(client: socket.socket, number: int) -> list[str]:
    """The texts of that many answers."""
    texts = []
    with client.makefile("rb") as stream:
        for _ in range(number):
            length = 0
            while (line := stream.readline()) not in {b"\r\n", b""}:
                if line.lower().startswith(b"content-length"):
                    length = int(line.partition(b":")[2])
            texts.append(json.loads(stream.read(length))["choices"][0]["message"]["content"])
    return texts


def test_a_request_may_come_in_pieces(sim: SimServer) -> None:
    wire = chat_request("pieces")
    with connect(sim) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(wire), 7):
            client.sendall(wire[start : start + 7])
        assert read_replies(client, 1) == ["pieces"]


def test_requests_in_a_row_on_one_connection_are_answered_in_order(sim: SimServer) -> None:
    number = 2000
    with connect(sim) as client:
        client.sendall(b"".join(chat_request(str(n)) for n in range(number)))
        assert read_replies(client, number) == [str(n) for n in range(number)]


def test_a_client_that_wants_to_be_encouraged_is(sim: SimServer) -> None:
    head, _, body = chat_request("go on", "Expect: 100-continue").partition(b"\r\n\r\n")
    with connect(sim) as client:
        client.sendall(head + b"\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(body)
        assert read_replies(client, 1) == ["go on"]


def test_a_connection_is_closed_where_the_client_asks_for_it(sim: SimServer) -> None:
    with connect(sim) as client:
        client.sendall(chat_request("bye", "Connection: close"))
        received = b"".join(iter(lambda: client.recv(4096), b""))
    assert b"bye" in received


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (b"hello\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000, b"HTTP/1.1 431 "),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (b"100000\r\n" + b"x" * 2**20 + b"\r\n") * (1 + MAX_BODY_BYTES // 2**20),
            b"HTTP/1.1 413 ",
        ),
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_closed(sim: SimServer, wire: bytes, status: bytes) -> None:
    with connect(sim) as client:
        client.sendall(wire)
        received = b"".join(iter(lambda: client.recv(4096), b""))
    assert received.startswith(status)
    assert "error" in json.loads(received.partition(b"\r\n\r\n")[2])


def test_an_address_is_there_before_the_process() -> None:
    server = SimServer.reserve()
    url = server.url
    with connect(server) as client:
        client.sendall(chat_request("patience"))
        server.start()
        server.start()
        assert server.url == url
        assert read_replies(client, 1) == ["patience"]
    server.stop()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_it_holds_more_connections_than_its_parent_may_have_had_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = 16 + max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())  # so many are in use here already
    server = SimServer.reserve()
    with ExitStack() as stack:
        stack.callback(server.stop)
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
        try:
            server.start()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        clients = [stack.enter_context(connect(server)) for _ in range(few + 20)]
        for client in clients:
            client.sendall(chat_request("me too"))
        assert [read_replies(client, 1) for client in clients] == [["me too"]] * len(clients)


def test_a_reserved_address_is_given_back_without_a_process() -> None:
    server = SimServer.reserve()
    server.stop()

    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_without_an_address_it_says_how_to_get_one() -> None:
    with pytest.raises(RuntimeError, match="use `with SimServer\\(\\) as server` or reserve"):
        _ = SimServer().url


def test_ctrl_c_does_not_reach_the_process() -> None:
    with SimServer() as server:
        assert server.stats() == {}
        assert server._process is not None
        server._process.send_signal(signal.SIGINT)
        assert server.stats() == {}
        assert os.getsid(server._process.pid) != os.getsid(0)


def test_the_process_is_gone_when_its_parent_is_killed() -> None:
    code = (
        "import signal, os; from pytest_benchmodels import SimServer; s = SimServer(); s.start(); s.stats(); "
        "print(s.url, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    parent = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert parent.returncode == -signal.SIGKILL
    port = int(parent.stdout.strip().removesuffix("/v1").rpartition(":")[2])
    # Its standard error, the same pipe as the parent's, is closed by now; its socket may be so a moment later.
    assert any(refuses(port) for _ in range(10_000))


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=120).close()
    except ConnectionError:
        return True
    return False


def test_it_serves_by_hand_too() -> None:
    argv = [sys.executable, "-m", "pytest_benchmodels.providers.sim", "--port", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        port = int(url.removesuffix("/v1").rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=120) as client:
            client.sendall(chat_request("by hand"))
            assert read_replies(client, 1) == ["by hand"]
        process.terminate()


@pytest.mark.parametrize("arguments", [[], ["--port"], ["--port", "x"], ["--help"]])
def test_other_arguments_are_told_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err == "usage: python -m pytest_benchmodels.providers.sim --port PORT\n"


def test_a_request_of_another_client_works(sim: SimServer) -> None:
    connection = http_connection(sim)
    connection.request("GET", "/v1/models")
    assert json.loads(connection.getresponse().read())["data"][0]["id"] == "steady"
    connection.close()


def http_connection(server: SimServer) -> HTTPConnection:
    from http.client import HTTPConnection

    return HTTPConnection("127.0.0.1", int(server.url.removesuffix("/v1").rpartition(":")[2]), timeout=120)
