"""What a store knows of a run, where the store cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_benchmodels.core.exchange import Message
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Scenario, Turn
from pytest_benchmodels.plugin.options import Reuse
from pytest_benchmodels.plugin.reuse.recall import StoreRecall
from pytest_benchmodels.store import Store

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
