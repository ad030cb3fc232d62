"""Streams in a protocol of the user's own: `read_event` of an ApiProtocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.plugin.plugin_parts import Project, scenario
from tests.plugin.plugin_results import JSON, results
from tests.plugin.scripted_server import ScriptedServer, document, events, scripted

ACME = """
from pytest_benchmodels import ApiProtocol, BlockedError, FailedError, Reading, UnreadableError, Usage

class Acme(ApiProtocol):
    base_url_envs = ("ACME_URL",)

    def url(self, model):
        return f"{model.base_url}/generate"

    def body(self, request):
        return {"input": request.messages[-1].text}

    def read_event(self, event, document):
        if "error" in event:
            raise FailedError(event["error"])
        document["output"] = document.get("output", "") + event.get("piece", "")
        if "billed" in event:
            document["billed"] = event["billed"]
            return "end"
        return "token" if "piece" in event else None

    def read(self, document):
        return Reading(document["output"], "done", self.usage(document))

    def usage(self, document):
        return Usage(*document["billed"]) if "billed" in document else Usage()

def pytest_bench_providers():
    return {"acme": Acme()}
"""
OWN_ADDRESS = """
    def stream_url(self, url):
        return url + "/live"

    def stream_body(self, body):
        return {"ask": body}
"""
TEXT = "four and no more"
WHOLE = events({"begins": 1}, {"piece": "four and "}, {"piece": "no more"}, {"billed": [5, 4]})


def prepare(project: Project, conftest: str = ACME, table: str = "") -> None:
    project.write("conftest.py", conftest)
    project.write("bench.toml", f'[model."acme/m"]\nstream = true\n{table}')
    project.suite({**scenario("a", checks=[{"equals": TEXT}]), "models": ["acme/m"], "prompt": "?"})


def the_run(
    project: Project, monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, *options: str
) -> Mapping[str, Any]:
    monkeypatch.setenv("ACME_URL", server.url)
    project.bench(JSON, *options)
    (run,) = results(project).values()
    return run


@pytest.mark.parametrize("reply", [WHOLE, events({"piece": TEXT}, "[DONE]")], ids=["end", "done"])
def test_an_answer_is_added_up_and_timed(
    project: Project, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...], reply: bytes
) -> None:
    prepare(project)
    with scripted(reply) as server:
        run = the_run(project, monkeypatch, server, *workers)

    assert (run["status"], run["attempts"], run["response"]["text"]) == ("passed", 1, TEXT)
    assert server.asked == [("/generate", {"input": "?", "stream": True})]
    assert 0 < run["response"]["ttft_s"] <= run["response"]["latency_s"]
    assert run["response"]["usage"]["output_tokens"] == (4 if reply is WHOLE else None)


def test_a_stream_may_have_an_address_and_a_body_of_its_own(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(project, ACME.replace("    def read(", f"{OWN_ADDRESS}\n    def read("))
    with scripted(WHOLE) as server:
        assert the_run(project, monkeypatch, server)["status"] == "passed"

    assert server.asked == [("/generate/live", {"ask": {"input": "?"}})]


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (events({"piece": "fo"}), "malformed"),
        (events({"piece": "fo"}, "nothing"), "malformed"),
        (events({"piece": "fo"}, ["no object"]), "malformed"),
        (events({"piece": "fo"}, {"error": {"message": "too many", "code": 529}}), "overloaded"),
        (events({"error": {"message": "slow down", "code": 429}}), "rate-limit"),
    ],
    ids=["cut", "no-json", "no-object", "error", "error-at-once"],
)
def test_what_fails_in_its_middle_is_tried_again_as_a_whole(
    project: Project, monkeypatch: pytest.MonkeyPatch, first: bytes, kind: str
) -> None:
    prepare(project)
    with scripted(first, WHOLE) as server:
        run = the_run(project, monkeypatch, server)

    assert (run["status"], run["response"]["text"]) == ("passed", TEXT)
    assert [retry["kind"] for retry in run["retries"]] == [kind]


def test_a_server_that_does_not_stream_is_read_by_read(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(project)
    with scripted(document({"output": TEXT, "billed": [5, 4]})) as server:
        run = the_run(project, monkeypatch, server)

    assert (run["status"], run["response"]["ttft_s"]) == ("passed", None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('return event["pice"]', "acme: read_event(): KeyError: 'pice' (conftest.py:*"),
        ('return "tokens"', 'acme: read_event(): ValueError: it has to return "token", "end" or None, got \'tokens\''),
        ('raise BlockedError("politics")', "a content filter at http://127.0.0.1:* blocked the prompt (politics)*"),
    ],
    ids=["crash", "another-word", "blocked"],
)
def test_what_the_users_code_does_wrong_is_that_runs_error(
    project: Project, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    prepare(project, ACME.replace('return "token" if "piece" in event else None', line))
    with scripted(WHOLE) as server:
        monkeypatch.setenv("ACME_URL", server.url)
        result = project.bench(JSON)

    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines([f"*{said}*"])
    (run,) = results(project).values()
    assert (run["status"], run["attempts"]) == ("error", 1)


def test_stream_without_read_event_is_refused_before_the_first_call(project: Project, workers: tuple[str, ...]) -> None:
    prepare(project, ACME.replace("def read_event", "def read_another"), 'base_url = "http://127.0.0.1:9"\n')

    result = project.bench(*workers)

    assert result.ret == 4
    said = (
        "stream = true, and Acme, which conftest.py gives for acme, has no read_event(): write it, or leave stream out"
    )
    assert f"[model.acme/m] of bench.toml: {said}" in result.stdout.str() + result.stderr.str()
