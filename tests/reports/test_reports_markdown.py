from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence

import pytest

from pytest_benchmodels.core.result import Failure, Result
from pytest_benchmodels.reports.bench_json import Evaluation
from pytest_benchmodels.reports.markdown import write_markdown
from tests.reports.reports_parts import HOSTILE, evaluated, hostile_results, result


def written(results: Sequence[Result], evaluation: Evaluation | None = None) -> str:
    stream = io.BytesIO()
    write_markdown(stream, evaluation or evaluated(results), iter(results))
    return stream.getvalue().decode()


def failed(scenario: str, score: float = 0.0) -> Result:
    return result(scenario, status="failed", score=score)


def test_a_run_reads_like_this() -> None:
    results = [result(), failed("b", 0.5)]
    text = html.unescape(written(results, evaluated(results, ["pass_rate >= 0.9", "error_rate == 0"])))
    assert text.startswith("## Benchmark: 2 of 3 gates held; 1 passed, 1 failed\n\n| model | passed | rate |")
    assert "| <code>sim/steady</code> | 1/2 | 50.0% |" in text
    assert "```text\ncost per passed run: sim/steady: $0.50\n95% CI: sim/steady: score " in text
    assert "\n2 scenarios x 1 model = 2 runs in 0.03 min\nthroughput:" in text
    assert (
        "### Gates\n\n"
        "- ❌ <code>gate failed pass_rate >= 0.9: 0.500 (1/2), over 2 of 2 runs</code>\n"
        "- ✅ <code>gate held error_rate == 0: 0.000 (0/2), over 2 of 2 runs</code>\n"
        "- ✅ <code>gate held graded >= 95%: 1.000 (2/2), the share of runs with a verdict</code>\n"
    ) in text
    assert (
        "### Failures\n\n"
        "| status | run | what |\n"
        "| :-- | :-- | :-- |\n"
        "| failed | <code>maths/sums.yaml::b[sim/steady]</code> "
        "| <code>score 0.50 (sim/steady, 1.5s)</code> |\n"
    ) in text


def test_nothing_ran() -> None:
    assert written([]).startswith("## Benchmark: nothing ran\n\n```text\n0 scenarios x 0 models = 0 runs")


def test_a_comparison_has_a_table_and_what_changed() -> None:
    before = [failed(f"s{number}") for number in range(8)]
    now = [result(f"s{number}") for number in range(8)]
    text = html.unescape(written(now, evaluated(now, before=before)))
    assert "### Compared with <code>the run before</code>\n\n| model | scenarios | pass rate |" in text
    assert "| <code>sim/steady</code> | 8 | 0.0% -> 100.0% | +100.0 pp |" in text
    assert "<details><summary>What changed</summary>\n\n```text\ncompared with the run before:\n" in text
    assert "sim/steady: got better: 8 scenarios\n" in text


def test_models_are_ranked() -> None:
    results = [result("a", "m/one"), result("a", "m/two", status="failed", score=0.0)]
    text = html.unescape(written(results))
    assert "### Ranking\n\n| place | model | passed |" in text
    assert "| 1 | <code>m/one</code> | 1/1 |" in text


def rows(text: str) -> list[str]:
    """The scenarios of the failures, in order."""
    return re.findall(r"::(\w+)\[", html.unescape(text).partition("failures")[2])


def test_the_worst_twenty_are_shown_wrong_answers_first() -> None:
    errors = [result(f"e{n}", status="error", score=None, error=Failure("auth", "401")) for n in range(10)]
    late = [
        result(f"t{n}", status="timeout", score=None, error=Failure("timeout", "Timeout (>1.0s)")) for n in range(4)
    ]
    wrong = [failed("half", 0.5), failed("none", 0.0), *(failed(f"f{n}", 0.75) for n in range(10))]
    text = written([*errors, *late, *wrong])
    assert "### The worst 20 of 26 failures" in text
    assert rows(text) == [
        "none",
        "half",
        *(f"f{n}" for n in range(10)),
        *(f"t{n}" for n in range(4)),
        *(f"e{n}" for n in range(4)),
    ]


def test_long_tables_and_lists_are_cut_and_say_so() -> None:
    results = [result("s", f"m/{number:02}") for number in range(55)]
    text = written(results, evaluated(results, ["pass_rate < 0.5 @ *"]))
    assert text.count("\n\nand 5 more\n") == 2
    assert "\n- and 60 more\n" in text


def test_folded_lines_are_cut_and_say_so() -> None:
    models = [f"m/{number}" for number in range(20)]
    now = [result(f"s{number}", model) for model in models for number in range(11)]
    before = [result(f"s{number}", model, status="failed", score=0.0) for model in models for number in range(11)]
    assert re.search(r"\nand \d+ more lines\n```", written(now, evaluated(now, before=before)))


def columns(text: str) -> list[int]:
    """How many bars each row of each table has."""
    return [line.count("|") for line in text.splitlines() if line.startswith("| ")]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_breaks_no_table_and_notifies_nobody(text: str) -> None:
    hostile = hostile_results(text)
    shown = written(hostile, evaluated(hostile, ["error_rate == 0 @ *"], hostile))
    fences = re.compile(r"^(`{3,})text\n.*?^\1$", re.MULTILINE | re.DOTALL)
    outside = fences.sub("", shown)
    assert set(re.findall(r"</?[^>]*>", outside)) <= {
        "<code>",
        "</code>",
        "<details>",
        "</details>",
        "<summary>",
        "</summary>",
    }
    assert not re.search(r"@|`|\\|://|www\.|\]\(", outside)
    assert [
        line for line in outside.splitlines() if line.startswith("#") and not line.startswith(("## B", "### "))
    ] == []
    harmless = hostile_results("text")
    assert columns(outside) == columns(written(harmless, evaluated(harmless, ["error_rate == 0 @ *"], harmless)))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", shown)


def test_a_fence_is_longer_than_any_that_it_holds() -> None:
    hostile = [result(status="error", score=None, error=Failure("http", "````` end"))]
    assert "\n``````text\nerrors: sim/steady: 1 x http: ````` end\n" in written(hostile)


def test_it_fits_into_a_comment_and_says_what_it_left_out() -> None:
    results = [
        result("<" * 300, f"<{number}>" + "<" * 200, status="error", score=None, error=Failure("<" * 50, "<" * 400))
        for number in range(60)
    ]
    text = written(results)
    assert len(text.encode()) < 65_536
    assert text.endswith("The rest is left out: it would be longer than a comment may be.\n")
