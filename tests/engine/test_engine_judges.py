"""Checks that ask other models: lanes, limits, errors and costs are those of whom they ask."""

from __future__ import annotations

import asyncio
import queue
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_benchmodels.core.call import GradingContext, Purpose, Request, Transcript
from pytest_benchmodels.core.errors import CallError, ConfigError, ProviderError
from pytest_benchmodels.core.fingerprint import call_fingerprint
from pytest_benchmodels.core.message import Message, Response, Usage
from pytest_benchmodels.core.model import Model, Price
from pytest_benchmodels.core.result import CallSummary, Failure, Record, Result
from pytest_benchmodels.core.run import Pool, Run, lane_group
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.engine.backoff import Backoff
from pytest_benchmodels.engine.breaker import CircuitBreaker
from pytest_benchmodels.engine.client import ModelClient
from pytest_benchmodels.engine.dispatch import Dispatch, Window
from pytest_benchmodels.engine.execution import Executor
from pytest_benchmodels.engine.known import Known, NothingStored
from pytest_benchmodels.engine.lanes import Job, Lanes
from pytest_benchmodels.engine.limiter import MemoryLimiter, RateLimits, Unlimited
from pytest_benchmodels.engine.scope import Alone, Lane
from pytest_benchmodels.solvers.conversation import Conversation
from tests.engine.engine_parts import MODEL, check, retryable, run, scenario
from tests.engine.virtual_time import run_in_virtual_time

JUDGE = Model("fake/judge", "fake", "judge", "http://fake.invalid", price=Price(1000.0, 1000.0))
Answers = Callable[[Request], Response]


class Asks(Grader, frozen=True):
    """Asks each model of a list, and passes where the last one says yes."""

    asks: tuple[str, ...]
    at_once: bool = False

    def asked_models(self) -> tuple[str, ...]:
        return self.asks

    async def grade(self, context: GradingContext) -> Grade:
        asking = [context.ask(name, f"Is this right: {context.text}?") for name in self.asks]
        answers = await asyncio.gather(*asking) if self.at_once else [await one for one in asking]
        return Grade.of(answers[-1].text == "yes", answers[-1].text)


class Forgives(Asks, frozen=True):
    """Passes where its judge does not answer."""

    async def grade(self, context: GradingContext) -> Grade:
        try:
            return await super().grade(context)
        except CallError as error:
            return Grade(1.0, passed=True, explanation=str(error))


class AsksAnother(Grader, frozen=True):
    """Asks a model that it has not named."""

    asks_another: str

    async def grade(self, context: GradingContext) -> Grade:
        return Grade.of(bool(await context.ask(self.asks_another, "?")))


@dataclass
class Scripted:
    """Answers "hello" as a model and "yes" as a judge, or what `script` says for a model; counts what is in flight."""

    script: dict[str, list[str | Exception | None]] = field(default_factory=dict)
    seconds: float = 0.0
    now: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    requests: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Response:
        name = request.model.id
        self.requests.append(request)
        self.now[name] += 1
        self.most[name] = max(self.most[name], self.now[name])
        try:
            await asyncio.sleep(self.seconds)
            left = self.script.get(name, [])
            answer = left.pop(0) if left else ("yes" if "right" in request.messages[-1].content else "hello")
            if isinstance(answer, Exception):
                raise answer
            if answer is None:
                await asyncio.Event().wait()
            return Response(str(answer), "stop", Usage(10, 5), latency_s=self.seconds)
        finally:
            self.now[name] -= 1


def known(name: str) -> Model:
    models = {JUDGE.id: JUDGE, MODEL.id: MODEL, "fake/second": replace(JUDGE, id="fake/second")}
    if name not in models:
        raise ConfigError(f"no model {name}")
    return models[name]


def executor(provider: object, breaker: CircuitBreaker | None = None, memory: Known | None = None) -> Executor:
    client = ModelClient(
        lambda _: provider,  # type: ignore[arg-type,return-value] # a fake
        Backoff(2, base_s=0.0),
        RateLimits(MemoryLimiter(), Unlimited()),
    )
    recall = NothingStored() if memory is None else Knows(memory)
    return Executor(client, Conversation(), breaker or CircuitBreaker(), recall, models=known)


@dataclass
class Knows(NothingStored):
    memory: Known

    def of(self, run: Run) -> Known:  # noqa: ARG002 - it knows the same of each
        return self.memory


def judged(
    provider: object, *graders: Grader, breaker: CircuitBreaker | None = None, timeout_s: float = 30.0
) -> Result:
    one = run(scenario(*map(check, graders or [Asks((JUDGE.id,))])), timeout_s=timeout_s)
    return run_in_virtual_time(executor(provider, breaker).execute(one, Alone()))


def test_a_judge_is_asked_and_its_call_stands_beside_the_answers() -> None:
    provider = Scripted(seconds=1.0)

    result = judged(provider)

    assert (result.status, result.attempts) == ("passed", 1)
    answer, verdict = result.calls
    assert (answer.purpose, answer.model, answer.latency_s) == ("answer", MODEL.id, 1.0)
    assert (verdict.purpose, verdict.model, verdict.attempts, verdict.latency_s) == ("judge", JUDGE.id, 1, 1.0)
    assert result.other_calls == (verdict,)
    assert [request.messages[-1].content for request in provider.requests] == ["hello", "Is this right: hello?"]


def test_what_a_judge_takes_is_no_part_of_the_models_own_figures() -> None:
    result = judged(Scripted(seconds=1.0))

    assert (result.cost_usd, result.usage) == (20e-6, Usage(10, 5))
    assert result.latency_s == 1.0
    assert result.other_calls[0].cost_usd == pytest.approx(0.015)
    assert result.spent_usd == pytest.approx(0.015 + 20e-6)


def test_a_judge_of_the_same_model_sends_its_params_and_what_the_check_adds() -> None:
    class Strict(Asks, frozen=True):
        async def grade(self, context: GradingContext) -> Grade:
            messages = [Message("system", "Be strict."), Message("user", "Is it right?")]
            answer = await context.ask(MODEL.id, messages, {"max_tokens": 3})
            return Grade.of(answer.text == "yes")

    provider = Scripted()

    assert judged(provider, Strict((MODEL.id,))).status == "passed"
    assert provider.requests[-1].params == {"temperature": 0, "max_tokens": 3}
    assert [message.role for message in provider.requests[-1].messages] == ["system", "user"]


def test_a_judges_failed_attempts_are_tried_again() -> None:
    result = judged(Scripted({JUDGE.id: [retryable(), "yes"]}))

    assert (result.status, result.other_calls[0].attempts, result.retries) == ("passed", 2, ())


def test_a_judge_that_does_not_answer_is_an_error_of_the_run_and_not_of_its_model() -> None:
    breaker = CircuitBreaker(in_a_row=1)

    result = judged(Scripted({JUDGE.id: [ProviderError("auth", "wrong key", status=401)]}), breaker=breaker)

    message = "check 'asks' has no verdict: fake/judge did not answer it: wrong key"
    assert (result.status, result.error, result.score) == ("error", Failure("judge", message), None)
    assert result.response is not None, "the answer was paid, and is kept"
    assert result.other_calls[0].error == Failure("auth", "wrong key")
    assert list(breaker.tripped) == [JUDGE.id], "the judge is out of order, its judged model is not"


def test_a_judge_that_is_out_of_order_is_not_asked_again() -> None:
    breaker = CircuitBreaker()
    breaker.trip(JUDGE.id, Failure("auth", "not started: wrong key"))
    provider = Scripted()

    result = judged(provider, breaker=breaker)

    assert (result.status, result.error.kind if result.error else "") == ("error", "judge")
    assert [request.model.id for request in provider.requests] == [MODEL.id]
    assert result.other_calls[0].attempts == 0


def test_a_check_may_do_without_its_judge() -> None:
    result = judged(Scripted({JUDGE.id: [ProviderError("auth", "wrong key")]}), Forgives((JUDGE.id,)))

    assert (result.status, result.checks[0].explanation) == ("passed", "fake/judge did not answer it: wrong key")


def test_a_check_may_ask_what_it_named_only() -> None:
    result = judged(Scripted(), AsksAnother(JUDGE.id))

    assert result.error is not None
    assert (result.status, result.error.kind) == ("error", "judge")
    assert "asked_models() of the check has to name it" in result.error.message


def test_a_judge_that_is_late_is_an_error_and_no_timeout_of_the_model() -> None:
    result = judged(Scripted({JUDGE.id: [None]}), timeout_s=5.0)

    assert result.error is not None
    assert (result.status, result.error.kind) == ("error", "judge")
    cause = "fake/judge, which a check asks: attempt 1 was not answered"
    assert result.error.message == f"the limit of 5.0 s was over before there was a verdict of {cause}"
    assert result.other_calls[0].error == Failure("timeout", "when the run's time ran out, attempt 1 was not answered")


def test_judges_that_are_asked_at_once_are_in_flight_at_once() -> None:
    provider = Scripted(seconds=1.0)

    result = judged(provider, Asks((JUDGE.id, JUDGE.id, "fake/second"), at_once=True))

    assert (result.status, provider.most[JUDGE.id]) == ("passed", 2)
    assert [call.model for call in result.other_calls] == [JUDGE.id, JUDGE.id, "fake/second"]


def test_a_stored_answer_that_is_judged_afresh_asks_its_judge_and_counts_what_that_costs() -> None:
    provider, breaker = Scripted(), CircuitBreaker(budget_usd=1.0)
    memory = Known(answers=(Response("hello", "stop", Usage(10, 5)),), reason="judged afresh")
    one = run(scenario(check(Asks((JUDGE.id,)))))

    result = run_in_virtual_time(executor(provider, breaker, memory).execute(one, Alone()))

    assert (result.status, result.cached, result.regraded) == ("passed", True, True)
    assert [request.model.id for request in provider.requests] == [JUDGE.id]
    assert breaker.is_spent is False
    breaker.count(result)
    for _ in range(70):
        breaker.count(result)
    assert breaker.is_spent, "0.015 each"


@dataclass
class Remembers(NothingStored):
    """Has the answers to these calls, by fingerprint, and notes what it was asked for."""

    answers: dict[str, Response] = field(default_factory=dict)
    sought: list[tuple[str, bool]] = field(default_factory=list)

    def call(self, fingerprint: str, *, afresh: bool) -> Response | None:
        self.sought.append((fingerprint, afresh))
        return self.answers.get(fingerprint)


class NoLaneBeside(Alone):
    def beside(self, model: str, purpose: Purpose) -> Lane:
        raise AssertionError(f"{model} has a lane for {purpose}")


QUESTION = Request(JUDGE, (Message("user", "Is this right: hello?"),))


def test_what_is_stored_takes_no_lane_costs_nothing_and_asks_no_model() -> None:
    stored = Response("yes", "stop", Usage(10, 5), latency_s=2.5, served_model="judge-1")
    recall = Remembers(answers={call_fingerprint(QUESTION, "judge", 1): stored})
    provider, breaker = Scripted(), CircuitBreaker(budget_usd=1e-3)
    breaker.trip(JUDGE.id, Failure("auth", "no key"))

    one = run(scenario(check(Asks((JUDGE.id,)))))
    remembering = replace(executor(provider, breaker), recalled=recall)
    result = run_in_virtual_time(remembering.execute(one, NoLaneBeside()))

    assert result.status == "passed"
    (call,) = result.other_calls
    assert (call.cached, call.attempts, call.latency_s, call.served_model) == (True, 0, 2.5, "judge-1")
    assert (call.cost_usd, call.input_tokens, call.output_tokens, call.held_s) == (0.0, 0, 0, 0.0)
    assert [request.model for request in provider.requests] == [MODEL]
    assert not breaker.is_spent
    assert recall.sought == [(call.fingerprint, False)]


def test_equal_calls_of_one_run_are_numbered() -> None:
    recall = Remembers()
    one = run(scenario(check(Asks((JUDGE.id,) * 3, at_once=True))))

    remembering = replace(executor(Scripted()), recalled=recall)
    result = run_in_virtual_time(remembering.execute(one, Alone()))

    prints = [call_fingerprint(QUESTION, "judge", number) for number in (1, 2, 3)]
    assert [call.fingerprint for call in result.other_calls] == prints
    assert [fingerprint for fingerprint, _ in recall.sought] == prints


def test_only_new_answers_are_on_the_way_to_a_store() -> None:
    stored = Response("yes", "stop", Usage(10, 5), latency_s=2.5)
    recall = Remembers(answers={call_fingerprint(QUESTION, "judge", 2): stored})
    one = run(scenario(check(Asks((JUDGE.id,) * 2))))

    remembering = replace(executor(Scripted(seconds=1.0)), recalled=recall)
    record = Record.of(run_in_virtual_time(remembering.execute(one, Alone())))

    (new,) = record.calls
    assert (new.fingerprint, new.response.text) == (call_fingerprint(QUESTION, "judge", 1), "yes")
    assert new.messages == QUESTION.messages
    assert [type(call) for call in record.result.calls] == [CallSummary] * 3


def test_nobody_can_be_asked_outside_a_session() -> None:
    context = GradingContext(Response("hello"), Transcript(), scenario())

    with pytest.raises(CallError, match="fake/judge cannot be asked: this context belongs to no session"):
        asyncio.run(context.ask(JUDGE.id, "?"))


ResultQueue = queue.SimpleQueue[tuple[int, Result]]


@dataclass(frozen=True)
class Session:
    """Runs of one model, each of which asks the judges of its list, with so many lanes."""

    asked: tuple[tuple[str, ...], ...]
    at_once: bool = False
    lanes: int = 1
    judge_lanes: int = 1
    shared: bool = False

    def lane_scheduler(self) -> Dispatch[int]:
        groups = [lane_group(name, "judge") for name in (JUDGE.id, MODEL.id, "fake/second")]
        windows = {group: Window(self.judge_lanes) for group in groups}
        pools = [Pool((MODEL.id, lane_group(MODEL.id, "judge")), self.lanes)] if self.shared else []
        return Dispatch(self.lanes, windows, pools)

    def results(self, provider: object, timeout_s: float = 600.0) -> list[Result]:
        """All of them, in real time: whoever waited for ever would be waited for for ever."""
        result_queue: ResultQueue = queue.SimpleQueue()
        jobs = [
            Job(key, run(scenario(check(Asks(asks, self.at_once))), timeout_s=timeout_s))
            for key, asks in enumerate(self.asked)
        ]

        async def closed() -> None:
            """There is nothing to close."""

        done: dict[int, Result] = {}
        taken = Lanes(
            executor(provider), self.lane_scheduler(), lambda key, result: result_queue.put((key, result)), closed
        )
        with taken as lanes:
            lanes.submit(jobs)
            while len(done) < len(jobs):
                key, result = result_queue.get(timeout=300)
                done[key] = result
                lanes.reported(key)
            assert lanes.in_flight == 0
        return [done[key] for key in sorted(done)]


NAMES = st.sampled_from([JUDGE.id, MODEL.id, "fake/second"])
ASKED = st.lists(st.lists(NAMES, max_size=3).map(tuple), min_size=1, max_size=12).map(tuple)


@given(asked=ASKED, at_once=st.booleans(), lanes=st.integers(1, 3), judge_lanes=st.integers(1, 3), shared=st.booleans())
@settings(max_examples=60)
def test_no_run_waits_for_ever_whoever_asks_whom(
    asked: tuple[tuple[str, ...], ...], lanes: int, judge_lanes: int, *, at_once: bool, shared: bool
) -> None:
    """Also where judge and judged are one model with one lane for both."""
    asked = tuple(names or (JUDGE.id,) for names in asked)
    provider = Scripted()

    results = Session(asked, at_once=at_once, lanes=lanes, judge_lanes=judge_lanes, shared=shared).results(provider)

    assert [result.status for result in results] == ["passed"] * len(asked)
    assert [tuple(sorted(call.model for call in result.other_calls)) for result in results] == [
        tuple(sorted(names)) for names in asked
    ]
    assert provider.most[JUDGE.id] <= judge_lanes
    assert provider.most["fake/second"] <= judge_lanes
    assert provider.most[MODEL.id] <= (lanes if shared else lanes + judge_lanes)


def test_a_run_that_is_graded_lets_another_one_have_its_lane() -> None:
    """The judge answers when all runs' answers are there: with a lane held while it is asked, none would end."""
    everybody = asyncio.Event()

    @dataclass
    class Gate(Scripted):
        answered: int = 0

        async def complete(self, request: Request) -> Response:
            if request.model.id == JUDGE.id:
                await everybody.wait()
                return Response("yes")
            self.answered += 1
            if self.answered == 3:
                everybody.set()
            return Response("hello")

    results = Session(((JUDGE.id,),) * 3, lanes=2, judge_lanes=3).results(Gate())

    assert [result.status for result in results] == ["passed"] * 3


def test_to_wait_for_a_judges_lane_costs_a_run_nothing_of_its_time() -> None:
    """Eight verdicts of 1 s by a judge with one lane: the last run waits 7 s for it, with a limit of 3 s."""

    async def session() -> list[Result]:
        ended: list[Result] = []
        over = asyncio.Event()

        def note(_: int, result: Result) -> None:
            ended.append(result)
            if len(ended) == 8:
                over.set()

        lane_scheduler = Session((), lanes=8).lane_scheduler()
        lanes: Lanes[int] = Lanes(executor(Scripted(seconds=1.0)), lane_scheduler, note, idle)
        serving = asyncio.ensure_future(lanes._serve())
        await asyncio.sleep(0)
        one = run(scenario(check(Asks((JUDGE.id,)))), timeout_s=3.0)
        lanes._add(lanes._accepted(Job(key, one) for key in range(8)))
        await over.wait()
        lanes._stop.set()
        await serving
        return ended

    async def idle() -> None:
        """There is nothing to close."""

    results = run_in_virtual_time(session())

    assert [result.status for result in results] == ["passed"] * 8
