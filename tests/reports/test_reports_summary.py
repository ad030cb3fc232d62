from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.reports.summary import interval_lines, summary_lines
from pytest_benchmodels.statistics.intervals import Interval
from pytest_benchmodels.statistics.metrics import Figures, ModelFigures
from pytest_benchmodels.statistics.outcomes import ErrorGroup


def a_model(model: str = "openai/gpt-4o-mini", **figures: Any) -> ModelFigures:
    given = {
        "passed": 361,
        "failed": 25,
        "timeouts": 1,
        "errors": 0,
        "skipped": 0,
        "score": 0.951,
        "p50_s": 1.9,
        "p95_s": 6.4,
        "input_tokens": 412_000,
        "output_tokens": 88_000,
        "cost_usd": 0.11,
    }
    return ModelFigures(model=model, **{**given, **figures})


def a_model_without_runs(model: str = "m", **counts: Any) -> ModelFigures:
    nothing = dict.fromkeys(("passed", "failed", "timeouts", "errors", "skipped"), 0)
    unknown = dict.fromkeys(("score", "p50_s", "p95_s", "input_tokens", "output_tokens", "cost_usd"))
    return a_model(model, **{**nothing, **unknown, **counts})


def some_figures(*models: ModelFigures, **figures: Any) -> Figures:
    runs = sum(model.graded + model.errors + model.skipped for model in models)
    given = {
        "errors": (),
        "scenarios": runs // len(models) if models else 0,
        "trials": 1,
        "cached": 0,
        "worked_runs": runs,
        "worked_scenarios": 0,
        "makespan_s": 60.0,
        "lower_bound_s": 57.0,
    }
    return Figures(models=models, **{**given, **figures})


CONTRACT = """\
model                    passed      rate  95% CI       score  errors  timeouts   p50    p95    tokens    cost
openai/gpt-4o-mini      361/387     93.3%  90.3-95.4%    0.95       0         1   1.9s   6.4s   412k/88k  $0.11
387 scenarios x 3 models = 1161 runs in 3.20 min
throughput: 120.9 scenarios/min, 362.8 model runs/min
makespan 192.0 s, lower bound 183.1 s (95%)
"""


def test_the_layout_is_the_contracts() -> None:
    models = a_model(), a_model("sim/slow"), a_model("sim/steady", passed=387, failed=0, timeouts=0, score=1.0)
    figures = some_figures(*models, worked_scenarios=387, makespan_s=192.0, lower_bound_s=183.1)
    lines = summary_lines(figures, 120)
    assert lines[:2] + lines[-3:] == CONTRACT.splitlines()
    assert lines[3].split()[1:5] == ["387/387", "100.0%", "99.0-100.0%", "1.00"]


def test_columns_align_under_a_long_name() -> None:
    long = "openrouter/" + "very-" * 8 + "long"
    header, short_row, long_row, *_ = summary_lines(some_figures(a_model(), a_model(long)), 300)
    assert long_row.startswith(long + "  ")
    assert header.index("rate") + 4 == short_row.index("93.3%") + 5 == long_row.index("93.3%") + 5
    assert header.index("cost") == short_row.index("$0.11") == long_row.index("$0.11")


def test_a_narrow_terminal_has_the_same_columns_in_parts() -> None:
    figures = some_figures(a_model())
    wide, narrow = summary_lines(figures, 200), summary_lines(figures, 80)
    assert max(map(len, narrow)) <= 80
    for row in (0, 1):
        name, *cells = wide[row].split()
        parts = [narrow[row].split(), narrow[row + 2].split()]
        assert [part[0] for part in parts] == [name, name]
        assert parts[0][1:] + parts[1][1:] == cells


def test_a_skipped_column_stands_only_where_runs_were_skipped() -> None:
    assert "skipped" not in "\n".join(summary_lines(some_figures(a_model()), 120))
    header, row, *_ = summary_lines(some_figures(a_model(skipped=23)), 130)
    end = header.index("skipped") + len("skipped")
    assert row[end - 3 : end] == " 23"


def test_what_is_not_known_is_a_dash() -> None:
    _, row, *_ = summary_lines(some_figures(a_model_without_runs(errors=3)), 120)
    assert row.split() == ["m", "0/0", "-", "-", "-", "3", "0", "-", "-", "-", "-"]
    _, row, *_ = summary_lines(some_figures(a_model(output_tokens=None)), 120)
    assert " 412k/-" in row


def test_nothing_ran() -> None:
    assert summary_lines(some_figures(makespan_s=0.0, lower_bound_s=0.0), 80) == [
        "0 scenarios x 0 models = 0 runs in 0.00 min",
        "throughput: 0.0 scenarios/min, 0.0 model runs/min",
        "makespan 0.0 s, lower bound 0.0 s (-)",
    ]


def test_one_of_each_is_singular() -> None:
    model = a_model_without_runs(passed=1)
    assert summary_lines(some_figures(model), 120)[2] == "1 scenario x 1 model = 1 run in 1.00 min"


def test_trials_are_a_factor() -> None:
    model = a_model_without_runs(passed=6)
    (product,) = (line for line in summary_lines(some_figures(model, scenarios=3, trials=2), 120) if " x " in line)
    assert product == "3 scenarios x 1 model x 2 trials = 6 runs in 1.00 min"


def test_holes_in_the_product_are_told() -> None:
    models = (
        a_model_without_runs("a", passed=12),
        a_model_without_runs("b", passed=9),
        a_model_without_runs("c", failed=9),
    )
    assert summary_lines(some_figures(*models, scenarios=12), 120)[4] == (
        "12 scenarios x 3 models = 30 runs (not every pair) in 1.00 min"
    )


def test_trials_that_only_some_pairs_have_are_no_factor() -> None:
    figures = some_figures(a_model_without_runs(passed=4), scenarios=2, trials=3)
    assert summary_lines(figures, 120)[2] == (
        "2 scenarios x 1 model = 4 runs (not every pair has 3 trials) in 1.00 min"
    )


@pytest.mark.parametrize(
    ("counts", "cached", "note"),
    [
        ({"passed": 4}, 0, ""),
        ({"passed": 4, "errors": 1}, 0, " (1 error not counted)"),
        ({"passed": 4, "errors": 7, "skipped": 2}, 3, " (7 errors, 2 skipped, 3 cached not counted)"),
    ],
)
def test_runs_that_did_no_work_are_named(counts: dict[str, Any], cached: int, note: str) -> None:
    figures = some_figures(a_model_without_runs(**counts), cached=cached, worked_runs=4, worked_scenarios=4)
    assert summary_lines(figures, 120)[-2] == f"throughput: 4.0 scenarios/min, 4.0 model runs/min{note}"


def test_the_cause_of_errors_stands_below_the_table() -> None:
    groups = (
        ErrorGroup("openai/gpt-4o-mini", "auth", 12, "401 Unauthorized: wrong key"),
        ErrorGroup("bad\x1b[2J", "http", 1, "gone\x07\nfor good"),
    )
    lines = summary_lines(some_figures(a_model(errors=13), errors=groups), 120)
    assert lines[2] == "errors: openai/gpt-4o-mini: 12 x auth: 401 Unauthorized: wrong key"
    assert lines[3] == r"errors: bad\x1b[2J: 1 x http: gone\x07 for good"


def test_a_long_cause_is_wrapped_so_that_its_remedy_can_be_read() -> None:
    message = "cannot connect to http://127.0.0.1:9: connection refused; is the server running, is base_url right?"
    figures = some_figures(a_model(errors=2), errors=(ErrorGroup("openai/x", "connection", 2, message),))
    assert summary_lines(figures, 80)[4:6] == [
        "errors: openai/x: 2 x connection: cannot connect to http://127.0.0.1:9:",
        "  connection refused; is the server running, is base_url right?",
    ]
    whole = summary_lines(figures, 1)
    narrow = whole[next(number for number, line in enumerate(whole) if line.startswith("errors: ")) :]
    narrow = narrow[: next(number for number, line in enumerate(narrow) if line.startswith("389 scenarios"))]
    assert max(map(len, narrow)) <= 40
    assert " ".join(line.strip() for line in narrow) == f"errors: openai/x: 2 x connection: {message}"


@pytest.mark.parametrize("filler", ["x", "x ", "-", "\n", "\x1b"])
def test_a_hostile_cause_is_bounded(filler: str) -> None:
    groups = (ErrorGroup("m", "http", 1, filler * 1_000_000),)
    lines = summary_lines(some_figures(a_model(errors=1), errors=groups), 80)[4:-3]
    assert all(len(line) <= 80 for line in lines)
    told = " ".join(line.strip() for line in lines)
    assert len(told) <= 500
    assert told.endswith(" more characters)")


def test_many_causes_are_five_lines() -> None:
    groups = tuple(ErrorGroup("m", f"kind-{n}", 10 - n, "why") for n in range(7))
    lines = [line for line in summary_lines(some_figures(a_model(errors=49), errors=groups), 120) if "errors: " in line]
    assert lines[-2:] == ["errors: m: 7 x kind-3: why", "errors: 15 more of 3 further causes"]
    assert len(lines) == 5


def test_a_name_from_a_file_cannot_steer_the_terminal() -> None:
    text = "\n".join(summary_lines(some_figures(a_model("evil\x1b[31m\nname")), 120))
    assert r"evil\x1b[31m name" in text
    assert "\x1b" not in text


def timing(*models: ModelFigures) -> list[str]:
    figures = some_figures(*models)
    return [line for line in summary_lines(figures, 80) if line.startswith(("p50 and p95", "latency is"))]


def test_percentiles_say_how_many_timeouts_they_leave_out() -> None:
    late = a_model("late", passed=50, failed=4, timeouts=4, latency_runs=54, latency_timeouts=4)
    later = a_model("later\n", passed=0, failed=0, timeouts=1, latency_timeouts=1)
    told = "p50 and p95 leave out timeouts: late: 4 of 58 runs, later: 1 of 1 run"
    assert timing(late, a_model("quick"), later) == [told]
    assert timing(a_model("quick")) == []


@pytest.mark.parametrize(
    ("delays", "told"),
    [
        ((0.12, None), "120 ms"),
        ((0.12, 3.84), "3.8 s"),
        ((0.9996, 0.0), "1.0 s"),
        ((0.019, 0.0), None),  # of every machine
        ((None, None), None),
    ],
)
def test_a_busy_machine_is_told_where_it_matters(delays: tuple[float | None, ...], told: str | None) -> None:
    some = [a_model(f"m{number}", p50_s=0.15, client_p95_s=delay) for number, delay in enumerate(delays)]
    line = f"latency is overstated: this machine was busy (p95 of its own delay {told})"
    assert timing(*some) == ([line] if told else [])


def test_a_delay_is_no_matter_beside_a_long_latency() -> None:
    assert timing(a_model(p50_s=1.9, client_p95_s=0.12)) == []
    assert timing(a_model(p50_s=1.1, client_p95_s=0.12)) != []


counts = st.integers(0, 10_000)
known = st.none() | st.floats(0, 1e6)
models = st.builds(
    ModelFigures,
    model=st.sampled_from(["a", "b" * 40]),
    passed=counts,
    failed=counts,
    timeouts=counts,
    errors=counts,
    skipped=counts,
    score=st.none() | st.floats(0, 1),
    p50_s=known,
    p95_s=known,
    input_tokens=st.none() | st.integers(0, 10**12),
    output_tokens=st.none() | st.integers(0, 10**12),
    cost_usd=known,
)


@given(st.lists(models, max_size=4), st.just(0.0) | st.floats(1e-6, 1e6), st.integers(0, 200))
def test_any_figures_make_an_even_ascii_table(some: list[ModelFigures], makespan: float, width: int) -> None:
    figures = some_figures(*some, makespan_s=makespan, lower_bound_s=makespan)
    lines = summary_lines(figures, width)
    text = "\n".join(lines)
    assert text.isascii()
    assert "nan" not in text
    assert "inf" not in text
    rows = summary_lines(figures, 10_000)[1 : len(some) + 1]
    assert {len(row.split()) for row in rows} <= {11 + any(model.skipped for model in some)}


def test_further_intervals_are_told_and_a_figure_with_too_few_runs_says_so() -> None:
    model = a_model("m", score_interval=Interval(0.9, 0.97), p50_interval=Interval(1.5, 2.25))
    assert list(interval_lines(some_figures(model))) == [
        "95% CI: m: score 0.90-0.97, p50 1.5s-2.2s, p95 has too few runs"
    ]


def test_who_answered_instead_is_told_as_far_as_there_is_room() -> None:
    few = a_model("openrouter/x", answered_by={"y": 12, "z\x1b[2J": 3})
    many = a_model("m", answered_by={f"n{number}": 9 - number for number in range(7)})

    told = [line for line in summary_lines(some_figures(few, many, a_model("other")), 120) if "answered by" in line]

    assert told == [
        "openrouter/x: answered by y (12), z\\x1b[2J (3)",
        "m: answered by n0 (9), n1 (8), n2 (7), n3 (6), n4 (5), 2 more",
    ]
