from __future__ import annotations

import execnet.gateway_base
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.exchange import Response, Usage
from pytest_benchmodels.core.result import CheckResult, Failure, Result, Retry, from_plain, to_plain

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.floats(allow_nan=False)
counts = st.none() | st.integers(0, 2**40)
results = st.builds(
    Result,
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
    checks=st.lists(st.builds(CheckResult, texts, numbers, st.booleans(), texts, numbers, texts), max_size=3).map(
        tuple
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
    plain = to_plain(Result("a.yaml::a[m]", "a", "m", 1, "passed", 0.0, 1.0))
    with pytest.raises(msgspec.ValidationError, match="status"):
        from_plain({**plain, "status": "excellent"})
