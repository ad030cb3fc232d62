"""Checks that ask other models: known before the first call, in lanes of their own, told apart from the answers."""

from __future__ import annotations

import pytest

from pytest_benchmodels import SimServer
from tests.plugin.plugin_parts import Project, json_report, judging_conftest, junit_cases, right, scenario
from tests.plugin.plugin_results import JSON, results, seen_by

CONFTEST = judging_conftest("ok")
FORGIVING = """        if "Forgiving" in self.judged:
            try:
                await context.ask(self.by, "?")
            except Exception as error:
                return Grade.of(True, str(error))
        answer = await"""
RUNS = 6


@pytest.fixture
def judging(project: Project, sim: SimServer) -> Project:
    """A project whose runs ask the model `judge`, at a server where it is counted."""
    project.write("conftest.py", CONFTEST)
    model(project, sim, "judge", "slow", "params = {sim = {latency = 0.01}}", "price = {input = 1e5, output = 1e5}")
    return project


def model(project: Project, sim: SimServer, alias: str, name: str, *lines: str) -> None:
    """Let bench.toml name a model of this server."""
    path = project.path / "bench.toml"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    entry = [f"[model.{alias}]", 'provider = "sim"', f'name = "{name}"', f'base_url = "{sim.url}"', *lines]
    project.write("bench.toml", "\n".join([before, *entry]))


def judged(count: int = RUNS, **keys: object) -> list[dict[str, object]]:
    return [scenario(f"s{number}", checks=[{"judged": "Right?"}], **keys) for number in range(count)]  # type: ignore[arg-type]


def test_each_run_asks_its_judge_and_tells_it_apart(judging: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    judging.suite(*judged())

    result = judging.bench(JSON, "--junit-xml=j.xml", *workers)

    result.assert_outcomes(passed=RUNS)
    result.stdout.fnmatch_lines([f"judge: judge: {RUNS} calls, p50 *ms, tokens */*, cost $*"])
    assert seen_by(sim)["slow"]["requests"] == RUNS
    for ended in results(judging).values():
        answer, verdict = ended["calls"]
        assert (answer["purpose"], answer["model"]) == ("answer", "sim/steady")
        assert (verdict["purpose"], verdict["model"], verdict["served_model"]) == ("judge", "judge", "slow")
        assert (ended["cost_usd"], ended["attempts"]) == (0, 1)
        assert verdict["cost_usd"] > 0
    assert len(junit_cases(judging.path / "j.xml")) == RUNS


@pytest.mark.parametrize("distribution", [(), ("-n2",), ("-n2", "--dist=loadfile")], ids=["serial", "n2", "loadfile"])
def test_a_model_with_one_lane_judges_its_own_answers(
    judging: Project, sim: SimServer, distribution: tuple[str, ...]
) -> None:
    model(judging, sim, "one", "steady", "max_in_flight = 1")
    judging.suite(
        *[scenario(f"s{number}", checks=[{"judged": "?", "by": "one"}]) for number in range(3)], models=["one"]
    )

    result = judging.bench(JSON, *distribution)

    result.assert_outcomes(passed=3)
    assert seen_by(sim)["steady"]["requests"] == 6
    assert seen_by(sim)["steady"]["max_in_flight"] == 1


def test_a_judge_has_a_maximum_of_its_own(judging: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    model(judging, sim, "patient", "hang", "max_in_flight = 2", "params = {sim = {latency = 0.05, hang_rate = 0}}")
    judging.suite(*[scenario(f"s{number}", checks=[{"judged": "?", "by": "patient"}]) for number in range(8)])

    judging.bench(*workers).assert_outcomes(passed=8)

    assert seen_by(sim)["hang"]["max_in_flight"] <= 2


def test_a_judge_without_a_key_is_told_before_the_first_call(
    judging: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    model(judging, sim, "asked", "steady")
    judging.suite(*[right("plain"), scenario("s", checks=[{"judged": "?", "by": "openai/gpt"}])], models=["asked"])

    result = judging.bench(*workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no API key for openai/gpt: set the environment variable OPENAI_API_KEY"])
    assert seen_by(sim).get("steady", {}).get("requests", 0) == 0


def test_a_judge_that_does_not_exist_is_told_with_who_wants_it(judging: Project, workers: tuple[str, ...]) -> None:
    judging.suite(scenario("s", checks=[{"judged": "?", "by": "nobody/knows"}]))

    result = judging.bench(*workers)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unknown model 'nobody/knows'*(wanted by suite.yaml::s[[]sim/steady])"])


def test_a_judge_that_fails_is_an_error_and_others_go_on(
    judging: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    model(judging, sim, "broken", "flaky", "params = {sim = {status = 401, latency = 0}}")
    broken = [scenario(f"b{number}", checks=[{"judged": "?", "by": "broken"}]) for number in range(20)]
    judging.suite(*judged(2), *broken)

    result = judging.bench(JSON, "--bench-concurrency=1", *workers)

    result.assert_outcomes(passed=2, errors=20)
    errors = [ended["error"] for name, ended in results(judging).items() if name.startswith("b")]
    assert {error["kind"] for error in errors} == {"judge"}
    assert all("check 'judged' has no verdict: broken did not answer it: " in error["message"] for error in errors)
    assert any("not started: 5 runs in a row" in error["message"] for error in errors), "it is out of order by then"
    assert 5 <= seen_by(sim)["flaky"]["requests"] <= 8
    assert results(judging)["b0[sim/steady]"]["response"]["text"] == "ok", "what was answered is kept"


def test_what_judges_cost_counts_for_the_budget(judging: Project, workers: tuple[str, ...]) -> None:
    judging.suite(*judged(12))

    result = judging.bench(JSON, "--bench-concurrency=1", "--bench-budget=1.5", *workers)

    outcomes = result.parseoutcomes()
    assert outcomes["passed"] + outcomes["skipped"] == 12
    assert outcomes["skipped"] >= 6, "each verdict costs more than 0.5 dollars"


@pytest.mark.parametrize("option", ["--bench-regrade", "--bench-cache"])
def test_what_a_judge_was_asked_before_is_not_asked_again(
    judging: Project, sim: SimServer, workers: tuple[str, ...], option: str
) -> None:
    model(judging, sim, "asked", "steady")
    judging.suite(*judged(), models=["asked"])
    judging.bench(JSON, *workers).assert_outcomes(passed=RUNS)
    before = {name: ended["calls"][1] for name, ended in results(judging).items()}

    result = judging.bench(JSON, option, *workers)

    result.assert_outcomes(passed=RUNS)
    result.stdout.fnmatch_lines([f"judge: judge: {RUNS} calls, {RUNS} cached, p50 *ms, tokens 0/0, cost $0*"])
    assert (seen_by(sim)["steady"]["requests"], seen_by(sim)["slow"]["requests"]) == (RUNS, RUNS)
    for name, ended in results(judging).items():
        _, verdict = ended["calls"]
        assert (verdict["cached"], verdict["attempts"], verdict["cost_usd"]) == (True, 0, 0)
        assert verdict["fingerprint"] == before[name]["fingerprint"]
        assert verdict["latency_s"] > 0


@pytest.mark.parametrize("wanted", ["Really?", "Forgiving?"])
def test_no_judge_is_asked_when_answers_are_only_regraded(
    judging: Project, sim: SimServer, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...], wanted: str
) -> None:
    """Its key is not needed either. A check that could do without the answer would give another verdict than before."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    judging.write("conftest.py", CONFTEST.replace("        answer = await", FORGIVING))
    judging.suite(*judged(2))
    judging.bench().assert_outcomes(passed=2)
    asked = {"judged": wanted, "by": "openai/gpt"}
    judging.suite(scenario("s0", checks=[{"equals": "ok"}, asked]), *judged(2)[1:])
    monkeypatch.delenv("OPENAI_API_KEY")

    judging.bench(JSON, "--bench-regrade", *workers).assert_outcomes(passed=1, skipped=1)

    ended = results(judging)["s0[sim/steady]"]
    assert ended["error"] == {"kind": "not-stored", "message": "no stored response of openai/gpt, which a check asks"}
    assert (ended["status"], ended["score"], ended["checks"]) == ("skipped", None, [])
    assert seen_by(sim)["slow"]["requests"] == 2


def test_a_judge_is_asked_what_is_not_stored(judging: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    model(judging, sim, "asked", "steady")
    judging.suite(*judged(), models=["asked"])
    judging.bench().assert_outcomes(passed=RUNS)
    # Each its own question: what one run of this session has asked, the next one finds.
    judging.suite(*[scenario(f"s{n}", checks=[{"judged": f"Really {n}?"}]) for n in range(RUNS)], models=["asked"])

    judging.bench(JSON, "--bench-cache", *workers).assert_outcomes(passed=RUNS)

    assert (seen_by(sim)["steady"]["requests"], seen_by(sim)["slow"]["requests"]) == (RUNS, 2 * RUNS)
    assert not any(ended["calls"][1]["cached"] for ended in results(judging).values())


def test_a_judge_that_is_asked_thrice_gives_three_stored_answers(judging: Project, sim: SimServer) -> None:
    checks = [{"judged": "Right?", "name": str(number)} for number in range(3)]
    judging.suite(scenario("s", checks=checks))
    judging.bench(JSON)
    (live,) = results(judging).values()

    judging.bench(JSON, "--bench-regrade")

    (again,) = results(judging).values()
    assert seen_by(sim)["slow"]["requests"] == 3
    prints = [call["fingerprint"] for call in live["calls"][1:]]
    assert len(set(prints)) == 3
    assert [call["fingerprint"] for call in again["calls"][1:]] == prints
    assert [check["explanation"] for check in again["checks"]] == [check["explanation"] for check in live["checks"]]


def test_a_resumed_run_whose_checks_changed_keeps_what_its_judges_cost(
    judging: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    model(judging, sim, "asked", "steady")
    judging.suite(*judged(2), scenario("late", {"status": 400}), models=["asked"])
    judging.bench(JSON).assert_outcomes(passed=2, errors=1)
    before = results(judging)
    checks = [[{"judged": "Right?"}, {"judged": f"Really {n}?"}] for n in range(2)]
    judging.suite(*[scenario(f"s{n}", checks=checks[n]) for n in range(2)], right("late"), models=["asked"])

    judging.bench(JSON, "--bench-resume", *workers).assert_outcomes(passed=3)

    assert seen_by(sim)["slow"]["requests"] == 4, "only what is new"
    for name in ("s0[asked]", "s1[asked]"):
        _, known, new = results(judging)[name]["calls"]
        assert known == {**before[name]["calls"][1], "cached": True}
        assert (new["cached"], new["attempts"]) == (False, 1)


def test_what_former_checks_of_a_resumed_run_cost_stays_in_its_account(
    judging: Project, sim: SimServer, workers: tuple[str, ...]
) -> None:
    model(judging, sim, "asked", "steady")
    judging.suite(*judged(2), scenario("late", {"status": 400}), models=["asked"])
    judging.bench(JSON).assert_outcomes(passed=2, errors=1)
    before = results(judging)
    plain = scenario("s0", checks=[{"equals": "ok"}])
    judging.suite(plain, scenario("s1", checks=[{"judged": "Really?"}]), right("late"), models=["asked"])

    judging.bench(JSON, "--bench-resume", "--bench-budget=0.5", *workers).assert_outcomes(passed=3)

    paid = {name: {**before[name]["calls"][1], "cached": True} for name in ("s0[asked]", "s1[asked]")}
    assert [call for call in results(judging)["s0[asked]"]["calls"] if call["purpose"] == "judge"] == [
        paid["s0[asked]"]
    ]
    former, _, new = results(judging)["s1[asked]"]["calls"]
    assert former == paid["s1[asked]"]
    assert (new["purpose"], new["cached"], new["cost_usd"]) == ("judge", False, former["cost_usd"])


def test_a_finished_result_asks_nobody(judging: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    model(judging, sim, "asked", "steady")
    judging.suite(*judged(2), scenario("late", {"status": 400}), models=["asked"])
    judging.bench(JSON)
    before = results(judging)
    judging.suite(*judged(2), right("late"), models=["asked"])

    judging.bench(JSON, "--bench-resume", *workers).assert_outcomes(passed=3)

    assert seen_by(sim)["slow"]["requests"] == 2
    assert results(judging)["s0[asked]"]["calls"] == before["s0[asked]"]["calls"]
    told = json_report(judging.path / "b.json")["run"]["asked"]
    judging._pytester.run("benchmodels", "report", "latest", "--json", "shown.json")
    shown = json_report(judging.path / "shown.json")["run"]["asked"]
    for asked in (*told, *shown):  # the run's, whichever session paid for them; one that was taken over asked nobody
        assert (asked["calls"], asked["answered"], asked["input_tokens"] > 0, asked["cost_usd"] > 0) == (
            2,
            2,
            True,
            True,
        )
    assert [asked.pop("cached") for asked in (*told, *shown)] == [2, 0]
    assert told == shown


ODD = """
from pytest_benchmodels import Grade, Grader, Message

class Odd(Grader, frozen=True):
    odd: str

    def asked_models(self):
        return ("judge",)

    async def grade(self, context):
        asked = {
            "half": "half a character: \\ud800",
            "parts": [Message("system", "\\ud800"), Message("user", "is it?")],
            "dict": [{"role": "user", "content": "is it?"}],
        }
        params = {"made": object()} if self.odd == "param" else None
        answer = await context.ask("judge", asked.get(self.odd, "?"), params)
        return Grade.of(True, answer.text)

def pytest_bench_graders():
    return [Odd]
"""


def test_odd_questions_are_asked_or_told(judging: Project, sim: SimServer, workers: tuple[str, ...]) -> None:
    judging.write("conftest.py", ODD)
    judging.suite(*[scenario(kind, checks=[{"odd": kind}]) for kind in ("half", "parts", "dict", "param")])

    judging.bench(JSON, *workers).assert_outcomes(passed=2, errors=2)

    ended = {name.partition("[")[0]: told for name, told in results(judging).items()}
    assert "TypeError: ask() takes a text or a list of Message, not one of dict" in ended["dict"]["error"]["message"]
    assert "params cannot be sent as JSON" in ended["param"]["error"]["message"]
    assert ended["param"]["calls"][1]["fingerprint"] == ""
    judging.bench("--bench-regrade", *workers)
    assert seen_by(sim)["slow"]["requests"] == 2, "what was answered is not asked again"


def test_the_plan_names_whom_checks_ask_and_needs_no_key(judging: Project) -> None:
    judging.suite(*judged(2), scenario("s", checks=[{"judged": "?", "by": "openai/gpt"}]))

    result = judging.bench("--bench-plan")

    result.stdout.fnmatch_lines(
        [
            "checks ask judge too: at 2 runs, at a cost that is not known before",
            "checks ask openai/gpt too: at 1 run, at a cost that is not known before",
        ]
    )


TELLING = """
    def asked_calls(self):
        return {self.by: 2}

    def asked_tokens(self, scenario):
        return SENT
"""


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("(1000, 3)", "4 calls at 2 runs, tokens 4.2k-10k in and 80-1.2k out, $427.20-$1,134.40"),
        ("None", "4 calls at 2 runs, at a cost that is not known before"),
        ("1 / 0", "4 calls at 2 runs, at a cost that is not known before"),
    ],
)
def test_a_check_of_the_users_tells_the_plan_what_it_would_ask(judging: Project, sent: str, told: str) -> None:
    before, example, after = CONFTEST.partition("    def example")
    judging.write("conftest.py", f"{before}{TELLING.replace('SENT', sent)}\n{example}{after}")
    judging.suite(*judged(2))

    judging.bench("--bench-plan").stdout.fnmatch_lines([f"checks ask judge too: {told}"])


def test_the_plan_names_nobody_when_answers_are_only_regraded(judging: Project) -> None:
    judging.suite(*judged(2))
    judging.bench()

    result = judging.bench("--bench-plan", "--bench-regrade")

    result.stdout.fnmatch_lines(["*benchmark plan*"])
    result.stdout.no_fnmatch_line("checks ask *")
