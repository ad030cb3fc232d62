"""`judge` checks in a session: who judges, and what becomes of its calls."""

from __future__ import annotations

import re

import pytest

from pytest_benchmodels import SimServer
from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, broken, json_report, right, scenario, wrong
from tests.plugin.plugin_results import JSON, results, seen_by

QUESTION: dict[str, object] = {"judge": "Is it the sum?", "reference": "4"}
PAIR: dict[str, object] = {
    "judge": "Which one is the sum?",
    "against": "reference",
    "reference": "I am not sure about that.",
}
JUDGE = "--bench-judge=sim/judge"


def judge(project: Project, sim: SimServer, alias: str, knobs: str = "") -> None:
    """Let bench.toml name a simulated judge at this server, with a bucket of its own."""
    with (project.path / "bench.toml").open("a", encoding="utf-8") as file:
        file.write(f'[model.{alias}]\nprovider = "sim"\nname = "judge"\nbase_url = "{sim.url}"\n')
        file.write(f'params = {{sim = {{bucket = "{alias}"{knobs}}}}}\n')


def judge_by_default(project: Project, *lines: str) -> None:
    with (project.path / "bench.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(("[judge]", *lines, "")))


def asked_of(sim: SimServer, alias: str) -> object:
    return seen_by(sim).get(f"judge/{alias}", {}).get("requests", 0)


def asked(name: str = "a", *checks: dict[str, object], **keys: object) -> dict[str, object]:
    return scenario(name, checks=list(checks or (QUESTION,)), **keys)  # type: ignore[arg-type]


def test_a_judge_passes_what_is_right_and_fails_what_is_not(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(asked("good"), wrong("bad", checks=[QUESTION]))

    result = project.bench(JUDGE, JSON, *workers)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*failed  judge 'Is it the sum?' (reference='4'): sim/judge said no (confidence 0.9): *",
            "judge: sim/judge: 2 calls*",
        ]
    )
    calls = {name: [call["purpose"] for call in ended["calls"]] for name, ended in results(project).items()}
    assert calls == {"good[sim/steady]": ["answer", "judge"], "bad[sim/steady]": ["answer", "judge"]}


def test_the_check_goes_before_the_table_and_the_table_before_the_option(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    for name in ("check", "table", "option"):
        judge(project, sim, name)
    project.suite(asked("a", {**QUESTION, "model": "check"}), asked("b"))

    project.bench("--bench-judge=option", *workers).assert_outcomes(passed=2)
    judge_by_default(project, 'model = "table"')
    project.bench("--bench-judge=option", *workers).assert_outcomes(passed=2)

    assert [asked_of(sim, name) for name in ("check", "table", "option")] == [2, 1, 1]


def test_a_suite_whose_judge_nobody_named_says_so(project: Project) -> None:
    project.suite(right("plain"), asked())

    result = project.bench()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["suite.yaml:*: check 'judge': nobody is named who judges: write `model: provider/name`*--bench-judge MODEL*"]
    )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[judge]\nmodel = 3", "bench.toml:2: model = 3: Expected `str | null`, got `int`"),
        ("[judge]\nmodle = 'x'", "bench.toml:2: unknown key 'modle' in [[]judge[]]; did you mean 'model'?"),
        (
            "judge = 'sim/judge'",
            "bench.toml:1: [[]judge[]] has to be a table with model = \"provider/name\", got 'sim/judge'",
        ),
        ("[judge]\nmodel = 'nobody/knows'", "unknown model 'nobody/knows'*(wanted by suite.yaml::a[[]sim/steady])"),
    ],
)
def test_a_table_that_cannot_be_is_told(project: Project, table: str, said: str) -> None:
    project.write("bench.toml", table)
    project.suite(asked())

    result = project.bench()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}"])


def test_a_judge_without_a_form_in_its_api_is_not_told_it(project: Project, sim: SimServer) -> None:
    judge(project, sim, "plain")
    judge_by_default(project, 'model = "plain"', "structured = false")
    project.suite(asked())

    project.bench(JSON).assert_outcomes(passed=1)


def test_votes_of_one_judge_are_calls_of_their_own(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    judge(project, sim, "votes")
    project.suite(asked("a", {**QUESTION, "repeat": 3, "combine": "majority"}))

    result = project.bench("--bench-judge=votes", JSON, *workers)

    result.assert_outcomes(passed=1)
    (ended,) = results(project).values()
    assert [call["purpose"] for call in ended["calls"]] == ["answer", "judge", "judge", "judge"]
    assert "3 of 3 votes pass (majority 1.00)" in ended["checks"][0]["explanation"]
    assert ended["checks"][0]["votes"] == [
        {
            "judge": "votes",
            "score": 1.0,
            "passed": True,
            "number": number,
            "order": "",
            "confidence": 0.9,
            "verdict": "yes",
            "own": False,
        }
        for number in (1, 2, 3)
    ]
    assert asked_of(sim, "votes") == 3


def test_votes_are_told_after_not_and_kept(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(asked("a", {**QUESTION, "not": True}), broken("b"))
    project.bench(JUDGE, JSON, *workers).assert_outcomes(passed=1, errors=1)
    first = results(project)["a[sim/steady]"]
    (vote,) = first["checks"][0]["votes"]
    assert "sim/judge said no" in first["checks"][0]["explanation"]
    assert (vote["score"], vote["passed"]) == (1.0, True)

    project.bench(JUDGE, JSON, "--bench-resume", *workers)
    resumed = results(project)["a[sim/steady]"]
    assert resumed["cached"]
    assert resumed["checks"] == first["checks"]


def test_a_verdict_is_not_asked_for_again(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    judge(project, sim, "counted")
    other = {**QUESTION, "judge": "Is it right?"}
    project.suite(asked("a"), asked("b", other))
    project.bench("--bench-judge=counted", *workers).assert_outcomes(passed=2)

    project.bench("--bench-judge=counted", "--bench-regrade", *workers).assert_outcomes(passed=2)
    project.bench("--bench-judge=counted", "--bench-cache", *workers).assert_outcomes(passed=2)
    assert asked_of(sim, "counted") == 2

    project.suite(asked("a", {**QUESTION, "judge": "Is it really the sum?"}), asked("b", other))
    project.bench("--bench-judge=counted", "--bench-cache", *workers).assert_outcomes(passed=2)
    assert asked_of(sim, "counted") == 3, "another rubric is another question"


def test_equal_answers_are_judged_once_in_a_session(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    judge(project, sim, "priced")
    with (project.path / "bench.toml").open("a", encoding="utf-8") as file:
        file.write("price = {input = 1e5, output = 1e5}\n")
    project.watch(sim.url, "other")
    project.suite(asked("a", {**QUESTION, "repeat": 2}), models=["sim/steady", "other"])

    result = project.bench("--bench-judge=priced", "--bench-repeat=3", JSON, *workers)

    result.assert_outcomes(passed=6)
    told = results(project)
    calls = [call for ended in told.values() for call in ended["calls"] if call["purpose"] == "judge"]
    paid = [call for call in calls if not call["cached"]]
    assert len(calls) == 12
    assert len(paid) == asked_of(sim, "priced")
    # A worker may ask what another one is asking.
    assert 2 <= len(paid) <= (4 if workers else 2)
    assert {call["cost_usd"] for call in calls if call["cached"]} == {0}
    assert [vote["number"] for vote in told["a[other#3]"]["checks"][0]["votes"]] == [1, 2]
    result.stdout.fnmatch_lines([f"judge: priced: 12 calls, {12 - len(paid)} cached, *"])
    (line,) = json_report(project.path / "b.json")["run"]["asked"]
    assert line["cost_usd"] == pytest.approx(sum(call["cost_usd"] for call in paid))

    project.bench("--bench-judge=priced", "--bench-repeat=3", "--bench-regrade", *workers).assert_outcomes(passed=6)
    assert asked_of(sim, "priced") == len(paid)


def test_another_judge_judges_afresh(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    judge(project, sim, "one")
    judge(project, sim, "two", ", accuracy = 0")
    project.suite(asked())
    project.bench("--bench-judge=one", *workers).assert_outcomes(passed=1)

    project.bench("--bench-judge=two", "--bench-cache", *workers).assert_outcomes(failed=1)


def test_a_judge_that_says_nothing_that_can_be_read_is_an_error(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    judge(project, sim, "mumbles", ', text = "Well, yes and no."')
    project.suite(asked())

    result = project.bench("--bench-judge=mumbles", JSON, *workers)

    result.assert_outcomes(errors=1)
    (ended,) = results(project).values()
    assert ended["error"]["kind"] == "judge"
    assert "mumbles gave no verdict that can be read" in ended["error"]["message"]
    assert ended["response"]["text"] == "4", "the answer is kept"


MUMBLES_ONCE = """
import pathlib

def judge(request):
    asked = pathlib.Path("asked")
    with asked.open("a") as file:
        file.write("x")
    return "Well." if len(asked.read_text()) == 1 else '{"reasons": "", "verdict": "yes"}'

def pytest_bench_models():
    return {"my/judge": judge}
"""


def test_what_was_no_verdict_is_asked_for_again(
    project: Project, workers: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    project.write("conftest.py", MUMBLES_ONCE)
    project.suite(asked("a"))

    project.bench("--bench-judge=my/judge", JSON, *workers).assert_outcomes(errors=1)
    (first,) = results(project).values()
    assert first["calls"][1]["fingerprint"].endswith("-aside")
    capsys.readouterr()
    assert main(["show", "latest", "a", "--store", str(project.path / ".benchmodels" / "store.sqlite")]) == 0
    assert "tokens): Well.\n" in capsys.readouterr().out, "readers see what it said"
    project.bench("--bench-judge=my/judge", "--bench-regrade", *workers).assert_outcomes(skipped=1)

    result = project.bench("--bench-judge=my/judge", "--bench-resume", JSON, *workers)

    result.assert_outcomes(passed=1)
    assert (project.path / "asked").read_text() == "xx"
    project.bench("--bench-judge=my/judge", "--bench-regrade", *workers).assert_outcomes(passed=1)


def test_a_plan_names_the_judge_and_asks_nobody(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    judge(project, sim, "planned")
    project.suite(asked("a", QUESTION, {**QUESTION, "repeat": 3}), asked("b", {**PAIR, "repeat": 2}))

    result = project.bench("--bench-judge=planned", "--bench-plan", *workers)

    result.stdout.fnmatch_lines(
        ["checks ask planned too: 8 calls at 2 runs, tokens 2.*k-*k in and 160-2.4k out, $0.00"]
    )
    result.stdout.no_fnmatch_line("all together*")
    assert seen_by(sim) == {}


PRICES = "price = {input = 1e4, output = 1e5}\n"


def test_a_plan_tells_what_judges_would_cost_and_is_right(project: Project, sim: SimServer) -> None:
    judge(project, sim, "priced", ", latency = 0")
    with (project.path / "bench.toml").open("a", encoding="utf-8") as file:
        file.write(PRICES)
    judge(project, sim, "unpriced")
    checks: list[dict[str, object]] = [
        {**QUESTION, "repeat": 2},
        {**QUESTION, "transcript": True},
        PAIR,
        {"any_of": [QUESTION]},
    ]
    project.suite(*[asked(f"s{number}", *checks, prompt=f"What is {number} + 4?") for number in range(3)])

    planned = project.bench("--bench-judge=priced", "--bench-plan")
    project.bench("--bench-judge=priced", JSON)

    (told,) = [line for line in planned.outlines if line.startswith("checks ask priced too: 18 calls at 3 runs, ")]
    found = re.search(r"tokens ([\d.]+)k-([\d.]+)k in and ([\d.]+)(k?)-([\d.]+)k out, \$([\d.]+)-\$([\d.]+)$", told)
    assert found is not None, told
    (line,) = json_report(project.path / "b.json")["run"]["asked"]
    assert line["calls"] == 18
    # The second question of each run that is the same as its first is another vote.
    assert line["cached"] == 0
    assert float(found[1]) * 900 <= line["input_tokens"] <= float(found[2]) * 1000
    assert float(found[6]) <= line["cost_usd"] <= float(found[7])
    planned.stdout.fnmatch_lines([f"all together: ${found[6]}-${found[7]}"])


def test_a_plan_says_which_price_is_not_known(project: Project, sim: SimServer) -> None:
    project.write(
        "bench.toml",
        f'[model.own]\nprovider = "openai"\nname = "judge"\nbase_url = "{sim.url}"\nparams = {{max_tokens = 50}}\n',
    )
    project.suite(asked("a", {**QUESTION, "models": ["own", "sim/judge"]}))

    result = project.bench("--bench-plan")

    result.stdout.fnmatch_lines(
        [
            "checks ask own too: 1 call at 1 run, tokens * in and 20-50 out, at a price that is not known",
            "checks ask sim/judge too: 1 call at 1 run, tokens * in and 20-300 out, $0.00",
        ]
    )


def test_a_model_that_judges_itself_is_told(project: Project, workers: tuple[str, ...]) -> None:
    own: dict[str, object] = {"judge": "Is it good?", "model": "sim/judge"}
    project.suite(asked("a", own), asked("b", own), models=["sim/judge", "sim/steady"])

    result = project.bench(JSON, *workers)

    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["judge: sim/judge judged 2 answers of its own"])
    told = results(project)
    assert told["a[sim/judge]"]["checks"][0]["explanation"].endswith("[sim/judge judged its own answer]")
    assert not told["a[sim/steady]"]["checks"][0]["explanation"].endswith("own answer]")


def test_a_model_that_judges_itself_by_another_name_is_told(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    judge(project, sim, "one")
    judge(project, sim, "other", ", accuracy = 0.5")
    project.suite(asked("a", {"judge": "Is it good?", "models": ["other", "sim/judge"]}), models=["one"])

    result = project.bench(JSON, "--bench-html=r.html", *workers)

    result.stdout.fnmatch_lines(["judge: other judged 1 answer of its own"])
    (told,) = results(project).values()
    assert "[other judged its own answer: it is the model of one]" in told["checks"][0]["explanation"]
    assert {vote["judge"]: vote["own"] for vote in told["checks"][0]["votes"]}["other"]
    judges = json_report(project.path / "b.json")["run"]["judges"]
    assert {each["model"]: each["own_answers"] for each in judges}["other"] == 1


def test_a_pair_is_asked_in_both_orders(project: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    judge(project, sim, "fair")
    project.suite(asked("a", PAIR))

    result = project.bench("--bench-judge=fair", "-v", JSON, *workers)

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["judge: fair: the order decided 0 of 1 pair (0%)"])
    (ended,) = results(project).values()
    assert [(vote["order"], vote["verdict"], vote["score"]) for vote in ended["checks"][0]["votes"]] == [
        ("first", "first", 1.0),
        ("second", "second", 1.0),
    ]
    assert asked_of(sim, "fair") == 2


def test_a_judge_that_prefers_a_place_decides_nothing(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    judge(project, sim, "biased", """, text = '{"reasons": "x", "verdict": "first"}'""")
    project.suite(asked("a", PAIR), asked("b", PAIR))

    result = project.bench("--bench-judge=biased", "-v", JSON, "--bench-html=r.html", *workers)

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*the order decided 1 of 1 pairs: *",
            "judge: biased: the order decided 2 of 2 pairs (100%): 2 for the first, 0 for the second",
        ]
    )
    page = (project.path / "r.html").read_text(encoding="utf-8")
    assert "judge: biased: the order decided 2 of 2 pairs" in page
    assert "judge: biased: 4 calls" in page
    (told,) = json_report(project.path / "b.json")["run"]["judges"]
    assert (told["model"], told["pairs"], told["for_first"], told["for_second"]) == ("biased", 2, 2, 0)


def test_a_pair_may_be_made_with_another_models_stored_answer(
    project: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    judge(project, sim, "fair")
    project.watch(sim.url, "other")
    compared = asked("a", {"judge": "Which one is the sum?", "against": "other", "reference": "4"})
    project.suite(compared)

    result = project.bench("--bench-judge=fair", *workers)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the store has no answer of 'other' to this question; have it answer first, with*"])

    project.suite(scenario("a"))
    project.bench("--bench-models=other", *workers).assert_outcomes(passed=1)
    project.suite(compared)
    result = project.bench("--bench-judge=fair", JSON, *workers)
    result.assert_outcomes(failed=1)  # two right answers are a tie, which is no better
    (ended,) = results(project).values()
    assert [vote["verdict"] for vote in ended["checks"][0]["votes"]] == ["tie", "tie"]
    assert seen_by(sim)["steady"]["requests"] == 1, "it is not asked again"


COMPARED = """\
scenarios:
  - id: a
    prompt: 2 + 2?
    models: [{models}]
    checks:
      - any_of:
          - judge: Which one is the sum?
            model: sim/judge
            against: {against}
"""


@pytest.mark.parametrize(
    ("models", "against", "said"),
    [
        ("watched", "nobody/knows", "unknown model 'nobody/knows'; a model is `provider/name` with a provider of *"),
        ("watched", "sim/stedy", "unknown model 'sim/stedy'; did you mean 'steady'?*"),
        (
            "sim/hang, watched",
            "watched",
            "'watched' answers this scenario itself: its answers would be compared with *",
        ),
        ("watched", "alias", "'alias' answers this scenario itself as 'watched': its answers would be compared *"),
    ],
)
def test_a_model_that_is_nothing_to_compare_with_is_told_before_the_first_call(
    project: Project, sim: SimServer, models: str, against: str, said: str
) -> None:
    project.watch(sim.url, "watched")
    project.watch(sim.url, "alias")
    project.write("suite.yaml", COMPARED.format(models=models, against=against))

    for workers in ((), ("-n2",)):
        result = project.bench(*workers)

        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines([f"suite.yaml:9: check 'judge': against: {said}"])
        assert seen_by(sim) == {}, "nobody was asked"


def test_who_runs_by_the_command_line_is_not_compared_with_itself_either(project: Project) -> None:
    project.write("suite.yaml", COMPARED.format(models="sim/slow", against="sim/steady"))

    result = project.bench("--bench-models=sim/steady")

    result.stdout.fnmatch_lines(["suite.yaml:9: check 'judge': against: 'sim/steady' answers this scenario itself: *"])
    project.bench("--bench-models=sim/slow", "--collect-only").assert_outcomes()


def test_the_same_model_with_other_params_is_another_one_to_compare_with(project: Project, sim: SimServer) -> None:
    judge(project, sim, "warm")
    judge(project, sim, "cold", ", accuracy = 0")
    project.write("suite.yaml", COMPARED.format(models="warm", against="cold"))

    result = project.bench("--collect-only")

    assert result.ret == pytest.ExitCode.OK
