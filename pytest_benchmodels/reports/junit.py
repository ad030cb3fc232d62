"""JUnit XML of stored results, as pytest would have written it for their session.

What is not stored differs: a run that a mark skipped has not the mark's line.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import BinaryIO
from xml.etree import ElementTree as ET

from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import file_of
from pytest_benchmodels.reports.bench_json import Evaluation
from pytest_benchmodels.reports.failure import failure_headline, failure_text
from pytest_benchmodels.reports.units import junit_properties
from pytest_benchmodels.reports.verdicts import gate_case, gate_line
from pytest_benchmodels.statistics.verdict import GateVerdict

__all__ = ["write_junit"]

# What XML 1.0 does not allow, and DEL; pytest replaces the same.
_ILLEGAL = re.compile("[^\t\n\r\x20-\x7e\x80-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MESSAGE_LIMIT = 500
_WRITTEN = "full report in element text"


def write_junit(stream: BinaryIO, evaluation: Evaluation, results: Iterable[Result]) -> None:
    """Write one test case for each result and each gate, one after another: they are never in memory as a whole."""
    stream.write(b'<?xml version="1.0" encoding="utf-8"?>')
    suite = ET.tostring(_suite(evaluation), encoding="unicode", short_empty_elements=False)
    opened = suite.removesuffix("</testsuite>")
    stream.write(f'<testsuites name="pytest tests">{opened}'.encode())
    stream.writelines(ET.tostring(case, encoding="utf-8") for case in _cases(results, evaluation.gates))
    stream.write(b"</testsuite></testsuites>\n")


def _suite(evaluation: Evaluation) -> ET.Element:
    statuses = evaluation.figures.statuses
    failed_gates = sum(not verdict.held for verdict in evaluation.gates)
    started_at = datetime.fromtimestamp(evaluation.run.started_at, UTC).astimezone()
    return ET.Element(
        "testsuite",
        name="pytest",
        errors=str(statuses["error"]),
        failures=str(statuses["failed"] + statuses["timeout"] + failed_gates - evaluation.figures.xfailed),
        skipped=str(statuses["skipped"] + evaluation.figures.xfailed),
        tests=str(evaluation.figures.runs + len(evaluation.gates)),
        time=f"{evaluation.run.duration_s:.3f}",
        timestamp=started_at.isoformat(),
        hostname=platform.node(),
    )


def _cases(results: Iterable[Result], gates: Sequence[GateVerdict]) -> Iterator[ET.Element]:
    yield from map(_run_case, results)
    yield from map(_gate_case, gates)


def _run_case(result: Result) -> ET.Element:
    case = _case(result.nodeid, result.duration_s)
    listed = ET.SubElement(case, "properties")
    for name, value in junit_properties(result):
        ET.SubElement(listed, "property", name=name, value=_legal(str(value)))
    if result.status == "failed" and result.xfail is not None:
        _add(case, "skipped", "", message=result.xfail, type="pytest.xfail")
    elif result.status in {"failed", "timeout"}:
        _add(case, "failure", failure_text(result), message=_shortened(failure_headline(result)))
    elif result.status == "error":
        message = _shortened(f'failed on setup with "{failure_headline(result)}"')
        _add(case, "error", failure_text(result), message=message)
    elif result.status == "skipped":
        reason = result.error.message if result.error else ""
        _add(case, "skipped", f"{file_of(result.nodeid)}: {reason}", message=reason, type="pytest.skip")
    return case


def _gate_case(verdict: GateVerdict) -> ET.Element:
    text = gate_line(verdict)
    case = _case(f"gates::{gate_case(verdict)}", 0.0)
    listed = ET.SubElement(case, "properties")
    ET.SubElement(listed, "property", name="bench.gate", value=_legal(text))
    if not verdict.held:
        _add(case, "failure", text, message=_shortened(text))
    return case


def _case(nodeid: str, duration_s: float) -> ET.Element:
    classname, name = _address(nodeid)
    return ET.Element("testcase", classname=_legal(classname), name=_legal(name), time=f"{duration_s:.3f}")


def _address(nodeid: str) -> tuple[str, str]:
    """`scenarios.maths.yaml` and `add[sim/steady]` of `scenarios/maths.yaml::add[sim/steady]`."""
    path, bracket, model = nodeid.partition("[")
    names = path.split("::")
    names[0] = names[0].replace("/", ".").removesuffix(".py")
    names[-1] += bracket + model
    return ".".join(names[:-1]), names[-1]


def _add(case: ET.Element, tag: str, text: str, **attributes: str) -> None:
    ET.SubElement(case, tag, {name: _legal(value) for name, value in attributes.items()}).text = _legal(text)


def _shortened(message: str) -> str:
    """The first lines, as many as fit, and how many are left out; the first one is cut if it alone is too long."""
    first, *rest = message.splitlines() or [""]
    kept, size = [first], len(first) + 1
    for line in rest:
        size += len(line) + 1
        if size > _MESSAGE_LIMIT:
            break
        kept.append(line)
    shown = "\n".join(kept)
    left_out = len(rest) + 1 - len(kept)
    if len(shown) > _MESSAGE_LIMIT:
        shown = f"{shown[:_MESSAGE_LIMIT]}..."
    elif not left_out:
        return message
    note = f"+{left_out} more line{'s' if left_out > 1 else ''}" if left_out else "truncated"
    return f"{shown}\n[{note}; {_WRITTEN}]"


def _legal(text: str) -> str:
    return _ILLEGAL.sub(
        lambda match: f"#x{ord(match[0]):02X}" if match[0] <= "\xff" else f"#x{ord(match[0]):04X}", text
    )
