from __future__ import annotations

from typing import Any

import pytest

from pytest_benchmodels.core.result import CheckResult
from pytest_benchmodels.reports.failure import ruling
from tests.reports.reports_parts import result

MET = CheckResult("met", 1.0, passed=True, explanation="")
PARTLY = CheckResult("partly", 0.7, passed=True, explanation="")
FAILED = CheckResult("failed", 0.0, passed=False, explanation="")
INFORMING = CheckResult("informing", 0.0, passed=False, explanation="", weight=0.0)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"checks": (MET,)}, "its check passed"),
        ({"checks": (MET, PARTLY), "score": 0.85}, "all 2 checks passed"),
        ({"checks": (MET, INFORMING)}, "its check passed; 1 check of weight 0 failed, and only informs"),
        ({"checks": ()}, "no check: any answer passes"),
        ({"checks": (INFORMING,), "threshold": 0.5}, "no check counts: each has weight 0"),
        ({"checks": (MET, MET, FAILED), "status": "failed", "score": 2 / 3}, "1 of 3 checks failed"),
        ({"checks": (MET,), "threshold": 0.8}, "score 1.00 reaches the threshold 0.8"),
        (
            {"checks": (MET, MET, FAILED), "threshold": 0.66666, "score": 2 / 3},
            "score 0.67 reaches the threshold 0.66666, though 1 of 3 checks failed",
        ),
        (
            {"checks": (MET, MET, FAILED), "threshold": 0.67, "score": 2 / 3, "status": "failed"},
            "score 0.667 is below the threshold 0.67",
        ),
        (
            {"checks": (PARTLY,), "threshold": 1.0, "score": 0.7, "status": "failed"},
            "score 0.70 is below the threshold 1",
        ),
        ({"checks": (MET,), "status": "failed", "score": 0.25}, "score 0.25"),
        ({"checks": (), "status": "error", "score": None}, ""),
        ({"checks": (MET,), "status": "timeout", "score": None}, ""),
    ],
)
def test_what_decided_is_told(facts: dict[str, Any], told: str) -> None:
    assert ruling(result(**facts)) == told
