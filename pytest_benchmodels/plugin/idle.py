"""What stands for 'more is to come, nobody knows what' where pytest wants the next item."""

from __future__ import annotations

import pytest

__all__ = ["IdleItem", "idle_item"]


class IdleItem(pytest.Item):
    """Never run. As `nextitem` it keeps session fixtures alive and lets all below them end.

    Any real item would do only if it were the next one indeed: pytest tears down to what the two have in common and
    then insists on it.
    """

    def runtest(self) -> None:
        raise RuntimeError("an idle item is never run")


def idle_item(session: pytest.Session) -> IdleItem:
    """One for this session."""
    return IdleItem.from_parent(session, name="benchmodels-idle")
