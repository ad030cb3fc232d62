"""What is known of a session's part in a run."""

from __future__ import annotations

from pytest_benchmodels.core.run import MOST_LANES, Session


def test_only_models_that_had_another_number_are_named() -> None:
    assert Session.of(1.0, 20, {"a": 20, "b": 5}) == Session(1.0, 20, {"b": 5})


def test_numbers_stay_within_what_every_file_can_hold() -> None:
    assert Session.of(1.0, 10**30, {"a": 10**29}) == Session(1.0, MOST_LANES, {"a": MOST_LANES})
