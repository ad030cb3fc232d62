"""A key's value appears in no output, even if the server says it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, right

KEY = "sk-this-is-the-secret-0123456789"


class Echo(BaseHTTPRequestHandler):
    """Answers with the key that it was sent: in an answer, and in an error where the prompt asks for one."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        said = f"your header was {self.headers['Authorization']}"
        refused = b"refuse" in asked
        message = {"role": "assistant", "content": said}
        answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        body = json.dumps({"error": {"message": said}} if refused else answer).encode()
        self.send_response(400 if refused else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def echo_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_a_key_is_in_no_output(
    project: Project, echo_url: str, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHO_KEY", KEY)
    project.watch(echo_url, provider="openai", api_key_env="ECHO_KEY")
    project.suite(right("answered"), right("refused", prompt="refuse"), models=["watched"])
    files = ("--junitxml=j.xml", "--json-report", "--bench-json=b.json")

    result = project.bench_process("-vv", "-rA", "--showlocals", "--log-level=DEBUG", *files, *workers)

    assert result.parseoutcomes() == {"failed": 1, "errors": 1}
    result.stdout.fnmatch_lines(["*your header was Bearer [*][*][*]*"])
    assert KEY not in result.stdout.str() + result.stderr.str()
    written = [path for path in project.path.rglob("*") if path.is_file()]
    assert {"j.xml", ".report.json", "b.json"} <= {path.name for path in written}
    assert [path.name for path in written if KEY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("workers", "case"),
    [((), ("EMPTY", 0)), ((), (KEY, 0)), ((), ("s3cr7", 1)), (("-n2",), ("s3cr7", 1))],
    ids=["stand-in", "long", "short", "short-n2"],
)
def test_a_key_too_short_to_be_hidden_is_told_once(
    project: Project, sim: SimServer, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, case: tuple[str, int]
) -> None:
    key, notes = case
    monkeypatch.setenv("SHORT_KEY", key)
    for alias in ("one", "other"):
        project.watch(sim.url, alias, provider="openai", api_key_env="SHORT_KEY")
    project.suite(right("a"), models=["one", "other"])

    result = project.bench(*workers)

    assert result.parseoutcomes() == {"passed": 2}
    note = (
        "key not hidden: that of SHORT_KEY has fewer than 6 characters, and stands in outputs wherever a server "
        "repeats it; set a longer one"
    )
    assert result.outlines.count(note) == notes
    assert key not in result.stdout.str() + result.stderr.str()
