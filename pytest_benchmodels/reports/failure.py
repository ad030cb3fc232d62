"""What a reader sees of a run that failed, timed out or ended as an error: its own words, and no traceback."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_benchmodels.core.message import usual_finish_reason
from pytest_benchmodels.core.result import CheckResult, Result, deciding, rule_of
from pytest_benchmodels.core.text import clip, harmless
from pytest_benchmodels.reports.units import duration, failed_request, fraction, one_line, plural, requests
from pytest_benchmodels.reports.work import changed_line

__all__ = ["OUT_OF_STEPS", "failed_of", "failure_headline", "failure_text", "ruling"]

OUT_OF_STEPS = "out of steps: calls that the model still wanted were not made; see max_steps"
"""What is told of a run whose model was not asked again, though it called tools."""

_MOST_DIGITS = 12


def ruling(result: Result) -> str:
    """`1 of 3 checks failed`, or `score 0.72 is below the threshold 0.8`; empty for a run without a verdict."""
    rule = rule_of(result)
    if rule == "threshold":
        return _by_score(result)
    if rule == "checks":
        return _by_checks(result)
    if result.status == "failed":
        return f"score {fraction(result.score)}"  # no check that counts came with the result: what decided is not known
    if result.status == "passed":
        return "no check counts: each has weight 0" if result.checks else "no check: any answer passes"
    return ""


def failed_of(result: Result) -> list[CheckResult]:
    """The checks that count and failed."""
    return [check for check in deciding(result.checks) if not check.passed]


def _by_checks(result: Result) -> str:
    counted, failed = len(deciding(result.checks)), len(failed_of(result))
    if failed:
        return _failed(failed, counted)
    if result.status == "failed":
        return f"score {fraction(result.score)}"
    all_passed = f"all {counted} checks passed" if counted > 1 else "its check passed"
    informing = sum(not check.passed for check in result.checks)
    return (
        f"{all_passed}; {plural(informing, 'check')} of weight 0 failed, and only informs" if informing else all_passed
    )


def _by_score(result: Result) -> str:
    score, threshold = result.score or 0.0, result.threshold or 0.0
    shown, needed = _apart(score, threshold)
    counted, failed = len(deciding(result.checks)), len(failed_of(result))
    if result.status == "passed":
        though = f", though {_failed(failed, counted)}" if failed else ""
        return f"score {shown} reaches the threshold {needed}{though}"
    # Earlier versions compared sums of floating point numbers.
    rounded = ", by a rounding error of the version that judged it" if float(shown) >= float(needed) else ""
    return f"score {shown} is below the threshold {needed}{rounded}"


def _failed(failed: int, counted: int) -> str:
    return f"{failed} of {plural(counted, 'check')} failed"


def _apart(score: float, needed: float) -> tuple[str, str]:
    """The threshold as it was written; the score with two digits, or as many as show on which side of it that lies."""
    threshold = f"{needed:.{_MOST_DIGITS}g}"
    for digits in range(2, _MOST_DIGITS):
        shown = f"{score:.{digits}f}"
        if (float(shown) >= float(threshold)) == (score >= needed):
            return shown, threshold
    return fraction(score), threshold


_ANSWER_LIMIT = 2000
_MESSAGE_LIMIT = 1000
_LINE_LIMIT = 300
_NAME_LIMIT = 120
_CHECK_LINES = 30
_EXPLAINED_LINES = 20
_RETRY_LINES = 10
_NAMED_CHECKS = 2

_REMEDIES = {
    "auth": "set the environment variable of the model's key to one that is valid for this provider",
    "bad-request": "look at the scenario's and the model's params: this API refused one of them",
    "connection": "see whether the server runs and whether the model's base_url is right",
    "content-filter": "change the prompt, or the filter's settings at the provider: the model has not seen it",
    "stalled": "a longer stall_timeout in the model's table of bench.toml waits longer",
    "context-length": "shorten the prompt, lower max_tokens, or take a model with a larger context",
    "malformed": "see whether the model's base_url points to the API that its provider speaks",
    "not-found": "see whether the model's name and base_url are right",
    "overloaded": "allow more attempts with --bench-retries, or more time with --bench-timeout",
    "quota": "top up the account or raise its limit at the provider, then finish the run with --bench-resume",
    "rate-limit": "lower --bench-concurrency, or set rpm and tpm of the model in bench.toml",
    "redirect": "set the model's base_url to the final address: no redirect is followed, it could carry the key away",
    "too-large": "lower max_tokens in params: a reply is read up to a limit only",
}


def failure_text(result: Result, headline: str | None = None) -> str:
    """The whole story of a run that failed, timed out or ended as an error: a few lines, the headline first.

    `headline` is that of `failure_headline`, where it is known already.
    """
    return "\n".join((failure_headline(result) if headline is None else headline, *_details(result)))


def failure_headline(result: Result) -> str:
    """One line that names what failed: pytest's short summary and JUnit show it alone."""
    if result.status == "timeout":
        return _timeout_headline(result)
    if result.status == "error":
        return _error_headline(result)
    return _verdict_headline(result)


def _timeout_headline(result: Result) -> str:
    """The error's message begins with `Timeout (>180.0s)`: who kept the limit knows it."""
    _, message = _reason(result)
    return f"{message} ({_model(result)} on {_scenario(result)}{_tried(result)})"


def _error_headline(result: Result) -> str:
    kind, message = _reason(result)
    return f"{kind}: {message} ({_model(result)}{_tried(result)}, {duration(result.duration_s)})"


def _reason(result: Result) -> tuple[str, str]:
    if result.error is None:
        return "unknown", "no reason was given"
    return one_line(result.error.kind, _NAME_LIMIT), one_line(result.error.message, _LINE_LIMIT)


def _tried(result: Result) -> str:
    return f", {requests(result)}" if result.attempts else ""


def _verdict_headline(result: Result) -> str:
    ended = "; out of steps" if result.is_out_of_steps else ""
    return f"{ruling(result)}{_culprits(result)}{ended} ({_model(result)}, {duration(result.latency_s)})"


def _culprits(result: Result) -> str:
    """The checks that failed; if all passed, those whose partial score kept the run below its threshold."""
    if failed := failed_of(result):
        return f"; failed {_names(failed)}" if rule_of(result) == "threshold" else f": {_names(failed)}"
    partial = [check for check in deciding(result.checks) if check.score < 1]
    return f"; only partly met {_names(partial)}" if partial else ""


def _names(checks: list[CheckResult]) -> str:
    named = ", ".join(map(_summary, checks[:_NAMED_CHECKS]))
    more = len(checks) - _NAMED_CHECKS
    return f"{named} and {more} more" if more > 0 else named


def _details(result: Result) -> Iterator[str]:
    yield from _cause(result)
    failed = failed_request(result)
    for number, retry in enumerate(result.retries[:_RETRY_LINES], 1):
        waited = f"; waited {duration(retry.wait_s)}"
        said = f"{one_line(retry.kind, _NAME_LIMIT)}: {one_line(retry.message, _LINE_LIMIT)}"
        yield f"  {failed} {number}  {said}{waited}"
    if (more := len(result.retries) - _RETRY_LINES) > 0:
        yield f"  and {plural(more, f'more {failed}')}"
    yield from _check_lines(result)
    if result.is_out_of_steps:
        yield f"  {OUT_OF_STEPS}"
    yield from _answer(result)
    if changed := changed_line(result):
        yield changed
    if result.work is not None and result.work.kept:
        yield f"workspace kept in {one_line(result.work.kept, _LINE_LIMIT)}"


def _cause(result: Result) -> Iterator[str]:
    """What the headline had no room for, and the remedy if one is known."""
    if result.error is None:
        return
    message = result.error.message
    if len(message) > _LINE_LIMIT or "\n" in message:
        yield "  " + harmless(clip(message, _MESSAGE_LIMIT)).replace("\n", "\n  ")
    if remedy := result.error.remedy or _REMEDIES.get(result.error.kind):
        yield f"  remedy: {one_line(remedy, _LINE_LIMIT)}"


def _check_lines(result: Result) -> Iterator[str]:
    ordered = sorted(result.checks, key=lambda check: (check.passed, not check.weight))
    yield from map(_check_line, ordered[:_CHECK_LINES])
    if more := ordered[_CHECK_LINES:]:
        yield f"  and {plural(len(more), 'more check')}"


def _check_line(check: CheckResult) -> str:
    verdict = "passed" if check.passed else "failed"
    notes = [] if check.score in {0.0, 1.0} else [f"score {check.score:.2f}"]
    notes += [] if check.weight == 1 else [f"weight {check.weight:g}" if check.weight else "weight 0: only informs"]
    noted = f" ({', '.join(notes)})" if notes else ""
    explained = f": {_explained(check.explanation)}" if check.explanation and not check.passed else ""
    return f"  {verdict}  {_summary(check)}{noted}{explained}"


def _explained(explanation: str) -> str:
    """A check that is made of others tells of each on a line of its own."""
    first, *others = explanation.splitlines()[: _EXPLAINED_LINES + 1]
    lines = [one_line(line, _LINE_LIMIT) for line in others]
    indents = [" " * (4 + len(line) - len(line.lstrip())) for line in others]
    return "\n".join((one_line(first, _LINE_LIMIT), *map(str.__add__, indents, lines)))


def _answer(result: Result) -> Iterator[str]:
    if result.response is None:
        return
    reason = result.response.finish_reason
    cut = "cut off, " if result.response.is_truncated else ""
    as_usual = usual_finish_reason(reason) in {None, "stop"}
    ended = "" if as_usual else f" ({cut}finish_reason {one_line(str(reason), _NAME_LIMIT)})"
    # What the model wants to call is its answer too.
    thought = len(result.response.thinking)
    empty = f"(empty; {plural(thought, 'character')} of thinking are no answer)" if thought else "(empty)"
    shown = harmless(clip(result.response.readable, _ANSWER_LIMIT)) or empty
    yield f"answer{ended}: " + shown.replace("\n", "\n  ")


def _summary(check: CheckResult) -> str:
    """`turn 1: contains 'Paris'`; with a name of the author's `polite: contains 'please'`."""
    turn, colon, label = check.name.rpartition(": ")
    told = check.summary.removeprefix("not ").startswith(label)
    shown = check.summary if told else ": ".join(filter(None, (label, check.summary)))
    return one_line(f"{turn}{colon}{shown}", _NAME_LIMIT)


def _model(result: Result) -> str:
    return one_line(result.model, _NAME_LIMIT)


def _scenario(result: Result) -> str:
    return repr(one_line(result.scenario, _NAME_LIMIT))
