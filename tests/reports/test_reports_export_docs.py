"""docs/reports.md names the columns, the extra and the limits that there are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from pytest_benchmodels.reports import html as html_results
from pytest_benchmodels.reports import markdown
from pytest_benchmodels.reports.export import COLUMNS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")


def test_the_columns_are_those_that_are_written() -> None:
    table = TEXT.partition("| column | type | meaning |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \| (\w+) \|", table, re.MULTILINE) == list(COLUMNS.items())


def test_the_extra_exists() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    (extra,) = re.findall(r"pytest-benchmodels\[(\w+)\]", TEXT)
    assert any("pyarrow" in requirement for requirement in extras[extra])


def test_the_limits_are_those_that_are_kept() -> None:
    assert f"take {html_results._SIZE_LIMIT // 1_000_000} MB at most" in TEXT
    first, *_, last = html_results._DETAILS
    assert last.asked == last.text
    limits = (
        f"an answer to {first.text:,} characters at first, a question to {first.asked}, both to {last.text} in the end"
    )
    assert limits in " ".join(TEXT.split())
    assert f"It has {markdown._SIZE_LIMIT:,} bytes at most" in TEXT
    assert markdown._FAILURES == 20
    assert "the worst twenty failures" in TEXT


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((\w*\.?m?d?)#([\w-]+)\)", TEXT)
    assert links
    for path, anchor in links:
        target = (ROOT / "docs" / path).read_text(encoding="utf-8") if path else TEXT
        titles = re.findall(r"^#+ (.+)$", target, re.MULTILINE)
        assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
