"""Random sessions, told in every way there is: live, rebuilt, resumed, from the cache, judged afresh, merged."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pytest_benchmodels import SimServer
from pytest_benchmodels.cli import main
from tests.plugin.plugin_parts import Project, Scenario, json_report, judging_conftest

Json = dict[str, Any]

# Trials that ask a judge the same share its verdict: which of them has asked for it is another one in each session.
QUESTION = "{context.transcript.calls[0].model} {context.transcript.calls[0].request.trial} {context.text}"
CONFTEST = f"""
import pytest
from pytest_benchmodels.engine.backoff import Backoff
{judging_conftest("4", QUESTION)}
def pytest_configure(config):
    patch = pytest.MonkeyPatch()
    patch.setattr(Backoff, "_nominal_s", lambda _, n, cap_s: 0.002 * n)
    config.add_cleanup(patch.undo)
"""
TOML = """
[model.priced]
provider = "sim"
name = "steady"
base_url = "{url}"
price = {{input = 300.0, output = 1500.0}}

[model.free]
provider = "sim"
name = "slow"
base_url = "{url}"
max_in_flight = 2

[model.judge]
provider = "sim"
name = "slow"
base_url = "{url}"
params = {{sim = {{latency = 0.001}}}}
price = {{input = 1e4, output = 1e4}}

[model.moody]
provider = "sim"
name = "slow"
base_url = "{url}"
params = {{sim = {{latency = 0.001, rate_500 = 1, recover_after = 1}}}}

[model.refusing]
provider = "sim"
name = "slow"
base_url = "{url}"
params = {{sim = {{status = 400}}}}
"""
KNOBS: tuple[dict[str, object], ...] = (
    {},
    {"accuracy": 0},
    {"status": 400},
    {"rate_500": 1, "recover_after": 1},
    {"rate_429": 1, "recover_after": 2, "retry_after": 0.001},
    {"malformed_rate": 1, "recover_after": 1},
    {"truncate_rate": 1, "recover_after": 1},
    {"malformed_rate": 1},
    {"rate_500": 1},
    {"hang_rate": 1},
    {"thinking": "2 and 2"},
    {"thinking": "2 and 2", "malformed_rate": 1, "recover_after": 1},
    {"finish_reason": "length"},
)
CHECKS: tuple[list[dict[str, object]], ...] = (
    [{"equals": "4"}],
    [{"equals": "4", "weight": 3}, {"contains": "5"}],
    [{"max_words": 3}, {"contains": "4", "weight": 0}],
)


@st.composite
def scenarios(draw: st.DrawFn, number: int) -> Scenario:
    knobs = draw(st.sampled_from(KNOBS))
    checks = list(draw(st.sampled_from(CHECKS)))
    judges = draw(st.lists(st.sampled_from(["judge", "judge", "moody", "refusing"]), max_size=2))
    # Each run asks its own question: of two that ask the same, the store has the newer verdict.
    checks += [{"judged": f"{number}.{place}?", "by": by} for place, by in enumerate(judges)]
    made: Scenario = {"id": f"s{number}", "params": {"sim": {"latency": 0.001, **knobs}}, "checks": checks}
    if draw(st.booleans()):
        made["prompt"] = f"What is 2 + 2? ({number})"
    else:
        made["turns"] = [{"prompt": f"What is 2 + 2? ({number})"}, {"prompt": "What is 3 + 4?"}]
    if "hang_rate" in knobs:
        made["timeout"] = 0.2
    made |= draw(
        st.sampled_from([{}, {}, {}, {"repeat": 2}, {"skip": "not today"}, {"xfail": "so it is"}, {"threshold": 0.5}])
    )
    return made


@dataclass(frozen=True)
class Suite:
    scenarios: tuple[Scenario, ...]
    models: tuple[str, ...]
    concurrency: int


@st.composite
def suites(draw: st.DrawFn) -> Suite:
    count = draw(st.integers(1, 5))
    made = tuple(draw(scenarios(number)) for number in range(count))
    models = draw(st.sampled_from([("priced",), ("free",), ("priced", "free")]))
    return Suite(made, models, draw(st.integers(1, 4)))


class Ways:
    """One suite, and what its sessions and the command tell of it."""

    def __init__(self, project: Project, suite: Suite, capsys: pytest.CaptureFixture[str]) -> None:
        self._project = project
        self.suite = suite
        self._capsys = capsys
        self.output: list[str] = []
        self.status = 0
        project.suite(*suite.scenarios, models=suite.models)

    def path(self, name: str) -> str:
        return str(self._project.path / name)

    def session(self, store: str, *options: str) -> Json:
        """What `--bench-json` tells of a session; nothing if it had none."""
        told = self._project.path / "session.json"
        told.unlink(missing_ok=True)
        usual = ("--bench-retries=2", f"--bench-concurrency={self.suite.concurrency}", "-p", "no:randomly")
        ended = self._project.bench("--bench-json=session.json", f"--bench-store={store}", *usual, *options)
        self.output, self.status = ended.outlines, int(ended.ret)
        return json_report(told) if told.exists() else {}

    def command(self, *words: str) -> list[str]:
        self._capsys.readouterr()
        assert main(list(words)) == 0
        return self._capsys.readouterr().out.splitlines()

    def report(self, store: str, run: str = "latest") -> Json:
        self.command("report", run, "--store", self.path(store), "--json", self.path("report.json"))
        return json_report(self._project.path / "report.json")


def by_nodeid(document: Json) -> dict[str, Json]:
    return {result["nodeid"]: result for result in document["results"]}


def differing(one: Json, other: Json, *, but: frozenset[str] = frozenset()) -> Json:
    """The fields of two objects that differ, with both values."""
    names = (one.keys() | other.keys()) - but
    return {name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}


TIMES = frozenset({"started_at", "duration_s", "grading_s"})
"""What every session has of its own."""
REUSED = frozenset({"cached", "regraded", "reuse"})
"""What tells that something was taken over."""
MEASURED = TIMES | {"latency_s", "wait_s", "waits", "retry_s", "connect_s", "client_s", "held_s", "session"}
"""What is another each time that a model is asked."""
UNSENT = {"attempts": 0, "wait_s": 0, "waits": {}, "retries": [], "retry_s": None}
"""What is told of the requests of a run for which none was sent."""
TOKENS = {"input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens"}
UNTOLD = TOKENS | {"attempts", "retries", "usage", "known_usage", "known_cost_usd", "cost_usd"}
"""What is told otherwise of a run that had begun before, where nobody knows what it took: an answer of it then."""
PRICES = {"priced": (300e-6, 1500e-6), "free": (0.0, 0.0)}


def is_answered(result: Json, suite: Suite) -> bool:
    """Whether there is an answer to each of its turns."""
    (scenario,) = [each for each in suite.scenarios if each["id"] == result["scenario"]]
    turns = len(scenario["turns"]) if isinstance(scenario.get("turns"), list) else 1  # type: ignore[arg-type]
    return turns == len(answers_of(result))


def answers_of(result: Json) -> list[Json]:
    return result["answers"] or ([result["response"]] if result["response"] else [])


def added_usage(answers: list[Json], *, whole: bool) -> Json:
    """Each count over all answers; null where none of them has it, or as a `whole` where one has not."""
    added: Json = {}
    for name in answers[0]["usage"]:
        counts = [answer["usage"][name] for answer in answers]
        known = [count for count in counts if count is not None]
        added[name] = sum(known) if known and (not whole or known == counts) else None
    return added


def judged_afresh(live: Json) -> Json:
    """What docs/results.md says of an answer that is taken over: it costs what it cost itself, and nothing was sent."""
    answers = answers_of(live)
    usage, known_usage = added_usage(answers, whole=True), added_usage(answers, whole=False)
    counts = usage["input_tokens"], usage["output_tokens"]
    cost_usd = sum(count * price for count, price in zip(counts, PRICES[live["model"]], strict=True))
    account = {"cost_usd": cost_usd, "known_cost_usd": cost_usd, "usage": usage, "known_usage": known_usage}
    return {**live, **UNSENT, **account, "cached": True, "regraded": True}


def still_timed_out(live: Json) -> Json:
    return {**live, **UNSENT, "cached": True}


def not_stored(live: Json) -> Json:
    nothing: Json = {
        "checks": [],
        "response": None,
        "answers": [],
        "latency_s": None,
        "truncated": None,
        "out_of_steps": None,
        "score": None,
    }
    unknown: Json = {"connect_s": None, "client_s": None, "usage": None, "known_usage": None, "grade_fingerprint": ""}
    return {**live, **UNSENT, **nothing, **unknown, "cost_usd": 0, "known_cost_usd": 0, "status": "skipped"}


def stable(value: Any, but: frozenset[str] = frozenset()) -> Any:
    """The same without what is another each time that a model is asked."""
    if isinstance(value, dict):
        return {name: stable(entry, but) for name, entry in value.items() if name not in MEASURED | REUSED | but}
    return [stable(entry, but) for entry in value] if isinstance(value, list) else value


def has_begun_before(result: Json) -> bool:
    """Whether `-x` came between its answer and its checks: what was answered is there, and asked by no request."""
    return not result["cached"] and any(
        call["purpose"] == "answer" and not call["attempts"] and call["served_model"] for call in result["calls"]
    )


def is_unknown(result: Json) -> bool:
    """Whether nobody knows what it took: a request may have been billed that was not answered."""
    usage: Json | None = result["usage"]
    return usage is not None and usage["input_tokens"] is None


def check_rebuilt(ways: Ways, live: Json) -> None:
    """A stored run told again, or exported, has each field of each result, and all figures."""
    output = ways.output
    again = ways.report("a.db", live["run"]["id"])
    shown = ways.command("show", live["run"]["id"], "--store", ways.path("a.db"))

    for kind in ("csv", "jsonl"):
        exported = ways.command("export", live["run"]["id"], "--store", ways.path("a.db"), "--format", kind)
        assert exported == ways.command("export", ways.path("session.json"), "--format", kind)
        assert len(exported) >= len(live["results"])
    assert by_nodeid(again) == by_nodeid(live)
    assert again["models"] == live["models"]
    # How long the session was is told by its results alone; the clock's seconds since the epoch are rounded.
    bound = "lower_bound_s"
    assert differing(again["run"], live["run"], but=frozenset({"duration_s", bound})) == {}
    assert again["run"][bound] == pytest.approx(live["run"][bound], abs=1e-6)
    figures = shown[shown.index("benchmark summary") + 1 :]
    assert len(figures) > 3
    assert [line for line in figures if line not in output and not line.startswith("makespan")] == []


def check_reused(ways: Ways, live: Json, *options: str, runs_the_rest: bool, store: str = "a.db") -> None:
    """Stored answers judged afresh: nothing differs but what was not done again."""
    reused = by_nodeid(ways.session(store, *options))

    assert reused.keys() == by_nodeid(live).keys()
    for name, before in by_nodeid(live).items():
        check_one_reused(reused[name], before, ways.suite, runs_the_rest=runs_the_rest)


def check_one_reused(again: Json, before: Json, suite: Suite, *, runs_the_rest: bool) -> None:
    but = TIMES | {"calls", "reuse", "session"}
    if before["status"] == "skipped":
        assert differing(again, before, but=TIMES | {"session"}) == {}
    elif not runs_the_rest and any(call["latency_s"] is None for call in before["calls"] if call["purpose"] == "judge"):
        # A judge did not answer, so that there is nothing to find, and nobody is asked.
        assert (again["status"], again["error"]["kind"]) == ("skipped", "not-stored")
    elif is_answered(before, suite):
        expected = judged_afresh(before)
        assert again.pop("cost_usd") == pytest.approx(expected.pop("cost_usd"))
        assert again.pop("known_cost_usd") == pytest.approx(expected.pop("known_cost_usd"))
        assert differing(again, expected, but=but) == {}
        check_calls(again["calls"], before["calls"])
    elif runs_the_rest:
        assert stable(again) == stable(before)
    elif before["status"] == "timeout":
        assert differing(again, still_timed_out(before), but=but) == {}
    else:
        assert again["error"]["kind"] == "not-stored"
        assert differing(again, not_stored(before), but=but | {"error"}) == {}


def check_calls(again: list[Json], before: list[Json]) -> None:
    """What was answered was not asked again, and is still the same; what was not answered was."""
    told = frozenset({"attempts", "cached", "wait_s", "held_s"})
    billed = {name for name in before[0] if name.endswith(("_tokens", "_usd"))}
    for now, then in zip(again, before, strict=True):
        if then["latency_s"] is None:
            assert stable(now) == stable(then)
            continue
        assert differing(now, then, but=told | billed) == {}
        assert (now["attempts"], now["cached"], now["wait_s"], now["held_s"]) == (0, True, 0, 0)
        assert then["purpose"] == "answer" or {now[name] for name in billed} == {0}


def check_resumed(ways: Ways, live: Json) -> None:
    """A run that was stopped at its first failure and taken up again comes to the same."""
    began = ways.session("b.db", "-x")
    first = by_nodeid(began) if began else {}
    resumed = ways.session("b.db", "--bench-resume")
    if not resumed:
        assert ways.status == pytest.ExitCode.USAGE_ERROR, "there was nothing to resume"
        return
    again = ways.report("b.db")
    results, rebuilt = by_nodeid(resumed), by_nodeid(again)

    assert results.keys() == rebuilt.keys() == by_nodeid(live).keys()
    assert again["models"] == resumed["models"]
    for name, result in results.items():
        assert differing(result, rebuilt[name], but=REUSED | {"calls"}) == {}
        whole = by_nodeid(live)[name]
        told = (UNTOLD if is_unknown(whole) else {"attempts", "retries"}) if has_begun_before(result) else frozenset()
        then, now = stable(whole, but=frozenset(told)), stable(result, but=frozenset(told))
        calls, before = now.pop("calls"), then.pop("calls")
        assert now == then
        assert is_unknown(result) == is_unknown(whole)
        # Checks whose model gave no verdict are asked again, and what was asked before is told as well.
        assert [call for call in before if call not in calls] == []
        assert {call["purpose"] for call in calls if call not in before} <= {"judge"}
        if result["cached"]:
            # What had ended when `-x` stopped the session is in the store, though nobody was told.
            assert differing(result, first.get(name, rebuilt[name]), but=REUSED | {"calls", "grading_s"}) == {}
            assert result["reuse"].startswith(("finished before, in run ", "there was no verdict on its stored answer"))


def check_merged(ways: Ways, live: Json) -> None:
    """Shards that become one run have each field of each result; and their answers can be judged afresh."""
    parts = {f"{part}.db": ways.session(f"{part}.db", f"--bench-shard={part}/2") for part in (1, 2)}
    parts = {name: told for name, told in parts.items() if told and told["results"]}
    force = ("--force",) if len(parts) < 2 else ()
    ways.command("merge", ways.path("c.db"), *map(ways.path, parts), *force)
    merged = by_nodeid(ways.report("c.db"))
    told: dict[str, Json] = {}
    for document in parts.values():
        told |= by_nodeid(document)

    assert merged.keys() == told.keys() == by_nodeid(live).keys()
    for name, result in merged.items():
        assert differing(result, told[name], but=frozenset({"session"})) == {}
        assert stable(result) == stable(by_nodeid(live)[name])
    whole = {"results": list(told.values())}
    check_reused(ways, whole, "--bench-regrade", runs_the_rest=False, store="c.db")


@settings(
    max_examples=int(os.environ.get("EVERY_WAY_EXAMPLES", "3")),
    phases=[Phase.explicit, Phase.generate],  # to shrink an example takes hundreds of sessions
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(suite=suites())
def test_a_session_is_told_alike_in_every_way(
    suite: Suite, project: Project, sim: SimServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in project.path.glob("*.db*"):
        file.unlink()
    project.write("conftest.py", CONFTEST)
    project.write("bench.toml", TOML.format(url=sim.url))
    ways = Ways(project, suite, capsys)

    live = ways.session("a.db")

    check_rebuilt(ways, live)
    check_reused(ways, live, "--bench-regrade", runs_the_rest=False)
    check_reused(ways, live, "--bench-cache", runs_the_rest=True)
    check_resumed(ways, live)
    check_merged(ways, live)
