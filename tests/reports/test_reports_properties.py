from __future__ import annotations

from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.reports.units import junit_properties, result_properties
from tests.core.made_results import changed, made

NODEID = "a.yaml::add[sim/steady#2]"


def test_the_names_are_the_contracts() -> None:
    result = made(
        NODEID,
        "add",
        "sim/steady",
        2,
        "passed",
        0.0,
        1.5,
        latency_s=1.23456789,
        wait_s=0.5,
        retry_s=0.25,
        connect_s=0.0123456789,
        client_s=0.0,
        attempts=3,
        score=1.0,
        response=Response("4", usage=Usage(10, 2, cached_input_tokens=4, reasoning_tokens=1)),
        cost_usd=0.25,
    )
    assert result_properties(result) == {
        "scenario": "add",
        "model": "sim/steady",
        "trial": 2,
        "status": "passed",
        "score": 1.0,
        "latency_s": 1.234568,
        "wait_s": 0.5,
        "retry_s": 0.25,
        "connect_s": 0.012346,
        "client_s": 0.0,
        "input_tokens": 10,
        "output_tokens": 2,
        "cached_input_tokens": 4,
        "reasoning_tokens": 1,
        "cost_usd": 0.25,
        "known_cost_usd": 0.25,
        "attempts": 3,
    }
    assert junit_properties(result) == [(f"bench.{name}", value) for name, value in result_properties(result).items()]


def test_what_is_not_known_is_null_in_json_and_absent_in_xml() -> None:
    result = made(NODEID, "add", "sim/steady", 1, "error", 0.0, 1.5)
    unknown = {name for name, value in result_properties(result).items() if value is None}
    assert unknown == {
        *("score", "latency_s", "retry_s", "connect_s", "client_s"),
        *("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens"),
        *("cost_usd", "known_cost_usd"),
    }
    assert [name for name, _ in junit_properties(result)] == [
        "bench.scenario",
        "bench.model",
        "bench.trial",
        "bench.status",
        "bench.wait_s",
        "bench.attempts",
    ]


def test_a_part_is_told_as_a_part() -> None:
    usage, known = Usage(None, None), Usage(1000, 20)
    result = made(NODEID, "add", "sim/steady", 1, "timeout", 0.0, 1.5, usage=usage, known_usage=known)
    facts = result_properties(changed(result, cost_usd=None, known_cost_usd=2.0))
    assert (facts["cost_usd"], facts["known_cost_usd"], facts["input_tokens"]) == (None, 2.0, None)
