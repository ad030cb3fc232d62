"""What other models were asked: found by what was asked, for as long as a result rests on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import structs

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.message import Message, Response, Usage
from pytest_benchmodels.core.result import AnsweredCall, CallSummary, Result
from pytest_benchmodels.store import Pruned, Record, Store
from pytest_benchmodels.store.record import StoredRun
from tests.core.made_results import changed
from tests.store.store_parts import BEGINNING, record, result

OWN = CallSummary("answer", "m", attempts=1, fingerprint="print-of-a")


def call(fingerprint: str, text: str = "yes") -> AnsweredCall:
    answer = Response(text, "stop", Usage(5, 1), 0.5, served_model="j-1")
    asked = (Message("user", "Is 4 right?"),)
    return AnsweredCall("judge", "j", attempts=1, fingerprint=fingerprint, messages=asked, response=answer)


def judged(name: str, *calls: AnsweredCall, **changes: object) -> Record:
    """A result whose checks have asked another model."""
    ended = structs.replace(changed(result(name), **changes), calls=(OWN, *calls))
    return Record.of(ended)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    with Store.open(tmp_path / "store.sqlite") as one, Store.open(tmp_path / "other.sqlite") as other:
        yield one, other


@pytest.fixture
def store(stores: tuple[Store, Store]) -> Store:
    return stores[0]


def keep(store: Store, *records: Record) -> str:
    run_id = store.runs.begin(BEGINNING)
    store.results.add(run_id, records)
    store.runs.finish(run_id)
    return run_id


def texts(store: Store) -> dict[str, str]:
    return {each.fingerprint: each.response.text for each in store.calls.each()}


def test_a_call_is_found_with_question_and_answer(store: Store) -> None:
    keep(store, judged("a", call("j-1")))
    found = store.calls.find("j-1")
    assert found is not None
    assert (found.purpose, found.model, found.messages) == ("judge", "j", (Message("user", "Is 4 right?"),))
    assert found.response == call("j-1").response
    assert store.calls.find("j-2") is None
    assert set(store.calls.find_all(["j-1", "j-2"])) == {"j-1"}


def test_a_result_keeps_summaries_only(store: Store) -> None:
    run_id = keep(store, judged("a", call("j-1")))
    (ended,) = store.results.of(run_id)
    assert ended.calls == (OWN, call("j-1").summary)
    assert type(ended.calls[1]) is CallSummary
    assert call("j-1").summary.fingerprint == "j-1"


def test_a_result_without_such_calls_leaves_none(store: Store) -> None:
    keep(store, record("a"), Record(structs.replace(result("b"), calls=(OWN, OWN))))
    assert texts(store) == {}
    assert store._database.row(tuple[int], "SELECT count(*) FROM result_calls") == (0,)


def test_the_newest_answer_wins(store: Store) -> None:
    keep(store, judged("a", call("j-1", "old")))
    keep(store, judged("a", call("j-1", "new")))
    assert texts(store) == {"j-1": "new"}


def test_a_new_verdict_on_a_stored_answer_is_kept(store: Store) -> None:
    keep(store, judged("a", call("j-1"), cached=True, regraded=True))
    assert texts(store) == {"j-1": "yes"}


def test_calls_are_pruned_when_nothing_rests_on_them(store: Store) -> None:
    keep(store, judged("a", call("shared"), call("old")))
    keep(store, Record(structs.replace(result("b"), calls=(OWN, call("shared").summary))))
    old, new = sorted(store.runs.newest_first(), key=lambda run: run.id in _newest(store))

    assert store.prune(keep=1, dry=True) == Pruned((old.id,), results=1, responses=1, calls=1)
    assert set(texts(store)) == {"shared", "old"}
    assert store.prune(keep=1).calls == 1
    assert set(texts(store)) == {"shared"}, "a result that stays has found it in the store"
    assert [run.id for run in store.runs.newest_first()] == [new.id]


def _newest(store: Store) -> set[str]:
    runs: list[StoredRun] = store.runs.newest_first()
    return {runs[0].id}


def test_a_result_that_takes_the_place_of_another_rests_on_its_own_calls_only(store: Store) -> None:
    run_id = keep(store, judged("a", call("before")))
    store.results.add(run_id, [judged("a", call("after"))])
    keep(store, record("b"))
    assert store.prune(keep=2).calls == 1
    assert set(texts(store)) == {"after"}


def test_a_merged_store_brings_calls(stores: tuple[Store, Store]) -> None:
    store, other = stores
    keep(other, judged("a", call("j-1")), judged("b", call("j-2")))
    before = {each.fingerprint: each for each in other.calls.each()}

    store.merge(other)
    store.merge(other)

    assert {each.fingerprint: each for each in store.calls.each()} == before
    assert store.prune(keep=1) == Pruned((), 0, 0)
    assert set(texts(store)) == {"j-1", "j-2"}


def test_newer_calls_win_whichever_way_stores_are_merged(stores: tuple[Store, Store]) -> None:
    store, other = stores
    keep(store, judged("a", call("j-1", "older")))
    keep(other, judged("a", call("j-1", "newer")))
    other.merge(store)
    store.merge(other)
    assert texts(store) == texts(other) == {"j-1": "newer"}


def test_runs_that_are_joined_keep_their_calls(store: Store) -> None:
    runs = [keep(store, judged("a", call("j-1"))), keep(store, judged("b", call("j-2")))]
    joined = store.join(runs)
    rows = store._database.rows(
        tuple[str],
        "SELECT result_calls.fingerprint FROM result_calls JOIN results ON results.id = result "
        "WHERE run = (SELECT number FROM runs WHERE id = ?)",
        (joined,),
    )
    assert {fingerprint for (fingerprint,) in rows} == {"j-1", "j-2"}


def test_a_run_whose_file_is_lost_takes_its_calls_along(store: Store) -> None:
    run_id = keep(store, judged("a", call("j-1")))
    keep(store, judged("b", call("j-2")))
    run = store.runs.find(run_id)
    store.path.unlink()
    with store.anew(run) as new:
        assert texts(new) == {"j-1": "yes"}
        assert [ended.calls[1].fingerprint for ended in new.results.of(run_id)] == ["j-1"]


def test_a_damaged_call_is_named(store: Store) -> None:
    keep(store, judged("a", call("j-1")))
    store._database.write("UPDATE calls SET data = 'garbage'")
    with pytest.raises(StoreError, match=r"what it has under 'j-1' is no call .* run without --bench-cache"):
        store.calls.find("j-1")


def test_only_what_is_new_leaves_its_text_on_the_way_to_the_store() -> None:
    plain: Result = structs.replace(result("a"), calls=(OWN, call("j-1").summary))
    assert Record.of(plain).calls == ()
    assert Record.of(plain).result is plain
    assert Record.of(structs.replace(plain, calls=(OWN, call("j-1")))).calls == (call("j-1"),)


ASKED = ((Message("user", "What is 2 + 2?"),),)


def test_a_transcript_has_what_was_asked_and_answered(store: Store) -> None:
    own = structs.replace(call("j-1"), latency_s=0.5)
    asked = structs.replace(judged("a", own, call("j-2")), asked=ASKED)
    run_id = keep(store, asked, record("b"))

    first, second = store.transcripts(store.results.of(run_id))

    assert first.result == structs.replace(asked.result, calls=(OWN, own.summary, call("j-2").summary))
    assert (first.answers, first.asked) == (asked.answers, ASKED)
    assert first.calls == (own,)  # another run that asked what j-2 asks got a newer answer
    assert (second.result, second.answers, second.asked) == (result("b"), record("b").answers, ())


def test_answers_of_another_run_are_no_part_of_a_transcript(store: Store) -> None:
    run_id = keep(store, structs.replace(record("a"), asked=ASKED))
    keep(store, structs.replace(record("a", text="5"), asked=ASKED))

    (told,) = store.transcripts(store.results.of(run_id))

    assert ([answer.text for answer in told.answers], told.asked) == (["4"], ASKED)


@pytest.mark.parametrize("table", ["responses", "calls"])
def test_a_transcript_is_without_what_cannot_be_read(store: Store, table: str) -> None:
    own = structs.replace(call("j-1"), latency_s=0.5)
    run_id = keep(store, structs.replace(judged("a", own), asked=ASKED))
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute(f"UPDATE {table} SET data = 'x'")  # noqa: S608 - one of two names

    (told,) = store.transcripts(store.results.of(run_id))

    assert [answer.text for answer in told.answers] == ["4"]
    assert told.calls == ()
