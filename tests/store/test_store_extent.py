"""How much a run is to have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.store import Extent

NODEIDS = st.frozensets(st.sampled_from("abcdefgh"))
EXTENTS = st.builds(Extent, NODEIDS, st.integers(0, 5))


def test_what_two_sessions_were_asked_for_counts_once() -> None:
    assert Extent(frozenset("abcd")).and_session("ef").and_session("abe").total == 6


def test_what_is_new_may_be_what_could_not_be_named() -> None:
    assert Extent(frozenset("a"), unnamed=3).and_session("abc") == Extent(frozenset("abc"), unnamed=1)
    assert Extent(frozenset("a"), unnamed=1).and_session("abc") == Extent(frozenset("abc"), unnamed=0)


def test_parts_share_only_what_both_name() -> None:
    assert Extent(frozenset("ab"), 2).and_part(Extent(frozenset("bc"), 1)) == Extent(frozenset("abc"), 3)


@given(EXTENTS, NODEIDS)
def test_a_session_never_makes_a_run_smaller_and_changes_nothing_twice(extent: Extent, asked: frozenset[str]) -> None:
    more = extent.and_session(asked)

    assert max(extent.total, len(asked)) <= more.total <= extent.total + len(asked)
    assert asked <= more.nodeids
    assert more.and_session(asked) == more
