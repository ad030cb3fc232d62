from __future__ import annotations

from typing import Any

import execnet.gateway_base
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.plain_result import PlainResult, from_plain, grouped, plain_result, to_plain
from pytest_benchmodels.core.result import CallSum, CallSummary, CheckResult, Failure, Result, Retry
from pytest_benchmodels.core.scenario import Vote
from tests.core.made_results import changed, made

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.floats(allow_nan=False)
counts = st.none() | st.integers(0, 2**40)
votes = st.lists(
    st.builds(Vote, texts, numbers, st.booleans(), st.integers(1, 25), st.sampled_from(["", "first", "second"])),
    max_size=3,
).map(tuple)
results = st.builds(
    made,
    nodeid=texts,
    scenario=texts,
    model=texts,
    trial=st.integers(1, 100),
    status=st.sampled_from(["passed", "failed", "error", "timeout", "skipped"]),
    started_at=numbers,
    duration_s=numbers,
    latency_s=numbers,
    wait_s=numbers,
    attempts=st.integers(0, 100),
    score=st.none() | numbers,
    threshold=numbers,
    checks=st.recursive(
        st.just(()),
        lambda inside: st.lists(
            st.builds(CheckResult, texts, numbers, st.booleans(), texts, numbers, texts, votes, inside), max_size=3
        ).map(tuple),
        max_leaves=5,
    ),
    response=st.none() | st.builds(Response, texts, st.none() | texts, st.builds(Usage, counts, counts), numbers),
    error=st.none() | st.builds(Failure, texts, texts),
    retries=st.lists(st.builds(Retry, texts, texts, numbers), max_size=3).map(tuple),
    cost_usd=st.none() | numbers,
    cached=st.booleans(),
    fingerprint=texts,
)


@given(results)
def test_a_result_crosses_to_another_process_unchanged(result: Result) -> None:
    wire = execnet.gateway_base.dumps(to_plain(result))
    assert from_plain(execnet.gateway_base.loads(wire)) == result


def assert_plain(value: object) -> None:
    if isinstance(value, dict):
        assert all(type(name) is str for name in value)
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            assert_plain(entry)
    else:
        assert type(value) in {str, int, float, bool, type(None)}


@given(results)
def test_a_plain_result_holds_builtin_types_only(result: Result) -> None:
    assert_plain(to_plain(result))


def test_what_is_no_result_is_refused() -> None:
    plain = to_plain(made("a.yaml::a[m]", "a", "m", 1, "passed", 0.0, 1.0))
    with pytest.raises(msgspec.ValidationError, match="status"):
        from_plain({**plain, "status": "excellent"})


def test_each_field_is_read_by_its_own_name_whatever_part_it_is_in() -> None:
    values: dict[str, Any] = {name: f"the value of {name}" for name in PlainResult.__struct_fields__}
    plain = PlainResult(**values)
    result = grouped(plain)

    assert plain_result(result) == plain
    assert {name: getattr(result, name) for name in values} == values


def test_calls_are_summed_by_what_they_are_for() -> None:
    usage = Usage(10, 2)
    answered = CallSummary("answer", "m", attempts=2, latency_s=1.5, wait_s=0.5, input_tokens=10, output_tokens=2)
    first = CallSummary("judge", "j", attempts=1, latency_s=0.5, output_tokens=1, cost_usd=0.25, known_cost_usd=0.25)
    second = CallSummary("judge", "k", attempts=3, input_tokens=7, output_tokens=4, cost_usd=0.5, known_cost_usd=0.5)
    alone = made("s[m]", "s", "m", 1, "passed", 0.0, 1.0, latency_s=1.5, response=Response("4"), attempts=2)
    alone = changed(alone, wait_s=0.5, usage=usage, known_usage=usage, cost_usd=0.125, known_cost_usd=0.125)

    assert alone.sums == {"answer": CallSum(1, 2, 1.5, 0.5, 10, 2, 0.125, 0.125)}
    assert changed(alone, calls=(answered, first, second)).sums == {
        "answer": CallSum(1, 2, 1.5, 0.5, 10, 2, None, 0.0),
        "judge": CallSum(2, 4, 0.5, 0.0, None, 5, 0.75, 0.75),
    }
