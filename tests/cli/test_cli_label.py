"""`benchmodels label`, and labels in the other commands."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pytest_benchmodels.core.label import label_keys
from pytest_benchmodels.core.message import Message, Response
from pytest_benchmodels.core.result import AnsweredCall, CallSummary, CheckResult, Record, Result
from pytest_benchmodels.core.scenario import Vote
from pytest_benchmodels.store import Store
from tests.cli.cli_parts import ASKED, made_run, run_command, usual_store
from tests.statistics.judged_results import judged

Capture = pytest.CaptureFixture[str]
RULES = "What you are shown stands between marks that end in -ab12: answer-ab12, question-ab12."
VERDICT = "the judge's own words"


def decided(name: str, *, passed: bool, answer: str = "") -> Result:
    vote = Vote("sim/judge", float(passed), passed)
    check = CheckResult("judge", float(passed), passed, VERDICT, summary="judge 'Is it right?'", votes=(vote,))
    return judged(name, check, CheckResult("max_words", 1.0, passed=True, explanation=""), answer=answer)


def with_call(result: Result) -> Record:
    """With what its judge was asked, as a session stores it."""
    answer = result.response.text if result.response is not None else ""
    shown = (
        f"<question-ab12>\nthe question of {result.scenario}\n</question-ab12>\n\n"
        f"<answer-ab12>\n{answer}\n</answer-ab12>\n\n"
        "What is asked of the answer in answer-ab12:\nIs it right?\n\nThink first and write your reasons, then ..."
    )
    own = CallSummary("answer", result.model, attempts=1, fingerprint=f"print-of-{result.scenario}")
    call = AnsweredCall(
        "judge",
        "sim/judge",
        attempts=1,
        fingerprint=f"judge-of-{result.scenario}",
        messages=(Message("system", RULES), Message("user", shown)),
        response=Response(VERDICT),
    )
    return Record.of(replace(result, calls=(own, call)), ASKED)


@pytest.fixture
def store(folder: Path) -> Store:
    return Store.open(usual_store(folder))


def judged_run(store: Store, passed: int = 30, failed: int = 10) -> list[Result]:
    results = [decided(f"p{n}", passed=True) for n in range(passed)]
    results += [decided(f"f{n}", passed=False) for n in range(failed)]
    with store:
        run_id = made_run(store, [])
        store.results.add(run_id, list(map(with_call, results)))
    return results


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fill(path: Path, verdicts: dict[str, str]) -> None:
    """Label a sheet as a person would, by what the scenario's id begins with."""
    sheet = rows(path)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(sheet[0]))
        writer.writeheader()
        for row in sheet:
            writer.writerow({**row, "label": verdicts[row["scenario"].partition("::")[2][0]]})


def says(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{word}\n" for word in words)))


def test_a_sheet_has_both_verdicts_and_what_the_judge_saw_but_not_what_it_said(
    store: Store, folder: Path, capsys: Capture
) -> None:
    judged_run(store)

    done = run_command(capsys, "label", "latest", "--sample", "20", "-o", "labels.csv")

    assert done == (0, "20 answers to label in labels.csv: write pass or fail into `label`\n", "")
    sheet = rows(folder / "labels.csv")
    assert sum("::f" in row["scenario"] for row in sheet) == 10
    assert ["::f" in row["scenario"] for row in sheet] != sorted("::f" in row["scenario"] for row in sheet)
    row = sheet[0]
    name = row["scenario"].partition("::")[2]
    assert (row["asked"], row["question"]) == ("Is it right?", f"the question of {name}")
    assert (row["answer"], row["label"], row["check"]) == (f"answer to {name}", "", "judge")
    assert VERDICT not in (folder / "labels.csv").read_text()
    assert "sim/judge" not in (folder / "labels.csv").read_text()


def test_the_same_seed_draws_the_same_sample_and_another_one_another(store: Store, capsys: Capture) -> None:
    judged_run(store)
    drawn = [
        run_command(capsys, "label", "latest", "--sample", "8", "--format", "jsonl", "--seed", seed).out
        for seed in ("1", "1", "2")
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert [set(json.loads(line)) for line in drawn[0].splitlines()] == [
        {
            "scenario",
            "check",
            "asked",
            "question",
            "answer",
            "reference",
            "label",
            "labeller",
            "note",
            "digest",
            "sample",
        }
    ] * 8


@pytest.mark.parametrize(("passed", "failed", "expected"), [(30, 3, 3), (2, 30, 18), (30, 0, 0), (3, 4, 4)])
def test_where_one_verdict_is_rare_the_rest_is_of_the_other(
    store: Store, capsys: Capture, passed: int, failed: int, expected: int
) -> None:
    judged_run(store, passed, failed)
    out = run_command(capsys, "label", "latest", "--sample", "20", "--format", "jsonl").out
    names = [json.loads(line)["scenario"] for line in out.splitlines()]
    assert len(names) == min(20, passed + failed)
    assert sum("::f" in name for name in names) == expected


def test_hostile_answers_run_nothing_in_a_spreadsheet_or_a_terminal(
    store: Store, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = ["=HYPERLINK(1)", "+1", "-1", "@a", "\tx", "\rx", "\x1b[2Jgone\x9b", "::error::x", 'a","b\n=1']
    results = [decided(f"p{n}", passed=True, answer=text) for n, text in enumerate(hostile)]
    with store:
        run_id = made_run(store, [])
        store.results.add(run_id, [Record.of(result) for result in results])

    assert run_command(capsys, "label", "latest", "-o", "labels.csv").status == 0
    answers = [row["answer"] for row in rows(folder / "labels.csv")]
    assert len(answers) == len(hostile)
    assert not any(answer.startswith(("=", "+", "-", "@", "\t", "\r")) or "\x1b" in answer for answer in answers)

    says(monkeypatch, *["p"] * len(hostile))
    said = run_command(capsys, "label", "latest", "--ask", "-o", "asked.csv").out
    assert "\x1b" not in said
    assert "\n::error" not in said
    assert "\\x1b[2Jgone" in said
    assert len(rows(folder / "asked.csv")) == len(hostile)


def test_labels_are_asked_for_and_kept_one_by_one(
    store: Store, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged_run(store)
    command = ("label", "latest", "--sample", "4", "--ask", "--by", "anna", "-o", "labels.csv")

    says(monkeypatch, "p", "perhaps", "f", "q")
    done = run_command(capsys, *command)
    assert done.status == 0
    assert "--- 1 of 4: suite.yaml::" in done.out
    assert "does the answer pass this?\n  Is it right?" in done.out
    assert "'perhaps' is none of these\n[p: it passes, f: it fails, s: skip it, q: stop here]" in done.out
    assert done.out.endswith("2 labels added to labels.csv, of 4 answers\n")
    assert VERDICT not in done.out
    assert [row["label"] for row in rows(folder / "labels.csv")] == ["pass", "fail"]

    says(monkeypatch, "s", "no")
    again = run_command(capsys, *command)
    assert "--- 3 of 4: " in again.out
    assert again.out.endswith("1 label added to labels.csv, 2 were there, of 4 answers\n")
    assert [(row["label"], row["labeller"]) for row in rows(folder / "labels.csv")] == [
        ("pass", "anna"),
        ("fail", "anna"),
        ("fail", "anna"),
    ]

    says(monkeypatch)
    another = run_command(capsys, *command[:5], *("--by", "ben", "-o", "labels.csv"))
    assert "--- 1 of 4: " in another.out
    assert another.out.endswith("0 labels added to labels.csv, of 4 answers\n")


def test_a_file_that_was_cut_off_in_its_last_line_goes_on_in_a_new_one(
    store: Store, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged_run(store)
    command = ("label", "latest", "--sample", "2", "--ask", "-o", "labels.jsonl")
    says(monkeypatch, "p")
    run_command(capsys, *command)
    (folder / "labels.jsonl").write_text((folder / "labels.jsonl").read_text().rstrip("\n"))
    says(monkeypatch, "f")
    run_command(capsys, *command)
    said = [json.loads(line)["label"] for line in (folder / "labels.jsonl").read_text().splitlines()]
    assert said == ["pass", "fail"]


def test_a_check_that_no_model_judged_is_labelled_by_its_name_and_shown_as_far_as_it_is_known(
    store: Store, capsys: Capture
) -> None:
    judged_run(store, 3, 0)
    done = run_command(capsys, "label", "latest", "--check", "max_words", "--format", "jsonl")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert {row["check"] for row in found} == {"max_words"}
    assert {row["asked"] for row in found} == {"max_words"}
    assert all(row["answer"].startswith("answer to p") for row in found)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--ask",), "--ask needs a file for the labels: name one with -o FILE"),
        (("-o", "there.csv"), "-o 'there.csv': the file is there, and may hold labels; name another one, or remove it"),
        (("-o", "labels.txt"), "-o 'labels.txt': name a file that ends in .csv or .jsonl: by its ending labels are"),
        (("-o", "labels.csv", "--format", "jsonl"), "ends in .csv or .jsonl for --format jsonl: by its ending"),
        (("--ask", "-o", "there.csv"), "-o 'there.csv': its columns are no longer ours; name another file"),
        (("--check", "jugde"), "has no graded answer with a check 'jugde'; did you mean 'judge'?; there are 'judge'"),
        (("--sample", "0"), "argument --sample: 0 answers tell nothing; write a number from 1, such as 40"),
    ],
)
def test_what_cannot_be_is_refused(
    store: Store, folder: Path, capsys: Capture, words: tuple[str, ...], message: str
) -> None:
    judged_run(store, 2, 2)
    (folder / "there.csv").write_text("label;digest;scenario;check\n")
    done = run_command(capsys, "label", "latest", *words)
    assert (done.status, done.out) == (2, "")
    assert message in done.err


def test_a_run_that_nobody_judged_says_so(store: Store, capsys: Capture) -> None:
    with store:
        made_run(store, [judged("a", CheckResult("json", 1.0, passed=True, explanation=""))])
    done = run_command(capsys, "label", "latest")
    assert done.status == 2
    assert "has no check that is a judge; --check NAME labels another check: 'json'" in done.err


def test_labels_stand_in_show_gate_and_reports(store: Store, folder: Path, capsys: Capture) -> None:
    results = judged_run(store)
    run_command(capsys, "label", "latest", "--sample", "20", "-o", "labels.csv")
    fill(folder / "labels.csv", {"p": "pass", "f": "fail"})

    shown = run_command(capsys, "show", "latest", "--labels", "labels.csv").out
    assert "labels: 20 of 20 fit answers of this run, by labels" in shown
    assert "judged checks: kappa 1.00 (" in shown
    assert "corrected: m 75.0% (" in shown
    assert "in place of 75.0%, by 20 labelled of 40 judged runs" in " ".join(shown.split())
    document = run_command(capsys, "show", "latest", "--json", "--labels", "labels.csv").document
    assert document["figures"]["checks"]["judging"]["fitting"] == 20

    gate = run_command(capsys, "gate", "latest", "judge_agreement >= 0.8", "pass_rate >= 0.7", "--labels", "labels.csv")
    assert gate.status == 0
    assert "gate held   judge_agreement >= 0.8: 1.000, Cohen's kappa over 20 labelled verdicts\n" in gate.out
    assert "pass_rate >= 0.7: 0.750 (corrected by 20 labelled runs, the judge's 0.750), over 40 of 40 runs" in gate.out

    (folder / "bench.toml").write_text('[judge]\nlabels = "labels.csv"\n')
    done = run_command(
        capsys,
        "report",
        "latest",
        "--json",
        "r.json",
        "--html",
        "r.html",
        "--markdown",
        "r.md",
        "--gate",
        "pass_rate >= 0.7",
    )
    assert done.status == 0
    written: dict[str, Any] = json.loads((folder / "r.json").read_text())
    judging = written["run"]["checks"]["judging"]
    assert (judging["labels"], judging["people"]) == (20, ["labels"])
    assert judging["rates"][1]["model"] == "m"
    assert judging["rates"][1]["corrected"]["value"] == pytest.approx(0.75)
    assert written["gates"][0]["uncorrected"] == pytest.approx(0.75)
    for name in ("r.html", "r.md"):
        assert "20 of 20 fit answers of this run" in (folder / name).read_text()
    assert len(results) == 40


def test_labels_that_cannot_be_read_are_told(store: Store, folder: Path, capsys: Capture) -> None:
    results = judged_run(store, 1, 1)
    key = label_keys(results[0])[0]
    (folder / "bad.csv").write_text(f"scenario,check,digest,label\n{key.scenario},{key.check},{key.digest},perhaps\n")
    for words in (("show", "latest"), ("gate", "latest", "score > 0"), ("report", "latest", "--json", "r.json")):
        done = run_command(capsys, *words, "--labels", "bad.csv")
        assert done.status == 2
        assert done.err == "benchmodels: error: bad.csv:2: label = 'perhaps': write pass or fail, or leave it empty\n"


def test_a_rate_by_few_labels_says_so_in_show_and_reports(store: Store, folder: Path, capsys: Capture) -> None:
    judged_run(store)
    run_command(capsys, "label", "latest", "--sample", "12", "-o", "labels.csv")
    fill(folder / "labels.csv", {"p": "pass", "f": "fail"})
    few = "12 labelled of 40 judged runs; too few labels to rely on the interval: label more answers of this run"

    shown = run_command(capsys, "show", "latest", "--labels", "labels.csv")
    assert few in " ".join(shown.out.split())
    run_command(capsys, "report", "latest", "--json", "r.json", "--html", "r.html", "--labels", "labels.csv")
    rates = json.loads((folder / "r.json").read_text())["run"]["checks"]["judging"]["rates"]
    assert [rate["few_labels"] for rate in rates] == [True, True]
    assert few in (folder / "r.html").read_text()
