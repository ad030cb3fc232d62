"""A key's value appears in no output, even if the server says it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.loopback import Handler, listening
from tests.plugin.plugin_parts import Project, right

KEY = "sk-this-is-the-secret-0123456789"


class Echo(Handler):
    """Answers with the key that it was sent: in an answer, and in an error where the prompt asks for one."""

    def post(self, body: bytes) -> None:
        said = f"your header was {self.headers['Authorization']}"
        refused = b"refuse" in body
        message = {"role": "assistant", "content": said}
        answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        self.send_document(*((400, {"error": {"message": said}}) if refused else (200, answer)))


@pytest.fixture
def echo_url() -> Iterator[str]:
    with listening(Echo) as url:
        yield f"{url}/v1"


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
