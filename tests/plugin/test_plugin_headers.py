"""`headers` of bench.toml on their way to a server, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.plugin.loopback import Handler, listening
from tests.plugin.plugin_parts import Project, right

SECRET = "gateway-S3CRET"


ADDRESSES = {  # as Azure documents them: each with the base_url and the query that lead there
    "/openai/v1/chat/completions": ("/openai/v1", ""),
    "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21": (
        "/openai/deployments/my-deployment",
        'query = {api-version = "2024-10-21"}',
    ),
    "/openai/v1/chat/completions?a%20b=gateway-S3CRET&c=%26": (
        "/openai/v1",
        'query = {"a b" = "env:AZURE_OPENAI_API_KEY", c = "&"}',
    ),
}


class Gateway(Handler):
    """Keeps what it is sent, and repeats a key in its refusal."""

    seen: list[dict[str, str]]

    def post(self, body: bytes) -> None:  # noqa: ARG002 - a Handler
        type(self).seen.append({name.lower(): value for name, value in self.headers.items()})
        self.send_document(400, {"error": {"message": f"no {self.headers['api-key']} here"}})


class Azure(Gateway):
    """Answers at the address that Azure's v1 API has, and only to who shows the key in its header."""

    def post(self, body: bytes) -> None:  # noqa: ARG002 - a Handler
        known = self.headers["api-key"] == SECRET and "Authorization" not in self.headers
        known = known and self.path in ADDRESSES
        message = {"role": "assistant", "content": "4"}
        answer = {
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
        }
        denied = {"error": {"code": "401", "message": "Access denied"}}
        self.send_document(*((200, answer) if known else (401, denied)))


@pytest.mark.parametrize(("base", "query"), ADDRESSES.values(), ids=["v1", "deployment", "secret"])
@pytest.mark.parametrize(("key", "outcome"), [(SECRET, {"passed": 1}), ("another-key", {"errors": 1})])
def test_azure_answers_whoever_shows_its_key_in_api_key(  # noqa: PLR0913, PLR0917 - two tables and two fixtures
    project: Project, monkeypatch: pytest.MonkeyPatch, key: str, outcome: dict[str, int], base: str, query: str
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", key)
    with listening(Azure) as url:
        project.write(
            "bench.toml",
            '[model.azure]\nprovider = "openai"\nname = "my-deployment"\n'
            f'base_url = "{url}{base}"\n{query}\n'
            'headers = {api-key = "env:AZURE_OPENAI_API_KEY"}\n',
        )
        project.suite(right("a"), models=["azure"])
        result = project.bench("suite.yaml", "-v", "--bench-json=b.json")
        assert result.parseoutcomes() == outcome
        written = [path.read_bytes() for path in project.path.rglob("*") if path.is_file()]
        assert not [text for text in (result.stdout.str().encode(), *written) if key.encode() in text]


@pytest.fixture
def gateway() -> Iterator[tuple[str, list[dict[str, str]]]]:
    seen: list[dict[str, str]] = []
    with listening(type("Own", (Gateway,), {"seen": seen})) as url:
        yield url, seen


def write_config(project: Project, url: str, more: str = "") -> None:
    project.write(
        "bench.toml",
        f'[model.m]\nprovider = "openai"\nname = "n"\nbase_url = "{url}"\n{more}\n'
        'headers = {api-key = "env:GATEWAY_KEY", X-Team = "env:GATEWAY_TEAM"}\n',
    )
    project.suite(right("a"), models=["m"])


def test_headers_reach_the_server_and_no_output(
    project: Project,
    gateway: tuple[str, list[dict[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
    workers: tuple[str, ...],
) -> None:
    url, seen = gateway
    monkeypatch.setenv("GATEWAY_KEY", SECRET)
    monkeypatch.setenv("GATEWAY_TEAM", "team-blue")
    write_config(project, url)
    reports = ("--junitxml=j.xml", "--bench-json=b.json", "--bench-html=h.html", "--bench-markdown=m.md")
    result = project.bench("suite.yaml", "-v", *reports, *workers)
    result.assert_outcomes(errors=1)
    assert [(sent["api-key"], sent["x-team"], "authorization" in sent) for sent in seen] == [
        (SECRET, "team-blue", False)
    ]
    result.stdout.fnmatch_lines(["*no [*][*][*] here*"])
    written = [path.read_bytes() for path in project.path.rglob("*") if path.is_file()]
    assert not [text for text in (result.stdout.str().encode(), *written) if SECRET.encode() in text]


def test_a_header_whose_variable_is_not_set_is_a_usage_error(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_KEY", SECRET)
    write_config(project, "http://127.0.0.1:9")
    result = project.bench("suite.yaml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no API key for m: set the environment variable GATEWAY_TEAM"])


def test_a_second_key_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_KEY", SECRET)
    project.write(
        "bench.toml",
        '[model.m]\nprovider = "openai"\nname = "n"\nbase_url = "http://127.0.0.1:9"\napi_key_env = "OTHER"\n'
        'headers = {Authorization = "env:GATEWAY_KEY"}\n',
    )
    project.suite(right("a"), models=["m"])
    result = project.bench("suite.yaml")
    result.stderr.fnmatch_lines(["*its key comes from OTHER, and by headers 'Authorization' from GATEWAY_KEY: *"])


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "http://127.0.0.1:9/v1?api-version=S3CRET",
            "'http://127.0.0.1:9/v1?[*][*][*]' must hold no `?` and no `#`: *as query = {NAME = *",
        ),
        ("http://user:S3CRET@127.0.0.1:port", "*'http://[*][*][*]@127.0.0.1:port' is no address: *"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_its_secrets(project: Project, url: str, said: str) -> None:
    project.write("bench.toml", f'[model.m]\nprovider = "openai"\nname = "n"\nbase_url = "{url}"\n')
    project.suite(right("a"), models=["m"])
    result = project.bench("suite.yaml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}"])
    assert "S3CRET" not in result.stderr.str()


@pytest.mark.parametrize(
    "url",
    [
        "redis://:S3CRET@127.0.0.1:port/0",
        "redis://:S3CRET@[::1/0",
        "redis://h/0?socket_timeout=abc",
        "redis://h?x=S3CRET",
    ],
)
def test_an_address_of_a_redis_that_cannot_be_used_is_a_usage_error(project: Project, url: str) -> None:
    project.write("bench.toml", f'limits = "{url}"\n')
    project.suite(right("a"))
    result = project.bench("suite.yaml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: bench.toml: limits: this address of a Redis cannot be used (*"])
    assert "S3CRET" not in result.stderr.str() + result.stdout.str()
