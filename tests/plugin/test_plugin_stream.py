"""`stream = true`: answers that are read as they come, and what is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, by_both, json_report, scenario
from tests.plugin.plugin_results import JSON, results
from tests.plugin.scripted_server import events, scripted

STREAMING = """
[model."sim/steady"]
stream = true
stall_timeout = 0.2
"""
TEXT = "4, that is four, as everybody knows"
SAID: dict[str, object] = {"text": TEXT, "latency": 0}


def said(name: str, **knobs: object) -> dict[str, Any]:
    return scenario(name, {**SAID, **knobs}, checks=[{"equals": TEXT}])


def configure(project: Project, text: str) -> None:
    (project.path / "bench.toml").write_text(text, encoding="utf-8")


def figures(project: Project) -> dict[str, Any]:
    (model,) = json_report(project.path / "b.json")["models"]
    return dict(model)


def test_streamed_answers_are_judged_counted_and_told(project: Project, workers: tuple[str, ...]) -> None:
    configure(project, STREAMING)
    talk = {**said("c"), "turns": ["One?", "Two?"]}
    del talk["prompt"]
    project.suite(said("a"), said("b", pace=100), talk)

    result = project.bench(JSON, "-v", "--bench-html=out.html", "--bench-markdown=out.md", *workers)

    assert result.ret == 0
    told = figures(project)
    assert (told["passed"], told["streamed"]) == (3, 4)
    answers = [answer for run in results(project).values() for answer in run["answers"] or [run["response"]]]
    assert len(answers) == 4
    assert all(0 < answer["ttft_s"] <= answer["latency_s"] for answer in answers)
    ttfts = sorted(answer["ttft_s"] for answer in answers)
    assert ttfts[0] <= told["ttft_p50"] <= told["ttft_p95"] <= ttfts[-1]
    # Of an answer that came all at once nobody knows how fast it was made.
    timed = [answer for answer in answers if answer["latency_s"] > answer["ttft_s"]]
    tokens = sum(answer["usage"]["output_tokens"] - 1 for answer in timed)
    seconds = sum(answer["latency_s"] - answer["ttft_s"] for answer in timed)
    assert told["tokens_per_s"] == pytest.approx(tokens / seconds)
    result.stdout.fnmatch_lines(["stream: sim/steady: first token p50 *, p95 *, * tokens/s (over 4 answers)"])
    assert "tokens/s" in (project.path / "out.html").read_text(encoding="utf-8")
    assert "tokens/s" in (project.path / "out.md").read_text(encoding="utf-8")


def test_gates_ask_for_the_first_token_and_for_speed(project: Project) -> None:
    configure(project, STREAMING)
    talk = {**said("a", pace=100), "turns": ["One?", "Two?"]}
    del talk["prompt"]
    project.suite(talk)

    gates = ("ttft_p95 < 60s", "tokens_per_s > 1000000", "ttft_p50>60")
    result = project.bench(*(f"--bench-gate={gate}" for gate in gates))

    assert result.ret == 1
    result.stdout.fnmatch_lines_random(
        [
            "gate held   ttft_p95 < 60s: *s, over 2 streamed answers of 1 run",
            "gate failed tokens_per_s > 1000000: *, over 2 streamed answers of 1 run",
            "gate failed ttft_p50>60: *s, over 2 streamed answers of 1 run",
        ]
    )


def test_a_gate_on_streams_without_any_says_how_to_have_them(project: Project) -> None:
    project.suite(scenario("a"))

    result = project.bench("--bench-gate=ttft_p95 < 1s")

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["gate failed ttft_p95 < 1s: cannot be judged: no answer was streamed (stream = true in the model's table)*"]
    )


@by_both("fault", {"stall_rate": 1}, {"truncate_rate": 1}, {"malformed_rate": 1})
def test_a_stream_that_fails_is_tried_again_as_a_whole(
    project: Project, workers: tuple[str, ...], fault: dict[str, object]
) -> None:
    configure(project, STREAMING)
    project.suite(said("a", **fault, recover_after=1))

    result = project.bench(JSON, *workers)

    assert result.ret == 0
    (run,) = results(project).values()
    (retry,) = run["retries"]
    assert retry["kind"] == ("stalled" if "stall_rate" in fault else "malformed")
    assert (run["attempts"], run["response"]["text"]) == (2, TEXT)


def from_server(project: Project, url: str) -> None:
    price = "price = {input = 1, output = 2}"
    configure(project, f'[model.m]\nprovider = "openai"\nname = "m"\nbase_url = "{url}"\nstream = true\n{price}\n')
    project.suite({**scenario("a"), "models": ["m"], "checks": [{"equals": "4"}]})


def piece(content: str, reason: str | None = None, **more: object) -> dict[str, object]:
    return {"model": "m", "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": reason}], **more}


def test_a_stream_that_breaks_off_after_it_began_has_no_known_cost(project: Project, workers: tuple[str, ...]) -> None:
    overloaded = {"error": {"message": "Overloaded", "code": 503}}
    with scripted(events(piece("It is"), overloaded)) as server:
        from_server(project, server.url)
        project.bench(JSON, "--bench-retries=0", *workers)

    (run,) = results(project).values()
    assert (run["status"], run["error"]["kind"]) == ("error", "overloaded")
    assert (run["cost_usd"], run["usage"]["output_tokens"]) == (None, None)


def test_a_stream_that_is_cut_short_is_no_matter_of_the_address(project: Project, workers: tuple[str, ...]) -> None:
    with scripted(events(piece("It is"))) as server:
        from_server(project, server.url)
        result = project.bench(JSON, "--bench-retries=0", *workers)

    (run,) = results(project).values()
    remedy = "the answer had begun: the server, or a proxy before it, broke it off; its log may say why"
    assert (run["error"]["kind"], run["error"]["remedy"]) == ("malformed", remedy)
    result.stdout.fnmatch_lines([f"*remedy: {remedy}"])


def test_a_whole_answer_is_taken_and_paid_once_though_its_connection_breaks_off(
    project: Project, workers: tuple[str, ...]
) -> None:
    whole = events(piece("4", "stop", usage={"prompt_tokens": 5, "completion_tokens": 1}))
    with scripted(whole.replace(b"Connection: close", b"Connection: close\r\nContent-Length: 9999")) as server:
        from_server(project, server.url)
        project.bench(JSON, *workers)

    (run,) = results(project).values()
    assert (run["status"], run["attempts"], len(server.asked)) == ("passed", 1, 1)
    assert run["cost_usd"] == pytest.approx(7e-6)


def test_the_limit_of_the_run_ends_a_stream_that_stands_still(project: Project, sim: SimServer) -> None:
    configure(project, f'[model.m]\nprovider = "sim"\nname = "steady"\nbase_url = "{sim.url}"\nstream = true\n')
    project.suite({**said("a", stall_rate=1), "models": ["m"], "timeout": 0.3})

    result = project.bench(JSON)

    assert result.parseoutcomes() == {"failed": 1}
    assert [run["status"] for run in results(project).values()] == ["timeout"]


def test_a_stored_stream_is_taken_over_by_whoever_does_not_stream(project: Project) -> None:
    configure(project, STREAMING)
    project.suite(said("a"))
    project.bench(JSON)
    (live,) = results(project).values()

    configure(project, "")
    project.bench(JSON, "--bench-cache")

    (again,) = results(project).values()
    assert (live["cached"], again["cached"]) == (False, True)
    assert again["response"]["ttft_s"] == live["response"]["ttft_s"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("stall_timeout = 2", "stall_timeout is about answers that are streamed: set stream = true, or leave it out"),
        ("stream = true\nstall_timeout = 0", "stall_timeout"),
        ("stream = 1", "stream"),
        ("streaming = true", "did you mean 'stream'?"),
    ],
)
def test_what_makes_no_sense_is_told_before_the_first_call(project: Project, table: str, said: str) -> None:
    configure(project, f'[model."sim/steady"]\n{table}\n')
    project.suite(scenario("a"))

    result = project.bench()

    assert result.ret == 4
    assert said in result.stdout.str() + result.stderr.str()
