"""What the checks of several runs ask in the same words is asked once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from dataclasses import replace as changed

import pytest

from pytest_benchmodels.core.call import GradingContext, Request
from pytest_benchmodels.core.errors import CallError, ProviderError
from pytest_benchmodels.core.message import Message, Response, Usage
from pytest_benchmodels.core.model import Model, Price
from pytest_benchmodels.core.result import Record, Result
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.engine.backoff import Backoff
from pytest_benchmodels.engine.breaker import CircuitBreaker
from pytest_benchmodels.engine.client import ModelClient
from pytest_benchmodels.engine.execution import Executor
from pytest_benchmodels.engine.known import NothingStored
from pytest_benchmodels.engine.limiter import MemoryLimiter, RateLimits, Unlimited
from pytest_benchmodels.engine.scope import Alone
from pytest_benchmodels.engine.shared_calls import SharedCalls
from pytest_benchmodels.solvers.conversation import Conversation
from tests.engine.engine_parts import MODEL, check, run, scenario
from tests.engine.virtual_time import run_in_virtual_time

JUDGE = Model("fake/judge", "fake", "judge", "http://fake.invalid", price=Price(1000.0, 1000.0))
WARM = changed(JUDGE, id="warm", params={"temperature": 1})


class Asks(Grader, frozen=True):
    """Asks so often, one vote after another, and passes where none says no."""

    asks: str = "right?"
    votes: int = 1
    model: str = JUDGE.id

    def asked_models(self) -> tuple[str, ...]:
        return (self.model,)

    async def grade(self, context: GradingContext) -> Grade:
        said = [(await context.ask(self.model, self.asks)).text for _ in range(self.votes)]
        if "gibberish" in said:
            raise CallError("this is no verdict")
        return Grade.of("no" not in said, ", ".join(said))


@dataclass
class Judges:
    """Answers each question with the next of `said`, after a second; an error among them is raised."""

    said: list[str | Exception | Response] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    in_flight: int = 0
    most: int = 0

    async def complete(self, request: Request) -> Response:
        if request.model.id == MODEL.id:
            return Response("4", "stop", Usage(1, 1))
        self.asked.append(str(request.messages[-1].content))
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        await asyncio.sleep(1)
        self.in_flight -= 1
        answer = self.said.pop(0) if self.said else "yes"
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response) else Response(answer, "stop", Usage(10, 5))


class Stored(NothingStored):
    """Has what was asked in trial 2, as an earlier version stored it."""

    def call(self, fingerprint: str, *, afresh: bool) -> Response | None:  # noqa: ARG002 - a Recall
        return Response("yes", "stop") if fingerprint.endswith("-2-1") else None


def executor(judges: Judges, *, shared: SharedCalls | None = None, stored: NothingStored | None = None) -> Executor:
    models = {JUDGE.id: JUDGE, WARM.id: WARM}
    client = ModelClient(
        lambda _: judges,
        Backoff(0),
        RateLimits(MemoryLimiter(), Unlimited()),
    )
    recall = stored or NothingStored()
    return Executor(client, Conversation(), CircuitBreaker(), recall, models=models.__getitem__, shared=shared)


def ended(
    judges: Judges, *graders: Grader, at_once: bool = True, trials: Sequence[int] = (), timeout_s: float = 30.0
) -> list[Result]:
    """A run of each check, all at once or one after another."""
    runs = [run(scenario(check(grader)), timeout_s=timeout_s) for grader in graders]
    runs = [changed(one, trial=trial) for one, trial in zip(runs, trials or [1] * len(runs), strict=True)]
    doing = executor(judges, shared=SharedCalls())

    async def all_of_them() -> list[Result]:
        if at_once:
            return list(await asyncio.gather(*[doing.execute(one, Alone()) for one in runs]))
        return [await doing.execute(one, Alone()) for one in runs]

    return run_in_virtual_time(all_of_them())


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one after another"])
def test_the_same_question_is_asked_once_and_costs_once(*, at_once: bool) -> None:
    judges = Judges(["no"])

    results = ended(judges, Asks(), Asks(), Asks(), at_once=at_once, trials=(1, 2, 3))

    assert judges.asked == ["right?"]
    assert [result.status for result in results] == ["failed"] * 3
    calls = [call for result in results for call in result.other_calls]
    assert [(call.cached, call.attempts, call.cost_usd) for call in calls] == [
        (False, 1, pytest.approx(15e-3)),
        (True, 0, 0.0),
        (True, 0, 0.0),
    ]
    assert [(call.output_tokens, call.error) for call in calls[1:]] == [(0, None)] * 2
    assert len({call.fingerprint for call in calls}) == 1


def test_a_shared_answer_is_stored_by_each_run() -> None:
    """The run that asked may end without a result, or be thrown away."""
    results = ended(Judges(), Asks(), Asks())
    assert [[call.response.text for call in Record.of(result).calls] for result in results] == [["yes"], ["yes"]]


def test_votes_are_questions_of_their_own_and_shared_in_their_order() -> None:
    judges = Judges(["yes", "no", "yes"])

    one, other, more = ended(judges, Asks(votes=2), Asks(votes=2), Asks(votes=3), at_once=False)

    assert len(judges.asked) == 3
    said = [result.checks[0].explanation for result in (one, other, more)]
    assert said == ["yes, no", "yes, no", "yes, no, yes"]


@pytest.mark.parametrize("other", [Asks("really?"), Asks(model=WARM.id)], ids=["words", "params"])
def test_another_question_is_asked(other: Asks) -> None:
    judges = Judges()
    ended(judges, Asks(), other)
    assert len(judges.asked) == 2


def test_who_waits_for_a_question_that_fails_asks_itself_all_at_once() -> None:
    judges = Judges([ProviderError("http", "500")])

    first, *others = ended(judges, *[Asks()] * 4)

    assert first.status == "error"
    assert [result.status for result in others] == ["passed"] * 3
    assert len(judges.asked) == 4
    assert judges.most == 3


def test_who_waits_for_a_run_that_runs_out_of_time_asks_itself() -> None:
    judges = Judges()
    doing = executor(judges, shared=SharedCalls())
    hasty = run(scenario(check(Asks())), timeout_s=0.5)
    patient = run(scenario(check(Asks())), timeout_s=1.2)

    async def both() -> tuple[Result, Result]:
        return await asyncio.gather(doing.execute(hasty, Alone()), doing.execute(patient, Alone()))

    one, other = run_in_virtual_time(both())

    assert (one.status, other.status) == ("error", "passed"), "the time for which it waited is not its own"
    assert len(judges.asked) == 2


@pytest.mark.parametrize(
    "said",
    [
        Response("n", "length", Usage(1, 1)),
        Response("I will not", "refusal", Usage(1, 1)),
        "gibberish",
    ],
    ids=["cut off", "refused", "no verdict"],
)
def test_what_is_no_verdict_is_not_kept(said: str | Response) -> None:
    judges = Judges([said])
    ended(judges, Asks(), Asks(), at_once=False)
    assert len(judges.asked) == 2


def test_what_an_earlier_version_stored_by_its_trial_is_found_and_stored_anew() -> None:
    judges = Judges()
    second = changed(run(scenario(check(Asks()))), trial=2)
    result = run_in_virtual_time(executor(judges, stored=Stored()).execute(second, Alone()))

    assert (result.status, judges.asked) == ("passed", [])
    (call,) = Record.of(result).calls
    assert (call.cached, call.fingerprint.endswith("-1-1")) == (True, True)


def test_the_latest_answers_are_kept() -> None:
    shared = SharedCalls(most=2)
    for name in ("a", "b", "c"):
        shared.keep(name, Response(name, "stop"))
    assert [shared.answer(name) is not None for name in ("a", "b", "c")] == [False, True, True]


def test_without_anything_shared_each_run_asks() -> None:
    judges = Judges()
    doing = executor(judges)

    async def two() -> None:
        await asyncio.gather(*[doing.execute(run(scenario(check(Asks()))), Alone()) for _ in range(2)])

    run_in_virtual_time(two())
    assert len(judges.asked) == 2
    assert Message("user", "right?").content == judges.asked[0]
