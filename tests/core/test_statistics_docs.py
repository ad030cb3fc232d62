"""The examples of docs/statistics.md."""

from __future__ import annotations

import doctest
from pathlib import Path

_DOCUMENT = Path(__file__).parents[2] / "docs" / "statistics.md"


def test_each_example_gives_what_it_shows() -> None:
    # A closing fence would belong to the expected output: each example ends with an empty line, as doctest wants it.
    text = _DOCUMENT.read_text(encoding="utf-8")
    example = doctest.DocTestParser().get_doctest(text, {}, _DOCUMENT.name, str(_DOCUMENT), 0)
    reports: list[str] = []
    outcome = doctest.DocTestRunner().run(example, out=reports.append)
    assert outcome.failed == 0, "".join(reports)
    assert outcome.attempted > 20
