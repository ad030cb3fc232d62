"""Gates: small rules over a run's figures that decide its exit status.

    gate       = metric operator target [ "@" model ] [ "with 95% confidence" ]
    metric     = "pass_rate" | "score" | "error_rate" | "timeout_rate" | "truncated_rate" | "graded"
               | "judge_agreement" | "p50_latency" | "p95_latency" | "cost" | "ttft_p50" | "ttft_p95" | "tokens_per_s"
    operator   = ">=" | ">" | "<=" | "<" | "==" | "!="
    target     = amount | "baseline" [ ( "+" | "-" ) amount ]
    amount     = [ "$" ] number [ "%" | "s" | "$" ]
    model      = a model's id | "*"

Latencies and times to the first token (`ttft`) are in seconds, costs in US dollars, `tokens_per_s` is a number. All
else is a share from 0 to 1 or a percentage; a unit may be left
out. Without a model a gate is over all runs together, with `*` it has to hold for each model. With confidence it is
Wilson's bound of a rate that has to hold: the lower one for `>=` and `>`, the upper one for `<=` and `<`.

Where people have labelled answers, `pass_rate` is the rate corrected by their labels, with an interval of its own,
unless it is held against a baseline. `judge_agreement` is Cohen's kappa of the judges and these people.

A figure over 3 of 30 runs says little of the 30. So where gates decide, `graded >= 95%` has to hold as well, of
whatever they are over, unless one of them is about `graded` itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NoReturn, cast, get_args

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.text import nearest, quote

__all__ = ["Gate", "Metric", "Operator", "implied_gates", "parse_gate", "parse_gates"]

Metric = Literal[
    "pass_rate",
    "score",
    "error_rate",
    "timeout_rate",
    "truncated_rate",
    "graded",
    "judge_agreement",
    "p50_latency",
    "p95_latency",
    "cost",
    "ttft_p50",
    "ttft_p95",
    "tokens_per_s",
]
Operator = Literal[">=", ">", "<=", "<", "==", "!="]

_UNITS: dict[Metric, str] = {
    **dict.fromkeys(("p50_latency", "p95_latency", "ttft_p50", "ttft_p95"), "s"),
    "cost": "$",
    "tokens_per_s": "",
}
_SHARE_UNIT = "%"
_RATES = frozenset[Metric](("pass_rate", "error_rate", "timeout_rate", "truncated_rate", "judge_agreement"))
_LEAST_GRADED = 0.95
_LENGTH_LIMIT = 500

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r"[<>=!]+")
_SIGN = re.compile(r"[+-]")
_UNIT = re.compile(r"[%$]|[A-Za-z]+")
_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CONFIDENCE = re.compile(r"95\s*%\s*confidence\b")
_SYMBOL = re.compile(r"[@$]")
_PART = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Gate:
    """One rule, parsed; `str()` gives its canonical form, `text` the one that was written.

    What the metric is held against is `number`, or the baseline plus `number` if `relative`. It is in seconds, US
    dollars, or a share from 0 to 1. `model` is None for all runs together, `*` for each model. Nobody wrote an
    `implied` gate.
    """

    metric: Metric
    operator: Operator
    number: float
    relative: bool = False
    model: str | None = None
    confident: bool = False
    text: str = field(default="", compare=False)
    implied: bool = False

    def __str__(self) -> str:
        sign = "-" if self.number < 0 else "+"
        offset = f" {sign} {abs(self.number)!r}" if self.number else ""
        target = f"baseline{offset}" if self.relative else repr(self.number)
        model = f" @ {self.model}" if self.model is not None else ""
        confidence = " with 95% confidence" if self.confident else ""
        return f"{self.metric} {self.operator} {target}{model}{confidence}"


def parse_gate(text: str) -> Gate:
    """Read one gate. Raises `ConfigError`, which names the column, for everything else."""
    if len(text) > _LENGTH_LIMIT:
        raise ConfigError(f"gate {quote(text)}: longer than {_LENGTH_LIMIT} characters; give one rule per gate")
    reader = _Reader(text)
    metric = reader.metric()
    operator = reader.operator()
    relative = reader.skip("baseline")
    number = reader.offset(metric) if relative else reader.amount(metric, "a number or 'baseline'")
    model = reader.model(metric)
    confident = reader.confidence(metric, operator)
    reader.end()
    return Gate(metric, operator, number, relative, model, confident, text=" ".join(text.split()))


def parse_gates(texts: Iterable[str], baseline_option: str | None = None) -> tuple[Gate, ...]:
    """Read gates. Raises `ConfigError` with all that is wrong.

    `baseline_option` is what would name a baseline, where none is named: a gate that needs one is then wrong too.
    """
    gates, problems = [], []
    for text in texts:
        try:
            gate = parse_gate(text)
        except ConfigError as error:
            problems.append(str(error))
            continue
        gates.append(gate)
        if gate.relative and baseline_option is not None:
            problems.append(f"gate {quote(text, 120)}: there is no baseline; name one with {baseline_option} RUN")
    if problems:
        raise ConfigError("\n".join(problems))
    return tuple(gates)


def implied_gates(gates: Iterable[Gate]) -> tuple[Gate, ...]:
    """What has to hold beside these gates: `graded >= 95%` of the same models. A gate about `graded` replaces it.

    One over all runs, or over each model, replaces it wholly; one of a model for that model.
    """
    written = tuple(gates)
    named = {gate.model for gate in written if gate.metric == "graded"}
    models = {gate.model for gate in written if gate.metric != "graded"} - named
    if named & {None, "*"}:
        return ()
    # What holds for each model holds for one of them, and for all together.
    wanted = ["*"] if "*" in models else sorted(models, key=lambda model: model or "")
    return tuple(_implied(model) for model in wanted)


def _implied(model: str | None) -> Gate:
    text = f"graded >= {_LEAST_GRADED:.0%}" + (f" @ {model}" if model is not None else "")
    return Gate("graded", ">=", _LEAST_GRADED, model=model, text=text, implied=True)


class _Reader:
    """Takes one part after another off the text of a gate."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._start = 0  # of the part that was looked for last
        self._at = 0

    def metric(self) -> Metric:
        known = get_args(Metric)
        word = self._take(_WORD)
        if word not in known:
            self._fail(f"expected a metric ({', '.join(known)}){nearest(word or '', known)}")
        return cast("Metric", word)

    def operator(self) -> Operator:
        found = self._take(_OPERATOR)
        if found not in get_args(Operator):
            self._fail(f"expected one of {' '.join(get_args(Operator))}")
        return cast("Operator", found)

    def amount(self, metric: Metric, expected: str = "a number") -> float:
        unit = _UNITS.get(metric, _SHARE_UNIT)
        prefixed = unit == "$" and self.skip("$")
        digits, start = self._take(_NUMBER), self._start
        if digits is None:
            self._fail(f"expected {expected}")
        number = float(digits)
        if not math.isfinite(number):
            self._fail("expected a number that a figure can reach", start)
        if not prefixed and self._unit(unit, metric) and unit == _SHARE_UNIT:
            number /= 100
        if unit == _SHARE_UNIT and number > 1:
            self._fail(f"expected a share from 0 to 1, or a percentage up to 100%, for {metric}", start)
        return number

    def _unit(self, unit: str, metric: Metric) -> bool:
        """Go past the unit of the amount, if it has one."""
        before = self._at
        found = self._take(_UNIT)
        if found in {None, "with"}:
            self._at = before
            return False
        if found != unit:
            self._fail(f"expected {unit!r}, the unit of {metric}, or none" if unit else f"{metric} has no unit")
        return True

    def offset(self, metric: Metric) -> float:
        sign = self._take(_SIGN)
        if sign is None:
            return 0.0
        amount = self.amount(metric, f"a number after '{sign}'")
        return -amount if sign == "-" else amount

    def model(self, metric: Metric) -> str | None:
        if not self.skip("@"):
            return None
        if metric == "judge_agreement":
            self._fail("expected no model for judge_agreement, which is the judges' over all models", self._start)
        name = self._take(_PART)
        if name is None:
            self._fail("expected a model's id, or '*' for each model")
        return name

    def confidence(self, metric: Metric, operator: Operator) -> bool:
        if not self.skip("with"):
            return False
        if metric not in _RATES:
            self._fail(f"expected no confidence for {metric}: only {', '.join(sorted(_RATES))} have one")
        if operator in {"==", "!="}:
            self._fail(f"expected no confidence for {operator}: use >= or <=")
        if self._take(_CONFIDENCE) is None:
            self._fail("expected '95% confidence'")
        return True

    def end(self) -> None:
        if self._take(_PART) is not None:
            self._fail("expected '@ MODEL', 'with 95% confidence' or the end")

    def skip(self, word: str) -> bool:
        """Go past `word` if it comes next, whole."""
        before = self._at
        if self._take(_WORD if word.isalpha() else _SYMBOL) == word:
            return True
        self._at = before
        return False

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        """What comes next, after white space, if it looks like this."""
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        self._start = self._at
        match = pattern.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match[0]

    def _fail(self, expected: str, start: int | None = None) -> NoReturn:
        """Refuse what stands at `start`, else the part that was looked for last."""
        column = self._start if start is None else start
        rest = self._text[column:].split(maxsplit=1)
        found = quote(rest[0]) if rest else "the end"
        raise ConfigError(f"gate {quote(self._text, 120)}, column {column + 1}: {expected}; found {found}")
