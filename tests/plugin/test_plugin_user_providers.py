"""Protocols of the user's own over HTTP: `pytest_bench_providers`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.plugin.plugin_parts import Project, by_both, json_report, right, scenario
from tests.plugin.signed_server import CLIENT, USES, SignedServer, served

ACME = """
import asyncio, hmac, json, os, urllib.request
from pytest_benchmodels import ApiProtocol, BlockedError, FailedError, ProviderError, Reading, UnreadableError, Usage

class Acme(ApiProtocol):
    base_url_envs = ("ACME_URL",)
    key_envs = ("ACME_SECRET",)

    def __init__(self):
        self._lock, self._token, self._left = asyncio.Lock(), "", 0

    def url(self, model):
        return f"{model.base_url}/generate"

    def headers(self, key):
        return {"X-Version": "2"}

    def body(self, request):
        return {"model": request.model.name, "input": request.messages[-1].content, **request.params}

    def read(self, document):
        if "output" not in document:
            raise UnreadableError("it has no output")
        return Reading(document["output"], document["end"], self.usage(document))

    def usage(self, document):
        return Usage(*document["billed"])

    async def authenticate(self, url, headers, body):
        async with self._lock:
            if not self._left:
                self._token, self._left = await asyncio.to_thread(self._new_token, url)
            self._left -= 1
            signature = hmac.digest(os.environ["ACME_SECRET"].encode(), body, "sha256").hex()
            return {**headers, "Authorization": f"Acme {self._token}", "X-Signature": signature}

    def _new_token(self, url):
        basic = {"Authorization": f"Basic {os.environ['ACME_SECRET']}"}
        request = urllib.request.Request(url.replace("/generate", "/token"), b"{}", basic, method="POST")
        with urllib.request.urlopen(request) as reply:
            document = json.load(reply)
        return document["token"], document["uses"]

def pytest_bench_providers():
    return {"acme": Acme()}
"""


@pytest.fixture
def acme(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[SignedServer]:
    """The server, a conftest.py that speaks its protocol, and its address and secret in the environment."""
    project.write("conftest.py", ACME)
    with served() as server:
        monkeypatch.setenv("ACME_URL", server.url)
        monkeypatch.setenv("ACME_SECRET", CLIENT)
        yield server


def change(project: Project, old: str, new: str) -> None:
    """Put something else into the protocol."""
    assert old in ACME
    project.write("conftest.py", ACME.replace(old, new))


def says(name: str, text: str = "", **keys: object) -> dict[str, object]:
    said = {"prompt": f"say {text or name}", "checks": [{"equals": text or name}]}
    return scenario(name, **{**said, **keys})  # type: ignore[arg-type] # a scenario's keys are none of `sim`


def results(project: Project, *arguments: str) -> Mapping[str, Mapping[str, Any]]:
    """The results of a session by scenario."""
    project.bench("--bench-json=out.json", *arguments)
    return {one["scenario"]: one for one in json_report(project.path / "out.json")["results"]}


def test_a_protocol_of_the_users_signs_and_renews_its_tokens(
    project: Project, acme: SignedServer, workers: tuple[str, ...]
) -> None:
    project.suite(*(says(f"s{number}", params={"depth": 3}) for number in range(9)), models=["acme/large"])

    found = results(project, *workers)

    assert {one["status"] for one in found.values()} == {"passed"}
    assert dict(acme.statuses) == {200: 9}
    assert len(acme.tokens) >= 9 / USES
    assert {document["model"] for _, document in acme.kept} == {"large"}
    assert {(headers["x-version"], headers["content-type"]) for headers, _ in acme.kept} == {("2", "application/json")}
    assert {document["depth"] for _, document in acme.kept} == {3}
    usage = found["s1"]["response"]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (6, 1)


def test_an_alias_names_it_with_an_address_of_its_own(
    project: Project, acme: SignedServer, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_URL")
    table = f'provider = "acme"\nname = "small"\nbase_url = "{acme.url}/"\napi_key_env = "ACME_SECRET"\n'
    project.write("bench.toml", f"models = ['local']\n[model.local]\n{table}price = {{input = 1, output = 1}}\n")
    project.suite(says("one"), models=())

    found = results(project, *workers)

    assert found["one"]["cost_usd"] == pytest.approx(8e-6)
    assert [document["model"] for _, document in acme.kept] == ["small"]


@pytest.mark.parametrize(
    "missing",
    [
        ("ACME_URL", "provider 'acme' has no address: set `base_url`*, or ACME_URL in the environment"),
        ("ACME_SECRET", "no API key for acme/large: set the environment variable ACME_SECRET"),
    ],
)
def test_what_it_needs_is_known_before_the_first_call(
    project: Project,
    acme: SignedServer,
    workers: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    missing: tuple[str, str],
) -> None:
    variable, said = missing
    monkeypatch.delenv(variable)
    project.suite(says("one"), models=["acme/large"])

    result = project.bench_process(*workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}*"])
    assert not acme.kept


CRASHES = {
    'return f"{model.base_url}/generate"': ("url", 'raise ValueError("no")'),
    'return {"X-Version": "2"}': ("headers", 'raise ValueError("no")'),
    'return {"model": request.model.name,': ("body", 'raise ValueError("no"); {"model": 1,'),
    'if "output" not in document:': ("read", 'raise ValueError("no")\n        if 0:'),
    "async with self._lock:": ("authenticate", 'raise ValueError("no")\n        if 1:'),
}


@by_both("old", *CRASHES)
def test_a_crash_is_that_runs_error_with_file_and_line(
    project: Project, acme: SignedServer, workers: tuple[str, ...], old: str
) -> None:
    method, new = CRASHES[old]
    change(project, old, new)
    line = ACME[: ACME.index(old)].count("\n") + 1
    project.suite(says("one"), models=["acme/large"])
    project.suite(right("add"), name="other.yaml")

    found = results(project, *workers)

    assert found["one"]["error"] == {
        "kind": "provider",
        "message": f"acme: {method}(): ValueError: no (conftest.py:{line})",
    }
    assert found["add"]["status"] == "passed"


RETURNS = {
    'return f"{model.base_url}/generate"': ("return 7", "url(): TypeError: it has to return a str, got int"),
    'return {"X-Version": "2"}': (
        "return {'X': 'a\\nb'}",
        "headers(): ValueError: the value of 'X' is no text on one line",
    ),
    'return {"model": request.model.name,': (
        "return [1]; {'a': 1,",
        "body(): TypeError: it has to return a Mapping, got list",
    ),
    "return Reading(": ("return str(", "read(): TypeError: *"),
    'return {**headers, "Authorization"': (
        "return {'Content-Length': '7'}; {'a'",
        "authenticate(): ValueError: 'Content-Length' is set by the plugin: leave it out",
    ),
}


@pytest.mark.parametrize("old", RETURNS)
def test_what_a_method_returns_is_looked_at(project: Project, acme: SignedServer, old: str) -> None:
    new, said = RETURNS[old]
    change(project, old, new)
    project.suite(says("one"), models=["acme/large"])

    message = results(project)["one"]["error"]["message"]

    assert message == f"acme: {said}" or (said[-1] == "*" and message.startswith(f"acme: {said[:-1]}"))


def test_an_unreadable_answer_is_retried_and_billed(
    project: Project, acme: SignedServer, workers: tuple[str, ...]
) -> None:
    project.write("bench.toml", '[model."acme/large"]\nprice = {input = 1, output = 1}\n')
    project.suite(says("shape"), models=["acme/large"])

    found = results(project, "--bench-retries=1", *workers)["shape"]

    assert (found["error"]["kind"], found["attempts"]) == ("malformed", 2)
    assert found["error"]["message"].endswith("it has no output")
    assert found["cost_usd"] == pytest.approx(2 * 6e-6)


def test_a_crash_while_reading_leaves_the_cost_unknown(project: Project, acme: SignedServer) -> None:
    untold = ACME.replace('return Usage(*document["billed"])', "return Usage()")
    project.write("conftest.py", untold.replace('raise UnreadableError("it', "1 / 0  #"))
    project.write("bench.toml", '[model."acme/large"]\nprice = {input = 1, output = 1}\n')
    project.suite(says("shape"), models=["acme/large"])

    found = results(project)["shape"]

    assert found["error"]["message"] == "acme: read(): ZeroDivisionError: division by zero (conftest.py:23)"
    assert (found["attempts"], found["cost_usd"]) == (1, None)


def test_a_crash_before_anything_was_sent_costs_nothing(project: Project, acme: SignedServer) -> None:
    refusal = 'raise ProviderError("overloaded", "no token now", retryable=True)'
    change(project, "async with self._lock:", f"{refusal}\n        if 1:")
    project.write("bench.toml", '[model."acme/large"]\nprice = {input = 1, output = 1}\n')
    project.suite(says("one"), models=["acme/large"])

    found = results(project, "--bench-retries=1")["one"]

    assert (found["error"], found["attempts"]) == ({"kind": "overloaded", "message": "no token now"}, 2)
    assert (found["cost_usd"], acme.kept) == (0, [])


def test_no_token_no_signature_and_no_secret_is_in_any_output(
    project: Project, acme: SignedServer, workers: tuple[str, ...]
) -> None:
    crash = """if b"crash" in body: raise ValueError(f"{self._token} {os.environ['ACME_SECRET']}")"""
    change(project, "async with self._lock:", f"{crash}\n        async with self._lock:")
    project.suite(says("token", checks=[{"contains": "token is ***"}]), says("crash"), models=["acme/large"])
    shown = ("--bench-json=out.json", "--junitxml=out.xml", "--bench-html=out.html", "-v", *workers)

    first = project.bench(*shown)
    wrong = ACME.replace("Acme {self._token}", "Acme wrong-token-000000000001")
    project.write("conftest.py", wrong)
    second = project.bench("--junitxml=second.xml", *workers)

    second.stdout.fnmatch_lines(["*401*token [*][*][*] is not good*"])
    written = [path.read_bytes() for path in project.path.rglob("*") if path.is_file() and path.suffix[:3] != ".py"]
    written += [text.encode() for run in (first, second) for text in (run.stdout.str(), run.stderr.str())]
    for secret in (CLIENT, "wrong-token-0000", *acme.tokens):
        assert not [content for content in written if secret.encode() in content]


@by_both(
    "given, said",
    ("{'openai': Acme()}", "there is a provider 'openai' already: rename yours"),
    ("{'function': Acme()}", "there is a provider 'function' already: rename yours"),
    ("{'a/b': Acme()}", "'a/b' is no name of a provider*"),
    ("{'acme': Acme}", "'acme' is the class Acme: give an instance of it"),
    ("{'acme': 7}", "'acme' is 7, which is no ApiProtocol*"),
    ("{'acme': ApiProtocol()}", "'acme': ApiProtocol lacks url(), body(), read()*"),
    ("[Acme()]", "*has to return a dict, got list*"),
    ("1 / 0", "*crashed: ZeroDivisionError: division by zero (conftest.py:*)"),
)
def test_what_cannot_be_a_provider_is_a_usage_error_with_its_place(
    project: Project, workers: tuple[str, ...], given: str, said: str
) -> None:
    change(project, '{"acme": Acme()}', given)
    project.suite(right("add"))

    result = project.bench_process(*workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: conftest.py: pytest_bench_providers*{said}"])
    result.stderr.no_fnmatch_line("*Traceback*")


def test_answers_are_reused_until_the_code_changes(project: Project, acme: SignedServer) -> None:
    project.suite(says("one"), models=["acme/large"])
    results(project)
    assert results(project, "--bench-cache")["one"]["cached"]

    project.write("conftest.py", ACME + "# changed\n")
    assert results(project, "--bench-cache")["one"]["reuse"] == "not reused: model changed"


def test_the_plan_knows_it_and_calls_nothing(project: Project, acme: SignedServer) -> None:
    project.suite(says("one"), models=["acme/large"])

    project.bench("--bench-plan").stdout.fnmatch_lines(["acme/large *1 *"])

    assert (acme.kept, acme.tokens) == ([], {})


def test_a_sync_authenticate_runs_where_it_may_block(project: Project, acme: SignedServer) -> None:
    sync = """
    def authenticate(self, url, headers, body):
        token = self._new_token(url)[0]
        signature = hmac.digest(os.environ["ACME_SECRET"].encode(), body, "sha256").hex()
        return {"authorization": f"Acme {token}", "X-Signature": signature}

    def unused"""
    change(project, "    async def authenticate", sync.lstrip("\n").replace("def unused", "async def unused"))
    project.suite(says("one"), says("two"), models=["acme/large"])

    assert {one["status"] for one in results(project).values()} == {"passed"}
