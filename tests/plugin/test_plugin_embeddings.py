"""`embedding_similarity` in a session: each API's embeddings, who gives them, and what becomes of its calls."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, right, scenario, wrong
from tests.plugin.plugin_results import JSON, results, seen_by
from tests.plugin.scripted_server import ScriptedServer, document, scripted

MEANS_FOUR: dict[str, object] = {"embedding_similarity": "4"}
BY_SIM = {**MEANS_FOUR, "model": "sim/embed"}
TABLE = '[embeddings]\nmodel = "e"\n'
# Of length 5, 10 and 1: the cosine of the first two is 0.96, of the first and the third 0.6.
ANSWER, NEAR, FAR = [3.0, 4.0], [8.0, 6.0], [1.0, 0.0]


def openai(*vectors: object, tokens: int | None = 7) -> dict[str, Any]:
    data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(vectors)]
    usage = {} if tokens is None else {"usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    return {"object": "list", "data": data[::-1], "model": "small-1", **usage}


def google(*vectors: object) -> dict[str, Any]:
    return {"embeddings": [{"values": each} for each in vectors], "usageMetadata": {"promptTokenCount": 7}}


def ollama(*vectors: object) -> dict[str, Any]:
    return {"model": "small", "embeddings": list(vectors), "prompt_eval_count": 7}


def asking(project: Project, url: str, provider: str = "openai", *lines: str) -> None:
    """Let bench.toml name the model `e`, which gives embeddings where a check names nobody."""
    own = (f'provider = "{provider}"', 'name = "small"', f'base_url = "{url}"', *lines)
    project.write("bench.toml", "\n".join(("[model.e]", *own, TABLE)))


def simulated(project: Project, sim: SimServer, knobs: str = "", *lines: str) -> None:
    """Let `e` be a simulated model at this server, with a bucket of its own."""
    own = ('provider = "sim"', 'name = "embed"', f'base_url = "{sim.url}"', *lines)
    params = f'params = {{sim = {{bucket = "e"{knobs}}}}}'
    project.write("bench.toml", "\n".join(("[model.e]", *own, params, TABLE)))


def asked_of(sim: SimServer) -> Any:
    return seen_by(sim).get("embed/e", {}).get("requests", 0)


def the_check(project: Project) -> dict[str, Any]:
    (ended,) = results(project).values()
    (check,) = ended["checks"]
    return dict(check)


TEXTS = ["4", "four", "five"]
APIS = [
    ("openai", "/v1", openai, "/v1/embeddings", {"model": "small", "input": TEXTS, "encoding_format": "float"}),
    ("mistral", "/v1", openai, "/v1/embeddings", {"model": "small", "input": TEXTS, "encoding_format": "float"}),
    ("azure", "", openai, "/openai/v1/embeddings", {"model": "small", "input": TEXTS, "encoding_format": "float"}),
    ("ollama", "/v1", ollama, "/api/embed", {"model": "small", "input": TEXTS, "truncate": False}),
    (
        "google",
        "/v1beta",
        google,
        "/v1beta/models/small:batchEmbedContents",
        {"requests": [{"model": "models/small", "content": {"parts": [{"text": text}]}} for text in TEXTS]},
    ),
]


@pytest.mark.parametrize(("provider", "base", "said", "path", "body"), APIS, ids=[api[0] for api in APIS])
def test_each_api_is_asked_in_its_own_words(  # noqa: PLR0913, PLR0917 - a table's columns
    provider: str,
    base: str,
    said: Any,
    path: str,
    body: dict[str, Any],
    project: Project,
    workers: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("OPENAI_API_KEY", "MISTRAL_API_KEY", "AZURE_OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, "sk-embeddings")
    with scripted(document(said(ANSWER, NEAR, FAR))) as server:
        asking(project, f"{server.url}{base}", provider, "price = {input = 1e6, output = 0}")
        check = {"embedding_similarity": ["four", "five"], "min": 0.95}
        project.suite(scenario("a", {"text": "4"}, checks=[check]))
        result = project.bench(JSON, *workers)

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["embed: e: 1 call, p50 *ms, tokens 7/0, cost $7.00"])
    assert server.asked == [(path, body)]
    assert the_check(project)["score"] == pytest.approx(0.96, abs=1e-4)
    assert the_check(project)["explanation"] == "0.96 similar to 'four' by e"
    answer, embed = results(project)["a[sim/steady]"]["calls"]
    assert (answer["purpose"], embed["purpose"], embed["cost_usd"]) == ("answer", "embed", 7)
    assert "sk-embeddings" not in result.stdout.str()


def test_params_of_its_table_go_along(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-embeddings")
    with scripted(document(openai(ANSWER, FAR))) as server:
        asking(project, server.url, "openai", "params = {dimensions = 2}", "stream = true")
        project.suite(scenario("a", checks=[MEANS_FOUR]))
        result = project.bench(JSON)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*expected at least 0.8 similarity to '4' by e, got 0.60: '4'"])
    assert [asked["dimensions"] for _, asked in server.asked] == [2]
    assert "stream" not in server.asked[0][1]


def test_a_simulated_model_tells_near_from_far(project: Project, workers: tuple[str, ...]) -> None:
    refund = {**BY_SIM, "embedding_similarity": "We refund the full price."}
    far = {"params": {"sim": {"text": "It rains in Spain."}}}
    near = {"params": {"sim": {"text": "We refund the full price, of course."}}}
    project.suite(
        scenario("told", checks=[refund]),
        scenario("near", checks=[refund], **near),  # type: ignore[arg-type] # keys of a scenario
        scenario("far", checks=[refund], **far),  # type: ignore[arg-type] # as above
    )

    result = project.bench(JSON, *workers)

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["embed: sim/embed: 3 calls, *cost $0.00"])
    scores = {name: ended["checks"][0]["score"] for name, ended in results(project).items()}
    assert scores["told[sim/steady]"] == pytest.approx(1, abs=1e-4)
    assert 0.8 < scores["near[sim/steady]"] < 1
    assert scores["far[sim/steady]"] < 0.4


def test_the_check_goes_before_the_table(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    simulated(project, sim)
    project.suite(scenario("own", checks=[BY_SIM]), scenario("table", checks=[MEANS_FOUR]))

    project.bench(JSON, *workers).assert_outcomes(passed=2)

    assert asked_of(sim) == 1


def test_a_suite_whose_model_nobody_named_says_so(project: Project) -> None:
    project.suite(right("plain"), scenario("a", checks=[MEANS_FOUR]))

    result = project.bench()

    result.assert_outcomes(errors=1)
    said = "nobody is named who gives the embeddings: write `model: provider/name`, or [[]embeddings[]] with model in*"
    result.stdout.fnmatch_lines([f"suite.yaml:1: check 'embedding_similarity': {said}"])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[embeddings]\nmodel = 3", "bench.toml:2: model = 3: Expected `str | null`, got `int`"),
        ("[embeddings]\nmodle = 'x'", "bench.toml:2: unknown key 'modle' in [[]embeddings[]]; did you mean 'model'?"),
        (
            "embeddings = 'sim/embed'",
            "bench.toml:1: [[]embeddings[]] has to be a table with model = \"provider/name\", got 'sim/embed'",
        ),
        (
            "[embeddings]\nmodel = 'nobody/knows'",
            "unknown model 'nobody/knows'*(wanted by suite.yaml::a[[]sim/steady])",
        ),
    ],
)
def test_a_table_that_cannot_be_is_told(project: Project, table: str, said: str) -> None:
    project.write("bench.toml", table)
    project.suite(scenario("a", checks=[MEANS_FOUR]))

    result = project.bench()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}"])


def test_an_embedding_is_not_asked_for_again(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    simulated(project, sim)
    project.suite(scenario("a", checks=[MEANS_FOUR]), wrong("b", checks=[MEANS_FOUR]))
    project.bench(*workers).assert_outcomes(passed=1, failed=1)

    project.bench("--bench-regrade", *workers).assert_outcomes(passed=1, failed=1)
    project.bench("--bench-cache", *workers).assert_outcomes(passed=1, failed=1)
    assert asked_of(sim) == 2

    project.suite(scenario("a", checks=[{"embedding_similarity": "Four"}]), wrong("b", checks=[MEANS_FOUR]))
    project.bench("--bench-cache", *workers)
    assert asked_of(sim) == 3, "another reference is another question"


def test_its_failures_are_tried_again(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    project.waits("0.001")
    simulated(project, sim, ", rate_500 = 1, recover_after = 1")
    project.suite(scenario("a", checks=[MEANS_FOUR]))

    project.bench(JSON, *workers).assert_outcomes(passed=1)

    assert results(project)["a[sim/steady]"]["calls"][1]["attempts"] == 2


def test_it_has_lanes_of_its_own(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    simulated(project, sim, "", "max_in_flight = 1")
    checks = [{"embedding_similarity": ["4", f"number {number}"]} for number in range(8)]
    project.suite(*(scenario(f"s{number}", {"text": "4"}, checks=[check]) for number, check in enumerate(checks)))

    project.bench(*workers).assert_outcomes(passed=8)

    assert (asked_of(sim), seen_by(sim)["embed/e"]["max_in_flight"]) == (8, 1)


def test_an_empty_answer_fails_and_nobody_is_asked(project: Project, sim: SimServer) -> None:
    simulated(project, sim)
    project.suite(scenario("a", {"text": " "}, checks=[MEANS_FOUR]))

    project.bench(JSON).assert_outcomes(failed=1)

    assert the_check(project)["explanation"] == "the answer is empty"
    assert asked_of(sim) == 0


FAULTS = [
    (openai(ANSWER), "e was asked for 2 embeddings of one length, it gave some of 2"),
    (openai(ANSWER, [1.0]), "e was asked for 2 embeddings of one length, it gave some of 2, 1"),
    ({"data": []}, "it has no embeddings"),
    ({"object": "list"}, "it has no data"),
    (openai(ANSWER, None), "an embedding of it is no list of numbers"),
    (openai(ANSWER, ["a", 1]), "an embedding of it is no list of numbers"),
    (openai(ANSWER, [0, 0]), "an embedding of it has no direction"),
    (openai(ANSWER, [1e308, 1e308, 1e308, 1e308]), "an embedding of it has no direction"),
]


@pytest.mark.parametrize(("said", "cause"), FAULTS)
def test_what_is_no_embedding_is_an_error_of_the_run(
    said: dict[str, Any], cause: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-embeddings")
    with scripted(document(said)) as server:
        asking(project, server.url)
        project.suite(scenario("a", checks=[MEANS_FOUR]))
        project.bench(JSON, "--bench-retries=0").assert_outcomes(errors=1)

    error = results(project)["a[sim/steady]"]["error"]
    assert error["kind"] == "judge"
    assert cause in error["message"]


CONFTEST = """
def echo(request):
    return "4"

def pytest_bench_models():
    return {"my/echo": echo}
"""


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("anthropic/claude-haiku-4-5", "embeddings of anthropic/claude-haiku-4-5: no such API of anthropic is known"),
        ("my/echo", "embeddings of my/echo: a function answers questions; name another model"),
    ],
)
def test_who_has_no_embeddings_says_so(
    model: str, said: str, project: Project, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-embeddings")
    project.write("conftest.py", CONFTEST)
    project.suite(scenario("a", checks=[{**MEANS_FOUR, "model": model}]))

    project.bench(JSON, *workers).assert_outcomes(errors=1)

    assert said in results(project)["a[sim/steady]"]["error"]["message"]


def test_a_count_that_nobody_gave_costs_nobody_knows_what(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-embeddings")
    with scripted(document(openai(ANSWER, NEAR, tokens=None))) as server:
        asking(project, server.url, "openai", "price = {input = 1, output = 0}")
        project.suite(scenario("a", checks=[MEANS_FOUR]))
        project.bench(JSON).assert_outcomes(passed=1)

    assert results(project)["a[sim/steady]"]["calls"][1]["cost_usd"] is None


def test_the_server_is_asked_once_for_each_check(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-embeddings")
    with scripted(document(openai(ANSWER, NEAR))) as server:
        asking(project, server.url)
        project.suite(scenario("a", checks=[MEANS_FOUR, {**MEANS_FOUR, "not": True}]))
        project.bench().assert_outcomes(failed=1)

    assert _texts_asked(server) == [["4", "4"], ["4", "4"]]


def _texts_asked(server: ScriptedServer) -> list[Any]:
    return [asked["input"] for _, asked in server.asked]


def test_a_reader_is_not_shown_all_numbers(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.suite(scenario("a", checks=[BY_SIM]))
    project.bench(JSON, "--bench-html=h.html").assert_outcomes(passed=1)
    page = (project.path / "h.html").read_text("utf-8")
    monkeypatch.chdir(project.path)
    capsys.readouterr()

    assert main(["show", "latest", "a[sim/steady]"]) == 0

    shown = capsys.readouterr().out
    cut = r"\[\[[^\"]{98}\.\.\. \(\d+ more characters\)"
    assert re.search(rf"embed: sim/embed\n> user: 4\n> user: 4\n< assistant .*: {cut}\n", shown)
    assert re.search(rf'"purpose":"embed".{{0,200}}"answer":\["{cut}"', page)
