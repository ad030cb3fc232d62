from __future__ import annotations

from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.statistics.gates import Gate, Metric, Operator, parse_gate, parse_gates

shares = st.floats(0, 1)
amounts = st.floats(0, 1e300)
model_ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
    lambda text: not any(letter.isspace() for letter in text)
)
operators: st.SearchStrategy[Operator] = st.sampled_from(get_args(Operator))
metrics: st.SearchStrategy[Metric] = st.sampled_from(get_args(Metric))


@st.composite
def gates(draw: st.DrawFn) -> Gate:
    metric, operator, relative = draw(metrics), draw(operators), draw(st.booleans())
    number = draw(amounts if metric in {"p50_latency", "p95_latency", "cost"} else shares)
    if relative and draw(st.booleans()):
        number = -number
    confident = metric.endswith("_rate") and operator not in {"==", "!="} and draw(st.booleans())
    models = st.none() if metric == "judge_agreement" else st.none() | model_ids
    return Gate(metric, operator, number, relative, draw(models), confident)


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("pass_rate >= 0.9", Gate("pass_rate", ">=", 0.9)),
        ("pass_rate>=.9", Gate("pass_rate", ">=", 0.9)),
        ("pass_rate >= baseline - 0.02", Gate("pass_rate", ">=", -0.02, relative=True)),
        ("pass_rate >= baseline-2%", Gate("pass_rate", ">=", -0.02, relative=True)),
        ("p95_latency < baseline + 1.5 s", Gate("p95_latency", "<", 1.5, relative=True)),
        ("error_rate == 0 @ openai/gpt-4o-mini", Gate("error_rate", "==", 0, model="openai/gpt-4o-mini")),
        ("timeout_rate <= 1% @*", Gate("timeout_rate", "<=", 0.01, model="*")),
        ("truncated_rate == 0", Gate("truncated_rate", "==", 0.0)),
        ("judge_agreement >= 0.8", Gate("judge_agreement", ">=", 0.8)),
        ("p95_latency < 8", Gate("p95_latency", "<", 8)),
        ("p50_latency < 8s", Gate("p50_latency", "<", 8)),
        ("cost <= 1.50", Gate("cost", "<=", 1.5)),
        ("cost <= $1.50", Gate("cost", "<=", 1.5)),
        ("cost <= 1.50$", Gate("cost", "<=", 1.5)),
        ("cost != 1e-3", Gate("cost", "!=", 0.001)),
        ("score > baseline", Gate("score", ">", 0, relative=True)),
        ("pass_rate > 90% with 95% confidence", Gate("pass_rate", ">", 0.9, confident=True)),
        ("pass_rate > 0.9 @ a/with with 95 % confidence", Gate("pass_rate", ">", 0.9, model="a/with", confident=True)),
        ("pass_rate > baseline with 95% confidence", Gate("pass_rate", ">", 0, relative=True, confident=True)),
    ],
)
def test_a_gate_is_read_as_it_is_meant(text: str, gate: Gate) -> None:
    assert parse_gate(text) == gate


def test_a_gate_keeps_what_was_written() -> None:
    assert parse_gate("  pass_rate   >= 90% ").text == "pass_rate >= 90%"


_METRICS = (
    "expected a metric (pass_rate, score, error_rate, timeout_rate, truncated_rate, graded, judge_agreement, "
    "p50_latency, p95_latency, cost, ttft_p50, ttft_p95, tokens_per_s)"
)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, f"{_METRICS}; found the end"),
        (
            "judge_agreement >= 0.8 @ m",
            24,
            "expected no model for judge_agreement, which is the judges' over all models; found '@'",
        ),
        ("pas_rate >= 0.9", 1, f"{_METRICS}; did you mean 'pass_rate'?; found 'pas_rate'"),
        ("0.9 <= pass_rate", 1, f"{_METRICS}; found '0.9'"),
        ("pass_rate = 0.9", 11, "expected one of >= > <= < == !=; found '='"),
        ("pass_rate", 10, "expected one of >= > <= < == !=; found the end"),
        ("pass_rate >= ", 14, "expected a number or 'baseline'; found the end"),
        ("pass_rate >= baselin", 14, "expected a number or 'baseline'; found 'baselin'"),
        ("pass_rate >= -1", 14, "expected a number or 'baseline'; found '-1'"),
        ("pass_rate >= nan", 14, "expected a number or 'baseline'; found 'nan'"),
        ("pass_rate >= baseline -", 24, "expected a number after '-'; found the end"),
        (
            "pass_rate >= 90",
            14,
            "expected a share from 0 to 1, or a percentage up to 100%, for pass_rate; found '90'",
        ),
        (
            "score >= baseline - 200 %",
            21,
            "expected a share from 0 to 1, or a percentage up to 100%, for score; found '200'",
        ),
        ("cost <= 1e999", 9, "expected a number that a figure can reach; found '1e999'"),
        ("pass_rate >= 0.9s", 17, "expected '%', the unit of pass_rate, or none; found 's'"),
        ("p95_latency < 800 ms", 19, "expected 's', the unit of p95_latency, or none; found 'ms'"),
        ("cost <= 10%", 11, "expected '$', the unit of cost, or none; found '%'"),
        ("tokens_per_s >= 50s", 19, "tokens_per_s has no unit; found 's'"),
        ("cost <= $1.50$", 14, "expected '@ MODEL', 'with 95% confidence' or the end; found '$'"),
        ("pass_rate >= 0.9 @", 19, "expected a model's id, or '*' for each model; found the end"),
        ("pass_rate >= 0.9 @ a b", 22, "expected '@ MODEL', 'with 95% confidence' or the end; found 'b'"),
        ("pass_rate >= 0.9 with 90% confidence", 23, "expected '95% confidence'; found '90%'"),
        (
            "cost <= 1 with 95% confidence",
            11,
            (
                "expected no confidence for cost: only error_rate, judge_agreement, pass_rate, timeout_rate, "
                "truncated_rate have one; found 'with'"
            ),
        ),
        (
            "error_rate == 0 with 95% confidence",
            17,
            "expected no confidence for ==: use >= or <=; found 'with'",
        ),
    ],
)
def test_a_wrong_gate_is_refused_where_it_is_wrong(text: str, column: int, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_gate(text)
    assert str(refused.value) == f"gate {text!r}, column {column}: {message}"


def test_a_gate_of_endless_length_is_refused_unread() -> None:
    with pytest.raises(ConfigError, match=r"^gate 'a+\.\.\.': longer than 500 characters; give one rule per gate$"):
        parse_gate("a" * 10_000_000)


def test_control_characters_do_not_reach_the_message() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_gate("\x1b[2J")
    assert "\x1b" not in str(refused.value)


def test_all_wrong_gates_are_said_at_once_and_each_that_lacks_a_baseline() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_gates(("pas_rate > 0", "score >= 0.5", "score >= baseline", "cost <= baseline + 1"), "--bench-compare")
    first, *others = str(refused.value).splitlines()
    assert first.startswith("gate 'pas_rate > 0', column 1: ")
    assert others == [
        "gate 'score >= baseline': there is no baseline; name one with --bench-compare RUN",
        "gate 'cost <= baseline + 1': there is no baseline; name one with --bench-compare RUN",
    ]


def test_where_there_is_a_baseline_a_gate_may_need_it() -> None:
    assert parse_gates(("score >= baseline", "score > 0")) == (parse_gate("score >= baseline"), parse_gate("score > 0"))


@given(gates())
def test_a_gate_reads_back_what_it_prints(gate: Gate) -> None:
    assert parse_gate(str(gate)) == gate


pieces = st.lists(
    st.sampled_from([*get_args(Metric), *get_args(Operator), "baseline", "0.9", "1e5", "%", "$", "s", "@", "*", "with"])
    | st.sampled_from(["95% confidence", "+", "-", " ", "\t"])
    | st.text(max_size=3)
)


@given(st.text() | pieces.map("".join) | pieces.map(" ".join))
def test_any_text_is_a_gate_or_a_configuration_error(text: str) -> None:
    with suppress(ConfigError):
        gate = parse_gate(text)
        assert parse_gate(str(gate)) == gate
        assert parse_gate(gate.text) == gate
