"""Pruning, merging, joining."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.message import Message, Response
from pytest_benchmodels.core.result import Status
from pytest_benchmodels.core.run import Session
from pytest_benchmodels.store import Extent, Pruned, Record, Store, StoredRun
from tests.core.made_results import changed
from tests.store.store_parts import BEGINNING, record, result

DAY_S = 86400.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.sqlite") as opened:
        yield opened


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "other.sqlite") as opened:
        yield opened


def aged(store: Store, days: float, *records: Record) -> str:
    run = StoredRun(f"run-{days:g}", time.time() - days * DAY_S, None, "interrupted", ("pytest",), "0.1.0")
    store.results.add(store.runs.insert(run), records)
    return run.id


def ids(store: Store) -> list[str]:
    return [run.id for run in store.runs.newest_first()]


def found(store: Store, run_id: str) -> dict[str, Status]:
    return {each.scenario: each.status for each in store.results.of(run_id)}


def test_all_but_the_newest_are_pruned(store: Store) -> None:
    aged(store, 3, record("a"), record("b"))
    aged(store, 2, record("a"))
    aged(store, 1, record("a"))
    assert store.prune(keep=2) == Pruned(("run-3",), results=2, responses=1)
    assert ids(store) == ["run-1", "run-2"]
    assert store.responses.find("print-of-b") is None
    assert store.responses.find("print-of-a") is not None


def test_what_is_old_is_pruned(store: Store) -> None:
    aged(store, 3)
    aged(store, 1)
    assert store.prune(older_than_s=2 * DAY_S).runs == ("run-3",)


def test_with_both_rules_a_run_has_to_meet_both(store: Store) -> None:
    for days in (4, 3, 1):
        aged(store, days)
    assert store.prune(keep=2, older_than_s=2 * DAY_S).runs == ("run-4",)
    assert store.prune(keep=0, older_than_s=2 * DAY_S).runs == ("run-3",)


def test_without_a_rule_nothing_is_pruned(store: Store) -> None:
    aged(store, 3, record("a"))
    assert store.prune() == Pruned((), 0, 0)
    assert ids(store) == ["run-3"]


def test_a_run_that_is_still_running_stays(store: Store) -> None:
    run_id = store.runs.begin(BEGINNING)
    store.results.add(run_id, [record("a")])
    assert store.prune(keep=0) == Pruned((), 0, 0)
    assert found(store, run_id) == {"a": "passed"}


def test_a_dry_prune_tells_and_removes_nothing(store: Store) -> None:
    aged(store, 3, record("a"), record("b"))
    assert store.prune(keep=0, dry=True) == Pruned(("run-3",), results=2, responses=2)
    assert found(store, "run-3") == {"a": "passed", "b": "passed"}
    assert store.responses.find("print-of-b") is not None


def test_shrinking_gives_space_back(store: Store) -> None:
    aged(store, 3, record("a", text="x" * 1_000_000))
    aged(store, 1, record("b"))
    store.shrink()
    before = store.path.stat().st_size
    store.prune(keep=1)
    store.shrink()
    assert store.path.stat().st_size < before - 1_900_000
    assert found(store, "run-1") == {"b": "passed"}


def test_a_merged_store_brings_runs_results_and_answers(store: Store, other: Store) -> None:
    aged(store, 1, record("a"))
    aged(other, 2, structs.replace(record("b", grade="theirs"), asked=((Message("user", "2 + 2"),),)))
    assert store.merge(other) == ("run-2",)
    assert ids(store) == ["run-1", "run-2"]
    assert list(store.results.records("run-2")) == [Record(result("b"), (), "theirs")]
    answers = store.responses.find("print-of-b")
    assert answers is not None
    assert answers.answers == record("b").answers
    assert answers.asked == ((Message("user", "2 + 2"),),)


def test_merging_twice_changes_nothing(store: Store, other: Store) -> None:
    aged(other, 2, record("a"), record("b", "error"))
    store.merge(other)
    before = list(store.results.of("run-2"))
    assert store.merge(other) == ()
    assert list(store.results.of("run-2")) == before


def test_a_run_that_both_have_gets_the_better_results(store: Store, other: Store) -> None:
    early, late = result("later", started_at=1.0), result("later", "failed", started_at=2.0)
    aged(store, 1, record("verdict"), record("error", "error"), Record(early))
    aged(other, 1, record("verdict", "error"), record("error", "failed"), Record(late), record("new"))
    assert store.merge(other) == ()
    assert found(store, "run-1") == {"verdict": "passed", "error": "failed", "later": "failed", "new": "passed"}


def test_newer_answers_win_whichever_way_stores_are_merged(store: Store, other: Store) -> None:
    aged(store, 2, record("a", text="older"))
    aged(other, 1, record("a", text="newer"))
    other.merge(store)
    store.merge(other)
    for merged in (store, other):
        answers = merged.responses.find("print-of-a")
        assert answers is not None
        assert answers.answers[0].text == "newer"


def test_nobody_works_on_a_copied_run(store: Store, other: Store) -> None:
    run_id = other.runs.begin(BEGINNING)
    store.merge(other)
    assert store.runs.find(run_id).state == "interrupted"
    finished = other.runs.begin(BEGINNING)
    other.runs.finish(finished)
    store.merge(other)
    assert store.runs.find(finished).state == "finished"


def test_shards_are_joined_to_one_run(store: Store) -> None:
    shards = []
    for number, name in enumerate(("a", "b"), 1):
        shards.append(store.runs.begin(replace(BEGINNING, shard=f"{number}/2")))
        store.results.add(shards[-1], [record(name, grade=name)])
        store.runs.finish(shards[-1])
    run = store.runs.find(store.join(shards))
    assert (run.total, run.shard, run.state, run.statuses) == (6, None, "finished", {"passed": 2})
    assert run.started_at == min(store.runs.find(shard).started_at for shard in shards)
    assert list(store.results.records(run.id)) == [Record(result("a"), (), "a"), Record(result("b"), (), "b")]
    assert [found(store, shard) for shard in shards] == [{"a": "passed"}, {"b": "passed"}]


def in_session(number: int, name: str, status: Status = "passed") -> Record:
    return Record(changed(result(name, status), session=number))


def sessions_of(store: Store, run_id: str) -> dict[str, float]:
    """When the session began that had each result, by scenario; 0 where it is not known."""
    known = (0.0, *(session.started_at for session in store.runs.find(run_id).sessions))
    return {each.scenario: known[each.session] for each in store.results.of(run_id)}


def with_sessions(store: Store, run_id: str, *moments: float) -> None:
    for moment in moments:
        store.runs.enter(run_id, Session(moment, 20))


def test_results_stay_with_their_sessions_in_a_joined_run(store: Store) -> None:
    first = aged(store, 2, in_session(1, "a"), in_session(2, "b"), in_session(0, "old"), in_session(9, "odd"))
    second = aged(store, 1, in_session(1, "c"))
    with_sessions(store, first, 100.0, 200.0)
    with_sessions(store, second, 300.0)
    joined = store.join([first, second])
    assert [session.started_at for session in store.runs.find(joined).sessions] == [100.0, 200.0, 300.0]
    assert sessions_of(store, joined) == {"a": 100.0, "b": 200.0, "old": 0.0, "odd": 0.0, "c": 300.0}


def test_a_joined_run_is_to_have_what_its_parts_were_asked_for(store: Store) -> None:
    parts = [aged(store, 2, record("a"), record("b")), aged(store, 1, record("b"))]
    store.runs.expect(parts[0], Extent(frozenset(f"suite.yaml::{name}[m]" for name in "abc")))
    assert store.runs.find(store.join(parts)).total is None
    store.runs.expect(parts[1], Extent(frozenset(f"suite.yaml::{name}[m]" for name in "bd")))
    assert store.runs.find(store.join(parts)).total == 4


def test_a_run_that_went_on_elsewhere_brings_its_new_sessions(store: Store, other: Store) -> None:
    aged(store, 1, in_session(1, "a"), in_session(1, "b", "error"))
    aged(other, 1, in_session(1, "a"), in_session(2, "b"), in_session(2, "c"))
    with_sessions(store, "run-1", 100.0)
    with_sessions(other, "run-1", 100.0, 200.0)
    other.runs.expect("run-1", Extent(frozenset(("suite.yaml::d[m]",))))
    for _ in range(2):
        store.merge(other)
        assert sessions_of(store, "run-1") == {"a": 100.0, "b": 200.0, "c": 200.0}
        assert [session.started_at for session in store.runs.find("run-1").sessions] == [100.0, 200.0]
        assert store.runs.find("run-1").total == 4


def test_a_merged_run_keeps_its_sessions(store: Store, other: Store) -> None:
    aged(other, 1, in_session(1, "a"))
    with_sessions(other, "run-1", 100.0)
    store.merge(other)
    assert sessions_of(store, "run-1") == {"a": 100.0}


def test_what_belongs_to_a_pruned_run_goes_with_it(store: Store) -> None:
    with_sessions(store, aged(store, 1), 100.0)
    store.runs.expect("run-1", Extent(frozenset("a")))
    store.prune(keep=0)
    for count in ("SELECT count(*) FROM sessions", "SELECT count(*) FROM extents"):
        assert store._database.row(tuple[int], count) == (0,)


def test_of_two_results_the_verdict_is_joined_then_the_later(store: Store) -> None:
    aged(store, 2, record("a"), Record(result("b", "failed", started_at=2.0)))
    aged(store, 1, record("a", "error"), Record(result("b", started_at=1.0)), record("c"))
    assert found(store, store.join(["run-2", "run-1"])) == {"a": "passed", "b": "failed", "c": "passed"}


def test_a_joined_run_is_unfinished_if_a_part_is(store: Store) -> None:
    finished, interrupted = store.runs.begin(BEGINNING), aged(store, 1)
    store.runs.finish(finished)
    assert store.runs.find(store.join([finished, interrupted])).state == "interrupted"


def test_to_join_nothing_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="no run was named: name those that are to be one"):
        store.join([])


def test_a_part_that_is_not_there_is_named(store: Store) -> None:
    aged(store, 1)
    with pytest.raises(StoreError, match="there is no run 'run-9'"):
        store.join(["run-1", "run-9"])
    assert ids(store) == ["run-1"]


def test_answers_stay_while_any_result_rests_on_them(store: Store) -> None:
    aged(store, 3, Record(result("a"), (Response("4"),)))
    aged(store, 1, Record(changed(result("a"), cached=True)))
    store.prune(keep=1)
    assert store.responses.find("print-of-a") is not None
