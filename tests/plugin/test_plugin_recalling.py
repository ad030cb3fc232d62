"""What a store knows of a run, where the store cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from pytest_benchmodels.core.message import Message, Response, Usage
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.result import AnsweredCall, CallSummary
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Scenario, Turn
from pytest_benchmodels.plugin.loop.recall import StoreRecall
from pytest_benchmodels.plugin.options import Reuse
from pytest_benchmodels.store import Beginning, Record, Store
from tests.core.made_results import made

MODEL = Model("m", "sim", "steady", "http://127.0.0.1:1")
RUN = Run("s.yaml::a[m]", Scenario("a", "s.yaml:1", (Turn((Message("user", "2 + 2?"),)),)), MODEL)


@pytest.mark.parametrize("reuse", [Reuse(cache=True), Reuse(regrade=True)])
def test_a_store_that_cannot_be_opened_is_tried_once(tmp_path: Path, reuse: Reuse) -> None:
    """A lock would be waited for each time: the second look-up knows nothing of the store that is there by then."""
    path = tmp_path / "store.sqlite"
    path.write_text("no store")
    recall = StoreRecall(path, reuse, None)
    first = recall.of(RUN)
    path.unlink()
    Store.open(path).close()

    second = recall.of(RUN)

    assert first == second
    assert "it is no store but some other file" in first.reason
    assert first.must_not_run == reuse.regrade
    assert StoreRecall(path, reuse, None).of(RUN).reason == "no stored response"


def with_a_call(path: Path) -> Store:
    asked, said = (Message("user", "right?"),), Response("yes", "stop", Usage(1, 1), 0.5)
    call = AnsweredCall("judge", "j", attempts=1, fingerprint="judge-1", messages=asked, response=said)
    ended = structs.replace(
        made("s.yaml::a[m]", "a", "m", 1, "passed", 1000.0, 1.0), calls=(CallSummary("answer", "m"), call)
    )
    store = Store.open(path)
    store.results.add(store.runs.begin(Beginning(("pytest",), "0.1.0", 1)), [Record.of(ended)])
    return store


@pytest.mark.parametrize(
    ("reuse", "afresh", "is_found"),
    [
        (Reuse(cache=True), False, True),
        (Reuse(regrade=True), True, True),
        (Reuse(resume=True), True, True),
        (Reuse(resume=True), False, False),
    ],
)
def test_a_call_is_found_where_answers_are_reused(
    tmp_path: Path, reuse: Reuse, *, afresh: bool, is_found: bool
) -> None:
    with_a_call(tmp_path / "store.sqlite").close()
    recall = StoreRecall(tmp_path / "store.sqlite", reuse, None)

    found = recall.call("judge-1", afresh=afresh)

    assert (found is not None and found.text == "yes") == is_found
    assert recall.call("judge-2", afresh=True) is None


@pytest.mark.parametrize(("since", "is_found"), [(None, False), (0.0, True), (4e9, False)])
def test_a_worker_finds_what_others_have_asked_in_its_session(
    tmp_path: Path, since: float | None, *, is_found: bool
) -> None:
    recall = StoreRecall(tmp_path / "store.sqlite", Reuse(), None, since)
    assert recall.call("judge-1", afresh=False) is None, "the store is not there yet"

    with_a_call(tmp_path / "store.sqlite").close()

    assert (recall.call("judge-1", afresh=False) is not None) == is_found


def test_a_call_that_cannot_be_read_is_made_again(tmp_path: Path) -> None:
    with with_a_call(tmp_path / "store.sqlite") as store:
        store._database.write("UPDATE calls SET data = 'garbage'")
    assert StoreRecall(tmp_path / "store.sqlite", Reuse(cache=True), None).call("judge-1", afresh=False) is None

    (tmp_path / "none.sqlite").write_text("no store")
    assert StoreRecall(tmp_path / "none.sqlite", Reuse(cache=True), None).call("judge-1", afresh=False) is None
