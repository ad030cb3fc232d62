"""Answers: found by what was sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from pytest_benchmodels.core.errors import StoreError
from pytest_benchmodels.core.message import Message, Response, Usage
from pytest_benchmodels.store import Record, Store
from tests.core.made_results import changed
from tests.store.store_parts import BEGINNING, record, result


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.sqlite") as opened:
        yield opened


def keep(store: Store, *records: Record) -> None:
    store.results.add(store.runs.begin(BEGINNING), records)


def texts(store: Store, fingerprint: str) -> list[str]:
    found = store.responses.find(fingerprint)
    return [] if found is None else [answer.text for answer in found.answers]


def test_the_answers_of_all_turns_are_found(store: Store) -> None:
    turns = (Response("one", "stop", Usage(1, 2), 0.5), Response("two", "length", Usage(3, 4), 0.25))
    before = time.time()
    keep(store, Record(result("a"), turns))
    found = store.responses.find("print-of-a")
    assert found is not None
    assert (found.model, found.answers) == ("m", turns)
    assert before <= found.created_at <= time.time()


def test_what_was_asked_is_found_with_it(store: Store) -> None:
    asked = ((Message("system", "be brief"), Message("user", "\ud800")), (Message("user", "and?"),))
    keep(store, structs.replace(record("a"), asked=asked))
    found = store.responses.find("print-of-a")
    assert found is not None
    assert found.asked == ((Message("system", "be brief"), Message("user", "?")), (Message("user", "and?"),))


def test_an_answer_to_something_else_is_never_given(store: Store) -> None:
    keep(store, record("a"))
    assert store.responses.find("print-of-b") is None
    assert store.responses.find("") is None


def test_the_newest_answer_wins(store: Store) -> None:
    keep(store, record("a", text="old"))
    keep(store, record("a", text="new"))
    assert texts(store, "print-of-a") == ["new"]


def test_half_a_conversation_does_not_take_the_place_of_a_whole_one(store: Store) -> None:
    half, whole = (Response("one"),), (Response("one"), Response("two"))
    keep(store, Record(result("a", "error"), half))
    assert texts(store, "print-of-a") == ["one"]
    keep(store, Record(result("a"), whole))
    keep(store, Record(result("a", "error"), half))
    assert texts(store, "print-of-a") == ["one", "two"]


def test_a_reused_answer_does_not_become_new(store: Store) -> None:
    keep(store, record("a", text="asked"))
    keep(store, Record(changed(result("a"), cached=True), (Response("reused"),)))
    assert texts(store, "print-of-a") == ["asked"]


def test_a_run_without_an_answer_leaves_none(store: Store) -> None:
    keep(store, Record(structs.replace(result("a", "error"), response=None)))
    assert store.responses.find("print-of-a") is None


def test_what_an_answer_said_of_the_quota_then_does_not_count_later(store: Store) -> None:
    keep(store, Record(result("a"), (Response("4", pause_s=30.0),)))
    found = store.responses.find("print-of-a")
    assert found is not None
    assert found.answers == (Response("4"),)


def test_many_are_found_at_once(store: Store) -> None:
    keep(store, *(record(str(number), text=str(number)) for number in range(1200)))
    wanted = [f"print-of-{number}" for number in range(1201)]
    found = store.responses.find_all(wanted)
    assert {name: stored.answers[0].text for name, stored in found.items()} == {
        f"print-of-{number}": str(number) for number in range(1200)
    }


def test_a_large_answer_is_kept_whole(store: Store) -> None:
    text = "ä" * 5_000_000
    keep(store, record("a", text=text))
    assert texts(store, "print-of-a") == [text]


def test_a_damaged_answer_is_named(store: Store) -> None:
    keep(store, record("a"))
    store.responses._database.write("UPDATE responses SET data = 'garbage'")
    with pytest.raises(StoreError, match=r"what it has under 'print-of-a' is no response .* run without --bench-cache"):
        store.responses.find("print-of-a")
