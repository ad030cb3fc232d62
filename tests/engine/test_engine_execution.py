"""One run: its statuses, its turns, its attempts, its limit."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
from pathlib import Path
from typing import ClassVar

import pytest
from msgspec.structs import replace

from pytest_benchmodels.core.call import Request
from pytest_benchmodels.core.errors import CheckError, ProviderError
from pytest_benchmodels.core.message import FilePart, ImagePart, Message, Response, TextPart, ToolResult
from pytest_benchmodels.core.result import Failure, Result
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.scenario import Grade, Grader, Turn, Vote
from pytest_benchmodels.engine.breaker import CircuitBreaker
from pytest_benchmodels.engine.known import Known, NothingStored
from pytest_benchmodels.engine.scope import Alone
from tests.engine.engine_parts import MODEL, Calls, FakeProvider, Says, check, executor, retryable, run, scenario


def execute(one: Run, provider: FakeProvider, retries: int = 4) -> Result:
    return asyncio.run(executor(provider, retries).execute(one, Alone()))


def test_a_right_answer_passes_with_its_figures() -> None:
    provider = FakeProvider(["yes"])

    result = execute(run(scenario(check(Says("yes")))), provider)

    assert (result.status, result.score, result.attempts, result.error) == ("passed", 1.0, 1, None)
    assert result.response is not None
    assert result.response.text == "yes"
    assert result.cost_usd == pytest.approx((10 * 1.0 + 5 * 2.0) / 1e6)
    assert 0 <= result.latency_s <= result.duration_s


def test_what_is_sent_is_the_system_the_messages_and_the_merged_params() -> None:
    provider = FakeProvider(["yes"])

    execute(run(scenario(check(Says("yes")), system="be brief")), provider)

    (request,) = provider.requests
    assert request.messages == (Message("system", "be brief"), Message("user", "hello"))
    assert request.params == {"temperature": 0, "seed": 1}
    assert (request.attempt, request.trial, request.model) == (1, 1, MODEL)


def test_a_wrong_answer_fails_with_the_weighted_mean() -> None:
    judged = scenario(check(Says("yes"), weight=3), check(Says("no"), weight=1))

    result = execute(run(judged), FakeProvider(["yes"]))

    assert (result.status, result.score) == ("failed", 0.75)
    assert [verdict.passed for verdict in result.checks] == [True, False]


def test_the_threshold_decides() -> None:
    judged = scenario(check(Says("yes")), check(Says("no")), threshold=0.5)
    assert execute(run(judged), FakeProvider(["yes"])).status == "passed"


class Nearly(Grader, frozen=True):
    """Passes with a part of the score."""

    score: float
    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:
        return Grade(self.score, self.score >= 0.8, f"{response.text} is near")


class TellsThread(Grader, frozen=True):
    """Explains in which thread it judged."""

    tells: bool = True
    bounded: ClassVar[bool] = True

    def grade(self, response: Response) -> Grade:  # noqa: ARG002 - a Grader
        return Grade(1.0, passed=True, explanation=threading.current_thread().name)


@pytest.mark.parametrize(("length", "thread"), [(2000, "the loop's"), (2001, "benchmodels-check")])
def test_a_long_answer_is_judged_beside_the_loop(length: int, thread: str) -> None:
    found: list[Result] = []
    judged = run(scenario(check(TellsThread())))
    loop = threading.Thread(
        target=lambda: found.append(execute(judged, FakeProvider(["x" * length]))), name="the loop's"
    )
    loop.start()
    loop.join()

    assert [one.explanation for one in found[0].checks] == [thread]


@pytest.mark.parametrize(
    ("threshold", "nearly", "negate", "status"),
    [
        (None, 0.85, False, "passed"),
        (None, 0.75, False, "failed"),
        (None, 0.75, True, "passed"),
        (None, 0.85, True, "failed"),
        (1.0, 0.85, False, "failed"),
        (0.8, 0.61, False, "passed"),
        (0.8, 0.59, False, "failed"),
        (0.5, 0.75, True, "passed"),
    ],
)
def test_a_checks_own_limit_counts_unless_the_author_sets_a_threshold(
    threshold: float | None,
    nearly: float,
    negate: bool,  # noqa: FBT001 - a parameter of the test
    status: str,
) -> None:
    turn = Turn((Message("user", "hello"),), (check(Nearly(nearly), negate=negate),))
    judged = scenario(check(Says("yes")), turns=[turn], threshold=threshold)
    assert execute(run(judged), FakeProvider(["yes"])).status == status


@pytest.mark.parametrize("threshold", [None, 1.0])
def test_a_check_of_weight_0_only_informs(threshold: float | None) -> None:
    judged = scenario(check(Says("yes")), check(Says("no"), weight=0), threshold=threshold)
    result = execute(run(judged), FakeProvider(["yes"]))
    assert (result.status, result.score, [found.passed for found in result.checks]) == ("passed", 1.0, [True, False])


def test_a_threshold_is_reached_in_decimal_numbers() -> None:
    parts = [check(Says(says), weight=weight) for says, weight in (("yes", 0.1), ("no", 0.2), ("yes", 0.7))]
    result = execute(run(scenario(*parts, threshold=0.8)), FakeProvider(["yes"]))
    assert (result.status, result.score, result.threshold) == ("passed", 0.8, 0.8)


def test_thirds_add_up_to_one() -> None:
    thirds = [check(Says("yes"), weight=weight) for weight in (0.1, 0.2, 0.7)]
    assert execute(run(scenario(*thirds)), FakeProvider(["yes"])).score == 1.0


def test_not_turns_a_verdict_round() -> None:
    result = execute(run(scenario(check(Says("no"), negate=True))), FakeProvider(["yes"]))
    assert (result.status, result.checks[0].score, result.checks[0].passed) == ("passed", 1.0, True)


def test_an_answer_that_nothing_is_asked_of_passes() -> None:
    assert execute(run(scenario()), FakeProvider(["anything"])).status == "passed"


def test_each_turn_is_sent_with_the_conversation_so_far_and_judged_by_its_own_checks() -> None:
    turns = [
        Turn((Message("user", "one"),), (check(Says("first")),)),
        Turn((Message("user", "two"),)),
    ]
    provider = FakeProvider(["first", "second"])

    result = execute(run(scenario(check(Says("second")), turns=turns)), provider)

    assert result.status == "passed"
    assert [verdict.name for verdict in result.checks] == ["turn 1: says", "says"]
    assert [message.content for message in provider.requests[1].messages] == ["one", "first", "two"]
    assert result.response is not None
    assert (result.response.text, result.response.usage.input_tokens) == ("second", 20)


def test_only_the_last_turn_carries_the_scenarios_checks_and_target() -> None:
    turns = [Turn((Message("user", "one"),)), Turn((Message("user", "two"),))]
    provider = FakeProvider(["a", "b"])
    execute(run(scenario(check(Says("b")), turns=turns)), provider)
    assert [len(request.checks) for request in provider.requests] == [0, 1]


def test_a_retryable_failure_is_followed_by_an_attempt_and_remembered() -> None:
    provider = FakeProvider([retryable(), retryable("rate-limit"), "yes"])

    result = execute(run(scenario(check(Says("yes")))), provider)

    assert (result.status, result.attempts) == ("passed", 3)
    assert [retry.kind for retry in result.retries] == ["overloaded", "rate-limit"]
    assert [request.attempt for request in provider.requests] == [1, 2, 3]


def test_after_the_last_attempt_the_run_is_an_error_without_a_score() -> None:
    result = execute(run(scenario(check(Says("yes")))), FakeProvider([retryable(), retryable()]), retries=1)
    assert (result.status, result.score, result.attempts) == ("error", None, 2)
    assert result.error is not None
    assert (result.error.kind, result.error.message) == ("overloaded", "simulated overloaded")


def test_what_is_not_retryable_ends_the_run_at_once() -> None:
    result = execute(run(scenario()), FakeProvider([ProviderError("auth", "no such key", status=401)]))
    assert (result.status, result.attempts) == ("error", 1)


def test_a_wait_beyond_the_limit_ends_the_run_at_once_and_says_so() -> None:
    result = execute(run(scenario(), timeout_s=5.0), FakeProvider([retryable("rate-limit", retry_after_s=18_000)]))
    assert result.status == "error"
    assert result.error is not None
    assert "due in 18000.0 s, beyond the limit of 5.0 s" in result.error.message
    assert "the next attempt" not in result.waits


@pytest.mark.parametrize("asked_s", [3_600.1, 864_000.0, 1e12])
def test_a_run_without_a_limit_waits_no_longer_than_an_hour(asked_s: float) -> None:
    provider = FakeProvider([retryable("rate-limit", retry_after_s=asked_s)])
    result = execute(run(scenario(), timeout_s=None), provider)
    assert (result.status, result.attempts) == ("error", 1)
    assert result.error is not None
    assert "beyond the 3600 s that a run without a limit waits" in result.error.message


def test_a_model_that_was_closed_meanwhile_gets_no_further_attempt() -> None:
    """Its other runs found it out of order while this one waited for its next attempt."""
    breaker = CircuitBreaker()

    class ClosedMeanwhile(Alone):
        async def rest(self, seconds: float, *, limited: bool) -> None:  # noqa: ARG002 - a Lane
            breaker.trip(MODEL.id, Failure("auth", "HTTP 401"))

    provider = FakeProvider([retryable(), "yes"])
    executing = executor(provider, breaker=breaker).execute(run(scenario()), ClosedMeanwhile())
    result = asyncio.run(executing)

    assert (result.status, result.attempts, provider.answers) == ("error", 1, ["yes"])
    assert result.error == Failure("overloaded", "simulated overloaded")


def test_a_hanging_request_is_a_timeout_and_is_cancelled() -> None:
    provider = FakeProvider([None])

    result = execute(run(scenario(), timeout_s=0.1), provider)

    assert (result.status, result.score, provider.cancelled) == ("timeout", None, 1)
    assert result.error is not None
    assert result.error.message == "Timeout (>0.1s): attempt 1 was not answered"


def test_a_providers_own_timeout_error_is_no_timeout_of_the_run() -> None:
    result = execute(run(scenario()), FakeProvider([TimeoutError("socket")]))
    assert result.status == "error"
    assert result.error is not None
    assert result.error.message == "TimeoutError: socket"


def test_whatever_a_provider_raises_is_this_runs_error() -> None:
    result = execute(run(scenario()), FakeProvider([ZeroDivisionError("oops")]))
    assert result.status == "error"
    assert result.error is not None
    assert (result.error.kind, result.error.message) == ("provider", "ZeroDivisionError: oops")


def crash(response: Response) -> Grade:
    raise ValueError(f"cannot read {response.text}")


def leave(response: Response) -> Grade:
    raise SystemExit(3)


def refuse(response: Response) -> Grade:
    raise CheckError("pattern took more than 10 s")


STRANGE = Vote("j", 1.0, passed=True, order="last")  # type: ignore[arg-type] # misbehaving


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (crash, "check 'calls' crashed: ValueError: cannot read yes (test_engine_execution.py:"),
        (leave, "check 'calls' crashed: SystemExit: 3 (test_engine_execution.py:"),
        (refuse, "check 'calls' cannot judge this answer: pattern took more than 10 s"),
        (
            lambda _: Grade(7.0, passed=True),
            "crashed: ValueError: a score has to be a number from 0 to 1, got 7.0",
        ),
        (lambda _: Grade(float("nan"), passed=True), "got nan"),
        (lambda _: Grade(1.0, passed=True, votes=(Vote("j", 7.0, passed=True),)), "from 0 to 1, got 7.0"),
        (lambda _: Grade(1.0, passed=True, votes=("j",)), "have to be of type Vote, got str"),  # type: ignore[arg-type]
        (lambda _: Grade(1.0, passed=True, votes=(STRANGE,)), "Invalid enum value 'last'"),
    ],
)
def test_a_check_that_cannot_judge_is_an_error_that_keeps_the_answer(act: object, message: str) -> None:
    result = execute(run(scenario(check(Calls(act)))), FakeProvider(["yes"]))  # type: ignore[arg-type] # misbehaving
    assert (result.status, result.score) == ("error", None)
    assert result.error is not None
    assert result.error.kind == "check"
    assert message in result.error.message
    assert result.response is not None
    assert result.response.text == "yes"


def spin(response: Response) -> Grade:
    while True:
        response.text.upper()


def test_a_check_that_never_ends_is_a_timeout_that_keeps_the_answer() -> None:
    result = execute(run(scenario(check(Calls(spin))), timeout_s=1.0), FakeProvider(["yes"]))
    assert result.status == "timeout"
    assert result.error is not None
    assert result.error.message == "Timeout (>1.0s): the model answered, but a check did not finish"
    assert result.response is not None


def test_runs_with_the_same_question_share_a_fingerprint_and_others_do_not() -> None:
    one, other = scenario(), scenario(system="be brief")
    prints = [execute(run(each), FakeProvider(["x"])).fingerprint for each in (one, one, other)]
    assert prints[0] == prints[1] != prints[2]


def test_hostile_text_of_a_check_and_of_a_provider_is_made_plain() -> None:
    def hostile(response: Response) -> Grade:
        return Grade.of(passed=False, explanation=f"\x1b[2J{response.text}\ud800")

    explained = execute(run(scenario(check(Calls(hostile)))), FakeProvider(["yes"])).checks[0].explanation
    failed = execute(run(scenario()), FakeProvider([ValueError("\x1b[2J")])).error

    assert explained == "\\x1b[2Jyes\\ud800"
    assert failed is not None
    assert failed.message == "ValueError: \\x1b[2J"


def test_what_was_only_thought_is_judged_by_nobody_and_not_sent_back() -> None:
    talk = scenario(turns=[Turn((Message("user", text),), (check(Says("yes")),)) for text in ("one", "two")])
    provider = FakeProvider(["<think>no</think>yes", "no\n</think>\n\nyes"])

    result = execute(run(talk), provider)

    assert result.status == "passed"
    assert [answer.thinking for answer in result.answers] == ["no", "no"]
    assert provider.requests[1].messages[1] == Message("assistant", "yes")


def test_a_stored_answer_with_thinking_in_it_is_judged_by_the_same_rule() -> None:
    class Stored(NothingStored):
        def of(self, run: Run) -> Known:  # noqa: ARG002 - a Recall
            return Known(answers=(Response("<think>no</think>\n\nyes", "stop"),))

    executing = executor(FakeProvider([]), recall=Stored()).execute(run(scenario(check(Says("yes")))), Alone())
    result = asyncio.run(executing)

    assert (result.status, result.regraded) == ("passed", True)
    assert result.response is not None
    assert (result.response.text, result.response.thinking) == ("yes", "no")


def test_thinking_that_never_ends_is_no_answer() -> None:
    result = execute(run(scenario(check(Says("")))), FakeProvider(["<think>yes"]))

    assert result.status == "passed"
    assert result.response is not None
    assert (result.response.text, result.response.thinking, result.response.finish_reason) == ("", "yes", "stop")


class Overwriting(FakeProvider):
    """Changes a file when it is asked."""

    path = Path()

    async def complete(self, request: Request) -> Response:
        self.path.write_bytes(b"another")
        return await FakeProvider.complete(self, request)


def picture(path: Path) -> ImagePart:
    path.write_bytes(b"picture")
    return ImagePart("image/png", path=str(path), size=7, digest=hashlib.sha256(b"picture").hexdigest())


def test_files_are_read_when_the_request_is_sent(tmp_path: Path) -> None:
    shown = picture(tmp_path / "a.png")
    document = FilePart("application/pdf", path=shown.path, size=shown.size, digest=shown.digest, name="a.pdf")
    parts = (TextPart("See:"), shown, document)
    asked = Message("user", parts), Message("tool", (ToolResult("1", (shown,)), ToolResult("2", "none")))
    provider = FakeProvider(["yes"])

    result = execute(run(scenario(turns=[Turn(asked)])), provider)

    assert result.status == "passed"
    (request,) = provider.requests
    data = base64.b64encode(b"picture").decode()
    user, tool = request.messages
    told = [(type(part), part.data, part.path) for part in user.parts[1:] if isinstance(part, ImagePart)]
    assert told == [(ImagePart, data, ""), (FilePart, data, "")]
    assert [part.content for part in tool.parts if isinstance(part, ToolResult)] == [
        (replace(shown, data=data, path=""),),
        "none",
    ]


def test_a_file_is_read_anew_for_each_attempt(tmp_path: Path) -> None:
    asked = Message("user", (picture(tmp_path / "a.png"),))
    provider = Overwriting([retryable(), "yes"])
    provider.path = tmp_path / "a.png"

    result = execute(run(scenario(turns=[Turn((asked,))])), provider)

    assert (result.status, result.attempts, len(provider.requests)) == ("error", 1, 1)
    assert result.error is not None
    assert result.error.kind == "file"
    assert "has changed since it was collected" in result.error.message
