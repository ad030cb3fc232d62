"""What is known of the checks themselves, for a reader and for JSON: judges beside people, noise, idle checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_benchmodels.reports.units import UNKNOWN, one_line, percent, plural, short_name
from pytest_benchmodels.statistics.check_tally import CheckFigures
from pytest_benchmodels.statistics.idle_checks import CheckName, IdleCheck, IdleChecks
from pytest_benchmodels.statistics.intervals import Estimate
from pytest_benchmodels.statistics.variance import Noise

if TYPE_CHECKING:
    from pytest_benchmodels.statistics.judging import CheckReliability, CorrectedRate, LabelFigures

__all__ = ["check_lines", "checks_plain", "idle_lines", "judging_lines", "noise_lines"]

_NAME_LIMIT = 100
_SHOWN = 10


def check_lines(figures: CheckFigures, *, details: bool) -> Iterator[str]:
    """Lines for below the summary's table. What people's labels say stands there always, all else with `details`."""
    if figures.judging is not None:
        yield from judging_lines(figures.judging)
    if details:
        yield from noise_lines(figures)
        yield from idle_lines(figures.idle)


def judging_lines(figures: LabelFigures) -> Iterator[str]:
    """How far the judges are to be believed, and the pass rates without their errors."""
    people = f", by {', '.join(one_line(name, _NAME_LIMIT) for name in figures.people)}" if figures.people else ""
    undecided = f"; people were of two minds on {figures.undecided}" if figures.undecided else ""
    yield f"labels: {figures.fitting} of {figures.labels} fit answers of this run{people}{undecided}"
    if not figures.fitting:
        return
    for check in figures.checks:
        yield _reliability(check)
    for judge in figures.judges:
        kappa = _number(judge.kappa) if judge.kappa else UNKNOWN
        yield f"judge {short_name(judge.judge)}: kappa {kappa} over {plural(judge.labels, 'labelled verdict')}"
    alphas = ((figures.people_alpha, "among people"), (figures.alpha, "with the judges"))
    if told := [f"{_number(alpha)} {among}" for alpha, among in alphas if alpha is not None]:
        yield f"Krippendorff's alpha: {', '.join(told)}"
    for rate in figures.rates if len(figures.rates) > 2 else figures.rates[1:]:
        yield _corrected(rate)


def _reliability(check: CheckReliability) -> str:
    name = "judged checks" if check.check == "*" else f"check {one_line(check.check, _NAME_LIMIT)}"
    over = f"over {check.labels} labelled of {plural(check.answers, 'verdict')}"
    if check.figures is None:
        return f"{name}: agreement with people is not known {over}: {check.reason}"
    shares = (
        ("agreement", check.figures.agreement),
        ("sensitivity", check.figures.sensitivity),
        ("specificity", check.figures.specificity),
    )
    told = [f"{title} {_share(share)}" for title, share in shares if share is not None]
    kappa = f"kappa {_number(check.figures.kappa)}" if check.figures.kappa else "no kappa: all verdicts are the same"
    return f"{name}: {', '.join((kappa, *told))}, {over}"


def _corrected(rate: CorrectedRate) -> str:
    model = "all models" if rate.model == "*" else short_name(rate.model)
    if not rate.judged:
        return f"nothing to correct: {model}: {one_line(rate.reason or '', _NAME_LIMIT)}"
    over = f"{rate.labels} labelled of {plural(rate.judged, 'judged run')}"
    if rate.estimate is None:
        return f"not corrected: {model} {percent(rate.rate)}, {over}: {one_line(rate.reason or '', _NAME_LIMIT)}"
    few = "; too few labels to rely on the interval: label more answers of this run" if rate.has_few_labels else ""
    return f"corrected: {model} {_share(rate.estimate)} in place of {percent(rate.rate)}, by {over}{few}"


def _share(estimate: Estimate) -> str:
    low, high = (percent(min(max(end, 0.0), 1.0)) for end in (estimate.low, estimate.high))
    return f"{percent(estimate.mean)} ({low.removesuffix('%')}-{high})"


def _number(estimate: Estimate) -> str:
    return f"{estimate.mean:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def noise_lines(figures: CheckFigures) -> Iterator[str]:
    """Where the noise of each model's mean score comes from, and what it would be with more of each."""
    for model, noise in figures.noise.items():
        yield f"noise: {short_name(model)}: {_noise(noise)}"


def _noise(noise: Noise) -> str:
    if not noise.total:
        return "all runs have the same score"
    parts = [("scenarios", noise.scenarios), ("the model's sampling", noise.sampling)]
    if noise.judges is not None:
        parts.append(("the judges", noise.judges))
    split = ", ".join(f"{percent(part / noise.total, 0)} {what}" for what, part in parts)
    more = [("scenarios", noise.error_with_scenarios), ("trials", noise.error_with_trials)]
    if noise.judges:
        more.append(("votes", noise.error_with_votes or 0.0))
    told = ", ".join(f"{100 * error:.2f} with twice the {what}" for what, error in more)
    votes = "; what is the judges' is in the sampling: each voted once" if noise.judges is None else ""
    return f"standard error of the score {100 * noise.error:.2f} pp ({split}); {told}{votes}"


def idle_lines(idle: IdleChecks) -> Iterator[str]:
    """The checks that tell nothing."""
    for title, checks in (("never failed", idle.never_failed), ("never passed", idle.never_passed)):
        yield from _listed([f"{title} in {plural(check.runs, 'run')}: {_called(check.name)}" for check in checks])
    yield from _listed(
        [
            f"always agree in {plural(pair.runs, 'run')}: {_called(pair.first)}, and {_called(pair.second)}"
            for pair in idle.agreeing
        ]
    )


def _listed(lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:_SHOWN]:
        yield f"tells nothing: {line}"
    if len(lines) > _SHOWN:
        yield f"tells nothing: and {len(lines) - _SHOWN} more"


def _called(name: CheckName) -> str:
    return f"{one_line(name.check, _NAME_LIMIT)} ({one_line(name.file, _NAME_LIMIT)})"


def checks_plain(figures: CheckFigures) -> dict[str, object]:
    """The same as str, int, float, bool, None, list and dict. Shares are from 0 to 1; `ci95` are intervals' ends."""
    judging, idle = figures.judging, figures.idle
    return {
        "judging": _judging(judging) if judging is not None else None,
        "noise": {
            model: {**msgspec.to_builtins(noise), "total": noise.total} for model, noise in figures.noise.items()
        },
        "idle": {
            "never_failed": list(map(_idle, idle.never_failed)),
            "never_passed": list(map(_idle, idle.never_passed)),
            "agreeing": [
                {"first": pair.first._asdict(), "second": pair.second._asdict(), "runs": pair.runs}
                for pair in idle.agreeing
            ],
        },
    }


def _idle(check: IdleCheck) -> dict[str, object]:
    return {**check.name._asdict(), "runs": check.runs}


def _judging(figures: LabelFigures) -> dict[str, object]:
    return {
        "labels": figures.labels,
        "fitting": figures.fitting,
        "undecided": figures.undecided,
        "people": list(figures.people),
        "people_alpha": _plain(figures.people_alpha),
        "alpha": _plain(figures.alpha),
        "checks": [_check(check) for check in figures.checks],
        "judges": [
            {"judge": each.judge, "labels": each.labels, "kappa": _plain(each.kappa)} for each in figures.judges
        ],
        "rates": [
            {
                "model": rate.model,
                "rate": rate.rate,
                "graded": rate.graded,
                "judged": rate.judged,
                "labels": rate.labels,
                "corrected": _plain(rate.estimate),
                "reason": rate.reason,
                "few_labels": rate.has_few_labels,
            }
            for rate in figures.rates
        ],
    }


def _check(check: CheckReliability) -> dict[str, Any]:
    names = ("agreement", "kappa", "sensitivity", "specificity")
    found = {name: _plain(getattr(check.figures, name)) if check.figures else None for name in names}
    return {"check": check.check, "answers": check.answers, "labels": check.labels, **found, "reason": check.reason}


def _plain(estimate: Estimate | None) -> dict[str, object] | None:
    return None if estimate is None else {"value": estimate.mean, "ci95": [estimate.low, estimate.high]}
