"""`examples/providers`: Vertex AI and Bedrock, as a user copies them into a conftest.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.plugin.cloud_servers import ACCESS, REFRESH, REGION, SECRET, SESSION, CloudServer, cloud
from tests.plugin.plugin_parts import Project, json_report, right

EXAMPLES = Path(__file__).parents[2] / "examples" / "providers"
GEMINI = "/v1/projects/my-project/locations/global/publishers/google/models/gemini-2.5-flash:generateContent"
CLAUDE = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
NAMES = [f"s{number}" for number in range(4)]


def copied(project: Project, name: str, model: str) -> None:
    project.write("conftest.py", (EXAMPLES / f"{name}.py").read_text("utf-8"))
    keys = {"system": "Be brief.", "params": {"temperature": 0, "max_tokens": 50, "stop": "END"}}
    project.suite(*(right(each, **keys) for each in NAMES), models=[f"{name}/{model}"])


def vertex(project: Project, server: CloudServer, monkeypatch: pytest.MonkeyPatch) -> None:
    adc = {"type": "authorized_user", "token_uri": f"{server.url}/token", **REFRESH}
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(project.write("adc.json", json.dumps(adc))))
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    monkeypatch.delenv("GOOGLE_CLOUD_LOCATION", raising=False)
    monkeypatch.setenv("VERTEX_BASE_URL", server.url)
    copied(project, "vertex", "gemini-2.5-flash")


def bedrock(project: Project, server: CloudServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
    copied(project, "bedrock", CLAUDE)


def answers(project: Project) -> set[tuple[object, ...]]:
    results = json_report(project.path / "b.json")["results"]
    responses = [result["response"] for result in results]
    return {
        (each["text"], each["thinking"], each["usage"]["output_tokens"], each["served_model"]) for each in responses
    }


def test_vertex_is_asked_for_gemini_with_one_token(
    project: Project, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    with cloud() as server:
        vertex(project, server, monkeypatch)
        result = project.bench("--bench-json=b.json", *workers)

    assert result.ret == 0
    assert answers(project) == {("4", "2 and 2", 3, "gemini-2.5-flash-001")}
    assert {path for path, _ in server.asked} == {GEMINI}
    body = server.asked[0][1]
    assert body["generationConfig"] == {"temperature": 0, "maxOutputTokens": 50, "stopSequences": ["END"]}
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert len(server.tokens) in ((1, 2) if workers else (1,))  # each process that asks has its own


def test_a_service_account_gets_its_token_by_google_auth(
    project: Project, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with cloud() as server:
        vertex(project, server, monkeypatch)
        account = {"type": "service_account", "client_email": "bench@my-project", "private_key": pem}
        project.write("adc.json", json.dumps({**account, "token_uri": f"{server.url}/token"}))
        result = project.bench("--bench-json=b.json", *workers)

    assert result.ret == 0
    assert len(server.tokens) in ((1, 2) if workers else (1,))


def test_a_token_that_is_about_to_end_is_renewed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with cloud(lasts_s=30) as server:  # less than the minute before its end in which it is not used any more
        vertex(project, server, monkeypatch)
        result = project.bench("--bench-json=b.json")

    assert result.ret == 0
    assert len(server.tokens) == len(server.asked) == len(NAMES)


def test_credentials_that_are_refused_are_an_error_without_them(
    project: Project, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    with cloud() as server:
        vertex(project, server, monkeypatch)
        refused = (project.path / "adc.json").read_text("utf-8").replace(REFRESH["refresh_token"], "revoked-0123456789")
        project.write("adc.json", refused)
        said = project.bench("--bench-json=b.json", *workers).stdout.str()

    results = json_report(project.path / "b.json")["results"]
    assert {(result["error"]["kind"], result["attempts"]) for result in results} == {("auth", 1)}
    assert "no token of Google's: HTTP Error 400: Bad Request" in said
    assert not any(secret in said for secret in ("revoked-0123456789", REFRESH["client_secret"]))


@pytest.mark.parametrize("session", ["", SESSION], ids=["lasting", "session"])
def test_bedrock_gets_requests_that_are_signed_as_aws_does(
    project: Project, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...], session: str
) -> None:
    with cloud() as server:
        bedrock(project, server, monkeypatch)
        if session:
            monkeypatch.setenv("AWS_SESSION_TOKEN", session)
        result = project.bench("--bench-json=b.json", *workers)

    assert result.ret == 0
    assert answers(project) == {("4", "2 and 2", 3, "")}
    (path,) = {path for path, _ in server.asked}
    assert path == f"/model/{CLAUDE.replace(':', '%3A')}/converse"
    assert server.asked[0][1] == {
        "messages": [{"role": "user", "content": [{"text": "What is 2 + 2?"}]}],
        "system": [{"text": "Be brief."}],
        "inferenceConfig": {"maxTokens": 50, "temperature": 0, "stopSequences": ["END"]},
    }
    (usage,) = {str(run["usage"]["input_tokens"]) for run in json_report(project.path / "b.json")["results"]}
    assert usage == "9"  # 5, and 4 that came from the cache


def test_another_secret_is_refused_and_stands_nowhere(
    project: Project, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    with cloud() as server:
        bedrock(project, server, monkeypatch)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret-0123456789")
        said = project.bench("--bench-json=b.json", "--bench-html=b.html", *workers).stdout.str()

    results = json_report(project.path / "b.json")["results"]
    assert {(result["error"]["kind"], result["attempts"]) for result in results} == {("auth", 1)}
    assert "does not match the signature you provided" in said
    written = said + (project.path / "b.json").read_text("utf-8") + (project.path / "b.html").read_text("utf-8")
    assert "another-secret-0123456789" not in written


def test_without_a_secret_it_is_said_before_the_first_call(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with cloud() as server:
        bedrock(project, server, monkeypatch)
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        result = project.bench()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: no API key for bedrock/*: set the environment variable AWS_SECRET_ACCESS_KEY"])
    assert server.asked == []
