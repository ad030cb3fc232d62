"""`[judge] labels` in a session, and what it says of its checks."""

from __future__ import annotations

import json

import pytest

from pytest_benchmodels.cli import main
from pytest_benchmodels.core.label import LabelKey, answer_digest, masked_weight
from tests.core.made_results import made
from tests.plugin.plugin_parts import Project, json_report, right, scenario, wrong

JSON = "--bench-json=b.json"
JUDGE = "--bench-judge=sim/judge"
QUESTION = {"judge": "Is it the sum?", "reference": "4"}


def suite(project: Project, count: int = 12) -> None:
    """So many whose answer the judge passes, and as many that it fails."""
    project.suite(
        *(right(f"p{n}", checks=[QUESTION]) for n in range(count)),
        *(wrong(f"f{n}", checks=[QUESTION]) for n in range(count)),
    )


def label_all(project: Project, *mistaken: str) -> None:
    """Let somebody agree with the judge, except about some scenarios, and let bench.toml name the file."""
    results = json_report(project.path / "b.json")["results"]
    with (project.path / "anna.jsonl").open("w", encoding="utf-8") as file:
        for result in results:
            name, answer = result["scenario"], result["response"]["text"]
            passed = (result["status"] == "passed") != (name in mistaken)
            row = {"scenario": f"suite.yaml::{name}", "check": "judge", "digest": digest(answer), "label": passed}
            file.write(json.dumps(row) + "\n")
    project.write("bench.toml", '[judge]\nlabels = ["anna.jsonl"]\n')


def digest(text: str) -> str:
    from pytest_benchmodels.core.message import Response

    return answer_digest(made("s.yaml::a[m]", "a", "m", 1, "passed", 0.0, 0.0, response=Response(text)))


def test_labels_hold_for_a_later_session_and_correct_its_rate(project: Project, workers: tuple[str, ...]) -> None:
    suite(project)
    project.bench(JUDGE, JSON, *workers)
    label_all(project, "p0", "p1", "p2")

    result = project.bench(
        JUDGE,
        JSON,
        *("--bench-gate", "judge_agreement >= 0.9", "--bench-gate", "pass_rate >= 0.4", *workers),
    )

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "gate failed judge_agreement >= 0.9: 0.750, Cohen's kappa over 24 labelled*",
            "gate failed pass_rate >= 0.4: 0.375 (corrected by 24 labelled runs, the judge's*",
            "labels: 24 of 24 fit answers of this run, by anna",
            "judged checks: kappa 0.75 (*",
            "corrected: sim/steady 37.5% (*) in place of 50.0%*",
        ]
    )
    document = json_report(project.path / "b.json")
    (rate,) = [rate for rate in document["run"]["checks"]["judging"]["rates"] if rate["model"] == "sim/steady"]
    assert rate["corrected"]["value"] == pytest.approx(0.375)
    low, high = rate["corrected"]["ci95"]
    assert 0 < low < 0.375 < high < 1
    assert [gate["labels"] for gate in document["gates"]] == [24, 24, None]


def test_a_sample_that_another_judge_took_corrects_the_rate_by_its_strata(
    project: Project, workers: tuple[str, ...]
) -> None:
    """The other judge passed p0 to p4 and f0 to f4; of what it failed each label stands for four times as many."""
    suite(project)
    project.bench(JUDGE, JSON, *workers)
    with (project.path / "anna.jsonl").open("w", encoding="utf-8") as file:
        for result in json_report(project.path / "b.json")["results"]:
            name, number = result["scenario"], int(result["scenario"][1:])
            key = LabelKey(f"suite.yaml::{name}", "judge", digest(result["response"]["text"]))
            if number < 9:
                sample = masked_weight(1.0 if number < 5 else 4.0, key)
                row = {"scenario": key.scenario, "check": "judge", "digest": key.digest, "label": name != "p8"}
                file.write(json.dumps({**row, "sample": sample}) + "\n")
    project.write("bench.toml", '[judge]\nlabels = ["anna.jsonl"]\n')

    result = project.bench(JUDGE, JSON, *workers)

    few = "by 18 labelled of 24 judged runs; too few labels to rely on the interval: label more answers of this run"
    assert few in " ".join(result.stdout.str().split())
    document = json_report(project.path / "b.json")
    (rate,) = [rate for rate in document["run"]["checks"]["judging"]["rates"] if rate["model"] == "sim/steady"]
    assert rate["few_labels"]
    # Ten answers stand for a fifth and all are right, of the others seven of eight are; the judge passes half of both.
    assert rate["corrected"]["value"] == pytest.approx((10 + 4 * 7) / (10 + 4 * 8), abs=0.01)


def test_labels_of_other_answers_do_not_fit(project: Project, workers: tuple[str, ...]) -> None:
    suite(project, 6)
    project.bench(JUDGE, JSON)
    label_all(project)
    reworded = {**QUESTION, "judge": "Is it worded anew?"}
    project.suite(*(right(name, checks=[reworded]) for name in ("p0", "p1", "p2", "new0", "new1", "new2")))

    result = project.bench(JUDGE, *workers)

    missing = "3 of 5 labels needed of answers that the judge passed"
    result.stdout.fnmatch_lines(
        ["labels: 3 of 12 fit answers of this run*", f"not corrected: sim/steady 100.0%, 3 labelled of 6*: {missing}"]
    )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('labels = "none.csv"', "labels '*none.csv': there is no such file; `benchmodels label RUN -o FILE` makes one"),
        ('labels = "bad.csv"', "bad.csv:2: label = 'perhaps': write pass or fail, or leave it empty"),
        ("labels = 3", "bench.toml:2: labels = 3: Expected `str | array`*; a file of `benchmodels label`, such as*"),
    ],
)
def test_labels_that_cannot_be_read_end_the_session_before_anything_is_paid_for(
    project: Project, table: str, said: str
) -> None:
    project.write("bench.toml", f"[judge]\n{table}\n")
    project.write("bad.csv", "scenario,check,digest,label\na,judge,a1,perhaps\n")
    suite(project, 1)

    result = project.bench(JUDGE)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}"])
    assert "passed" not in result.stdout.str()


def test_checks_that_tell_nothing_are_named_in_the_long_summary_and_in_json(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.suite(right("a", checks=[{"equals": "4"}, {"max_words": 50}]), wrong("b", checks=[{"contains": "4"}]))

    short = project.bench("--bench-repeat=20", JSON, *workers)
    assert "tells nothing" not in short.stdout.str()
    idle = json_report(project.path / "b.json")["run"]["checks"]["idle"]
    assert idle["never_passed"] == [{"file": "suite.yaml", "check": "contains '4'", "runs": 20}]
    assert [check["check"] for check in idle["never_failed"]] == ["equals '4'", "max_words 50"]

    project.bench("--bench-repeat=20", "-v", *workers).stdout.fnmatch_lines(
        [
            "tells nothing: never failed in 20 runs: equals '4' (suite.yaml)",
            "tells nothing: never failed in 20 runs: max_words 50 (suite.yaml)",
            "tells nothing: never passed in 20 runs: contains '4' (suite.yaml)",
        ]
    )


def test_with_trials_the_noise_of_the_score_is_split(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(*(scenario(f"s{n}", {"accuracy": 0.5}) for n in range(8)))

    result = project.bench("--bench-repeat=4", "-v", JSON, *workers)

    result.stdout.fnmatch_lines(["noise: sim/steady: standard error of the score *with twice the scenarios*"])
    noise = json_report(project.path / "b.json")["run"]["checks"]["noise"]["sim/steady"]
    assert noise["sampling"] > 0
    assert noise["error_with_trials"] < noise["error"]
    assert noise["error_with_scenarios"] == pytest.approx(noise["error"] / 2**0.5)


def test_a_judge_inside_of_a_combination_is_sampled_labelled_and_compared(
    project: Project, workers: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    checks = [{"any_of": [QUESTION, {"equals": "never"}]}]
    project.suite(
        *(right(f"p{n}", checks=checks) for n in range(6)), *(wrong(f"f{n}", checks=checks) for n in range(6))
    )
    project.bench(JUDGE, *workers).assert_outcomes(passed=6, failed=6)
    capsys.readouterr()
    store = str(project.path / ".benchmodels" / "store.sqlite")
    assert main(["label", "latest", "--format", "jsonl", "--store", store]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["check"] for row in rows} == {"any_of/1 judge"}
    assert {row["asked"] for row in rows} == {"Is it the sum?"}
    assert {row["reference"] for row in rows} == {"4"}
    filled = [{**row, "label": row["answer"] == "4" and not row["scenario"].endswith("p0")} for row in rows]
    project.write("anna.jsonl", "".join(f"{json.dumps(row)}\n" for row in filled))
    project.write("bench.toml", '[judge]\nlabels = "anna.jsonl"\n')

    result = project.bench(JUDGE, JSON, *workers)

    result.stdout.fnmatch_lines(
        [
            "labels: 12 of 12 fit answers of this run, by anna",
            "judged checks: kappa 0.83 (*",
            "nothing to correct: sim/steady: its judges are inside of combinations; label these, too, by --check NAME",
        ]
    )
    judging = json_report(project.path / "b.json")["run"]["checks"]["judging"]
    assert judging["checks"][0]["kappa"]["value"] == pytest.approx(5 / 6)
    assert main(["show", "latest", "--labels", "anna.jsonl", "--store", store]) == 0
    assert "judged checks: kappa 0.83 (" in capsys.readouterr().out
