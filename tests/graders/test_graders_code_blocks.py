"""Code blocks are found in time linear in the text, and are those that one expression would find."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.graders.documents import documents_in

BLOCK = re.compile(r"^[ \t]*(`{3,8}|~{3,8})[^\n`]*\n(.*?)^[ \t]*\1[`~]*[ \t]*$", re.DOTALL | re.MULTILINE)
PARTS = st.sampled_from(["```", "~~~", "`", "~", "\n", "\n", "[1]", "[2]", "json", " "])


@given(st.lists(PARTS, max_size=30).map("".join))
def test_the_blocks_are_those_of_the_expression(text: str) -> None:
    inside = [match[2].strip() for match in BLOCK.finditer(text)]
    expected = [[int(found[1:-1])] for found in dict.fromkeys(inside) if found in ("[1]", "[2]")]
    if expected and all(found in ("[1]", "[2]") for found in inside):
        assert documents_in(text) == expected


def test_many_blocks_that_are_never_closed_take_no_time_squared() -> None:
    """With one expression this took 7 s at 50,000 characters, and 40,000 times that at 10 MB."""
    assert documents_in("```json\n{}\n" * 90_000) == [{}]
