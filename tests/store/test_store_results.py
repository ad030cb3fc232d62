"""Results: kept whole, found again, asked about."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.message import Response, Usage
from pytest_benchmodels.core.result import CheckResult, Failure, Result, Retry
from pytest_benchmodels.store import Record, Spending, Store
from pytest_benchmodels.store.record import decode_answers, decode_result, encode_answers, encode_result
from tests.core.made_results import changed, made
from tests.store.store_parts import BEGINNING, record, result

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.floats()
counts = st.none() | st.integers(0, 2**63 - 1)
responses = st.builds(Response, texts, st.none() | texts, st.builds(Usage, counts, counts), numbers)
results = st.builds(
    made,
    nodeid=texts,
    scenario=texts,
    model=texts,
    trial=st.integers(1, 100),
    status=st.sampled_from(["passed", "failed", "error", "timeout", "skipped"]),
    started_at=st.floats(allow_nan=False),
    duration_s=st.floats(allow_nan=False),
    latency_s=st.floats(allow_nan=False),
    wait_s=numbers,
    waits=st.dictionaries(texts, numbers, max_size=2),
    attempts=st.integers(0, 100),
    score=st.none() | numbers,
    threshold=numbers,
    checks=st.lists(st.builds(CheckResult, texts, numbers, st.booleans(), texts, numbers, texts), max_size=3).map(
        tuple
    ),
    response=st.none() | responses,
    error=st.none() | st.builds(Failure, texts, texts),
    retries=st.lists(st.builds(Retry, texts, texts, numbers), max_size=3).map(tuple),
    cost_usd=st.none() | numbers,
    cached=st.booleans(),
    fingerprint=texts,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.sqlite") as opened:
        yield opened


@given(found=results)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
def test_a_result_comes_back_as_it_was(store: Store, found: Result) -> None:
    run = store.runs.begin(BEGINNING)
    store.results.add(run, [Record(found)])
    # NaN equals nothing, its spelling does.
    assert [repr(each) for each in store.results.of(run)] == [repr(found)]


@given(st.lists(responses, max_size=3).map(tuple))
def test_answers_come_back_as_they_were(answers: tuple[Response, ...]) -> None:
    assert repr(decode_answers(encode_answers(answers))) == repr(answers)


@given(st.text(max_size=30))
def test_text_that_no_encoder_accepts_is_replaced_and_kept(text: str) -> None:
    found = replace(result(), response=Response(text), error=Failure("malformed", text))
    kept = decode_result(encode_result(found))
    assert kept.response is not None
    assert kept.response.text == text.encode("utf-8", "replace").decode()


def test_numbers_beyond_64_bits_are_kept(store: Store) -> None:
    run = store.runs.begin(BEGINNING)
    huge = Response("4", usage=Usage(2**200, 1))
    store.results.add(run, [Record(replace(result(), response=huge), (huge,))])
    (kept,) = store.results.of(run)
    assert kept.response == huge


def test_a_node_id_that_no_encoder_accepts_is_found(store: Store) -> None:
    run = store.runs.begin(BEGINNING)
    store.results.add(run, [Record(changed(result(), nodeid="\ud800", model="\ud800", fingerprint="\ud800"))])
    assert store.results.one(run, "\ud800") is not None


def test_results_come_in_the_order_in_which_they_came(store: Store) -> None:
    run = store.runs.begin(BEGINNING)
    store.results.add(run, [record("b"), record("a")])
    store.results.add(run, [record("c")])
    assert [each.scenario for each in store.results.of(run)] == ["b", "a", "c"]


def test_a_later_result_takes_the_place_of_an_earlier_one(store: Store) -> None:
    run = store.runs.begin(BEGINNING)
    store.results.add(run, [record("a", "error"), record("b")])
    store.results.add(run, [record("a", "passed")])
    assert [(each.scenario, each.status) for each in store.results.of(run)] == [("b", "passed"), ("a", "passed")]


def test_all_of_a_call_are_kept_or_none(store: Store) -> None:
    run = store.runs.begin(BEGINNING)

    def records() -> Iterator[Record]:
        yield record("a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.results.add(run, records())
    assert list(store.results.of(run)) == []
    store.results.add(run, [record("b")])
    assert [each.scenario for each in store.results.of(run)] == ["b"]


def test_runs_do_not_mix(store: Store) -> None:
    one, two = store.runs.begin(BEGINNING), store.runs.begin(BEGINNING)
    store.results.add(one, [record("a", text="one")])
    store.results.add(two, [record("a", text="two")])
    assert [each.response and each.response.text for each in store.results.of(one)] == ["one"]
    found = store.results.one(two, "suite.yaml::a[m]")
    assert found is not None
    assert found.response is not None
    assert found.response.text == "two"
    assert store.results.one(two, "suite.yaml::b[m]") is None


def test_results_can_be_read_while_others_are_added(store: Store) -> None:
    run = store.runs.begin(BEGINNING)
    store.results.add(run, [record(str(number)) for number in range(50)])
    reading = store.results.of(run)
    assert next(reading).scenario == "0"
    store.results.add(run, [record("late")])
    assert [each.scenario for each in reading][:49] == [str(number) for number in range(1, 50)]


def test_a_record_tells_by_which_checks_it_was_judged(store: Store) -> None:
    run = store.runs.begin(BEGINNING)
    store.results.add(run, [record("a", grade="old checks"), record("b", grade="new checks")])
    assert store.results.grade_fingerprints(run) == {
        "suite.yaml::a[m]": "old checks",
        "suite.yaml::b[m]": "new checks",
    }
    assert list(store.results.records(run)) == [
        Record(result("a"), (), "old checks"),
        Record(result("b"), (), "new checks"),
    ]


def test_an_unknown_run_is_named(store: Store) -> None:
    with pytest.raises(StoreError, match=r"store\.sqlite': it has no run 'yesterday'$"):
        store.results.add("yesterday", [record()])


@pytest.mark.parametrize("data", ["", "{}", '{"nodeid": 1}', '{"deep": ' + "[" * 100_000])
def test_a_damaged_result_is_named(store: Store, data: str) -> None:
    run = store.runs.begin(BEGINNING)
    store.results.add(run, [record()])
    store.results._database.write("UPDATE documents SET data = ?", (data,))
    with pytest.raises(
        StoreError, match=rf"what it has of 'suite.yaml::a\[m\]' in run {run} is no result .* run it again"
    ):
        list(store.results.of(run))


def test_durations_are_those_of_the_last_answer(store: Store) -> None:
    for started_at, duration_s in ((200.0, 2.0), (100.0, 1.0)):
        run = store.runs.begin(BEGINNING)
        store.results.add(run, [Record(result("a", started_at=started_at, duration_s=duration_s))])
    assert store.results.durations() == {"suite.yaml::a[m]": 2.0}


@pytest.mark.parametrize(
    "idle", [result(status="error", started_at=math.inf), result(status="skipped"), changed(result(), cached=True)]
)
def test_what_was_not_answered_has_no_duration(store: Store, idle: Result) -> None:
    run = store.runs.begin(BEGINNING)
    store.results.add(run, [Record(idle), record("b")])
    assert store.results.durations() == {"suite.yaml::b[m]": 1.0}
    assert set(store.results.spending()) == {("suite.yaml::b", "m")}


def test_durations_look_at_the_20_newest_runs(store: Store) -> None:
    run = store.runs.begin(BEGINNING)
    store.results.add(run, [record("a")])
    for _ in range(19):
        store.runs.begin(BEGINNING)
    assert store.results.durations() == {"suite.yaml::a[m]": 1.0}
    store.runs.begin(BEGINNING)
    assert store.results.durations() == {}


def test_spending_is_told_by_scenario_and_model(store: Store) -> None:
    run = store.runs.begin(BEGINNING)
    spent = [(Usage(10, 2), 1.0), (Usage(20, 6), 3.0), (Usage(), 2.0)]
    store.results.add(
        run,
        [
            Record(
                replace(result("a", duration_s=s), nodeid=f"suite.yaml::a[m#{trial}]", response=Response("4", usage=u))
            )
            for trial, (u, s) in enumerate(spent, 1)
        ],
    )
    assert store.results.spending() == {("suite.yaml::a", "m"): Spending(3, 15.0, 4.0, 6, 2.0)}


def test_the_latest_fingerprint_of_each_run_is_known(store: Store) -> None:
    for started_at, fingerprint in ((1.0, "old"), (3.0, "new"), (4.0, "")):
        run = store.runs.begin(BEGINNING)
        store.results.add(run, [Record(changed(result("a", started_at=started_at), fingerprint=fingerprint))])
    assert store.results.latest_fingerprints() == {"suite.yaml::a[m]": "new"}


def test_some_results_are_found_at_once(store: Store) -> None:
    one, two = store.runs.begin(BEGINNING), store.runs.begin(BEGINNING)
    store.results.add(one, map(record, ("a", "b", "c")))
    store.results.add(two, [record("a", text="two"), Record(changed(result(), nodeid="\ud800"))])
    first, absent = "suite.yaml::a[m]", "suite.yaml::z[m]"

    assert set(store.results.some(one, [first, "suite.yaml::c[m]", absent])) == {first, "suite.yaml::c[m]"}
    assert store.results.some(two, [first])[first] == store.results.one(two, first)
    assert list(store.results.some(two, ["\ud800", absent]).values()) == [store.results.one(two, "\ud800")]
    assert store.results.some(one, []) == {}
