"""One run, from its first request to its Result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from dataclasses import replace as changed
from functools import partial
from typing import Protocol

from msgspec.structs import replace

from pytest_benchmodels.core.call import Ask, FindAnswer, GradingContext, Transcript, nobody, none_stored
from pytest_benchmodels.core.errors import CallError, CheckError, ConfigError, ProviderError, ToolError, WorkspaceError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.program import Program, ProgramResult, RunProgram, no_programs
from pytest_benchmodels.core.result import (
    Failure,
    Result,
    Status,
    passes,
    total,
)
from pytest_benchmodels.core.run import Run
from pytest_benchmodels.core.text import quote, told
from pytest_benchmodels.core.user_code import in_thread
from pytest_benchmodels.engine.breaker import CircuitBreaker, RefusedError
from pytest_benchmodels.engine.client import Asker, BegunClient, Client, ReplayClient, ScopedClient
from pytest_benchmodels.engine.conclusion import conclude, whole_response
from pytest_benchmodels.engine.grading import Watch, is_bounded, judge, settled, unwatched
from pytest_benchmodels.engine.known import Known, Recall, as_it_was_run, at_the_cost_of, gone_on
from pytest_benchmodels.engine.scope import Alone, Lane, Scope
from pytest_benchmodels.engine.shared_calls import SharedCalls
from pytest_benchmodels.engine.working import JudgedWorkspace, NoWorkspaces, OpenWorkspace, WatchedWorkspace, Workspaces

__all__ = [
    "Executor",
    "KeepBegun",
    "Solver",
]


def _no_model(name: str) -> Model:
    raise ConfigError(f"no model {quote(name)} is known here")


KeepBegun = Callable[[Run, tuple[Response, ...]], None]
"""Keeps the answers so far of a run that goes on. Quick: it is called on the event loop."""


class Solver(Protocol):
    """Works on a run's task; see `solvers`."""

    async def solve(self, run: Run, client: ScopedClient) -> Transcript:
        """Return all calls that were made for it; the last one's failure, if it has one, is the run's."""


@dataclass(frozen=True, slots=True)
class Executor:
    """Executes runs. One instance serves a session; `execute` may be called for many runs at once.

    `watch` is entered around the judging of each answer: user code runs there, and may end the process. `clock` tells
    when a run began, in seconds since the epoch. `models` gives the model of a name that a check asks. `keep_begun`
    gets a run's answers so far whenever its model is asked for more: what was answered and paid survives whatever ends
    the run, and is not asked for again. Without it, nothing begun is kept or taken over. `programs` runs code of
    answers. `workspaces` makes the folders of runs that have one. `shared` has what checks of other runs asked and were
    told; without it each run asks for itself.
    """

    client: Client
    solver: Solver
    breaker: CircuitBreaker
    recalled: Recall
    watch: Watch = unwatched
    clock: Callable[[], float] = time.time
    models: Callable[[str], Model] = _no_model
    keep_begun: KeepBegun | None = None
    programs: RunProgram = no_programs
    workspaces: Workspaces = NoWorkspaces()  # noqa: RUF009 - it holds nothing
    shared: SharedCalls | None = None

    async def execute(self, run: Run, lane: Lane) -> Result:
        """Run to the end within the run's limit. Failures are in the Result; only cancellation is raised.

        What is known already is not run again: a finished result is taken over, a stored answer judged afresh.
        """
        known = self.recalled.of(run)
        scope = self._scope(run, lane, known)
        scope.limit = asyncio.timeout(None)
        if (result := await self._reuse(known, scope)) is None:
            return await self._call(scope, known)
        if result.other_calls:
            self.breaker.count(result)
        return result

    async def recall(self, runs: Sequence[Run]) -> list[Result | None]:
        """The Results of runs that need no model; None for one that has to be executed.

        They are judged here one after another, so a run whose checks may take long is left to `execute`.
        """
        self.recalled.expect(runs)
        # Looked at once for all runs of a scenario; by identity, for to compare scenarios is to compare all they hold.
        scenarios = {id(run.scenario): run.scenario for run in runs}
        bounded = {key: is_bounded(scenario) for key, scenario in scenarios.items()}
        return [await self._recalled(run) if bounded[id(run.scenario)] else None for run in runs]

    async def _recalled(self, run: Run) -> Result | None:
        known = self.recalled.of(run)
        return await self._reuse(known, self._scope(run, Alone(), known))

    async def _reuse(self, known: Known, scope: Scope) -> Result | None:
        """The Result, if it is known or can be made from what is known."""
        if known.result is not None:
            return replace(known.result, origin=replace(known.result.origin, cached=True, reuse=known.reason))
        if known.answers:
            result = await self._execute(scope, ReplayClient(known.answers), known.answers)
            return result if known.before is None else as_it_was_run(result, known.before)
        if known.timeout is not None:
            result = conclude(scope, "timeout", failure=known.timeout)
            return result if known.before is None else at_the_cost_of(result, known.before)
        if known.must_not_run:
            return conclude(scope, "skipped", failure=Failure("not-stored", known.reason))
        if fault := scope.run.scenario.fault:
            return conclude(scope, "error", failure=Failure("check", fault))
        return None

    async def _call(self, scope: Scope, known: Known) -> Result:
        """Have the model answer, unless it is out of order or the money is spent.

        The breaker is asked twice: here, before the run takes its turn in a rate limit, and again when the request is
        about to go (`Scope.begin`), maybe much later.
        """
        try:
            self.breaker.admit(scope.run.model.id)
        except RefusedError as error:
            return conclude(scope, error.status, failure=error.cause)
        client: Client = self.client
        # Half a run in a workspace cannot be taken up: nobody has the workspace as it was then.
        if self.keep_begun is not None and scope.run.workspace is None:
            scope.keep_begun = partial(self.keep_begun, scope.run)
            if known.begun:
                client = BegunClient(known.begun, client)
        result = await self._execute(scope, client)
        if known.before is not None and client is not self.client:
            result = gone_on(result, scope, known.before)
        if result.attempts:
            self.breaker.count(result)
        return result

    async def _execute(self, scope: Scope, client: Client, stored: Sequence[Response] = ()) -> Result:
        """Work on the run, in a workspace where it needs one. `stored` are its answers, if it was answered before."""
        spec = scope.run.workspace
        if spec is None or (stored and not scope.run.scenario.judges_workspace):
            return await self._worked(scope, client)
        try:
            opened = self.workspaces.open(scope.run, spec)
        except WorkspaceError as error:
            return conclude(scope, "error", failure=Failure("workspace", told(error)))
        workspace = WatchedWorkspace(opened)
        passed = False
        try:
            result = await self._worked_in(workspace, scope, client, stored)
            passed = result.status == "passed"
        finally:
            work = await workspace.close(passed=passed)
        return replace(result, work=work)

    async def _worked_in(
        self, workspace: OpenWorkspace, scope: Scope, client: Client, stored: Sequence[Response]
    ) -> Result:
        changes = stored[-1].changes if stored else None
        if stored and (changes is None or not all(change.is_whole for change in changes)):
            why = "its workspace cannot be made again: not all of what it changed was kept"
            return conclude(scope, "skipped", failure=Failure("not-stored", why))
        try:
            await workspace.prepare(changes)
        except WorkspaceError as error:
            return conclude(scope, "error", failure=Failure("workspace", told(error)))
        scope.workspace, scope.renew_workspace, scope.hide_keys = workspace, workspace.renew, workspace.hidden
        return await self._worked(scope, client)

    async def _worked(self, scope: Scope, client: Client) -> Result:
        try:
            async with scope.limit or nullcontext():
                transcript = await self.solver.solve(scope.run, ScopedClient(client, scope))
                if transcript.failure is not None:
                    return conclude(scope, "error", failure=transcript.failure)
                transcript = await self._with_changes(scope, transcript)
                await self._judge(scope, transcript)
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            # Nobody cancelled the run: the user's code raised this, as it may raise anything.
            failure = Failure("provider", "CancelledError: raised by what was to answer")
            return conclude(scope, "error", failure=failure)
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - a provider of the user's may raise anything; the others go on
            if self.shared is not None:
                self.shared.forget(call.fingerprint for call in scope.calls)
            if isinstance(error, CallError):
                scope.set_aside(error.answer)
            status, failure = _ended_by(error, scope)
            return conclude(scope, status, failure=failure)
        passed = passes(scope.verdicts, scope.run.scenario.threshold)
        return conclude(scope, "passed" if passed else "failed", score=total(scope.verdicts))

    async def _with_changes(self, scope: Scope, transcript: Transcript) -> Transcript:
        """What was changed in the run's workspace is kept with its last answer, before a check may change more.

        A stored answer has it already.
        """
        if scope.workspace is None or not scope.responses or scope.responses[-1].changes is not None:
            return transcript
        with scope.suspended():
            scope.keep_changes(await in_thread(scope.workspace.changes, "benchmodels-workspace"))
        calls = list(transcript.calls)
        calls[-1] = replace(calls[-1], response=scope.responses[-1])
        return Transcript(tuple(calls))

    async def _judge(self, scope: Scope, transcript: Transcript) -> None:
        """Judge each turn's answer by the turn's checks, then the last, with the times of all, by the scenario's."""
        scenario, responses = scope.run.scenario, transcript.responses
        asking: Ask = nobody
        embedding: Ask = nobody
        finding: FindAnswer = none_stored
        running = partial(self._run_program, scope)
        if not is_bounded(scenario):
            finding = partial(self._answer_of, scope.run)
            scope.leave_lane()
            asking = Asker(self.client, scope, self.models)
            embedding = Asker(self.client, scope, self.models, "embed")
            scope.stored_call = partial(self.recalled.call, afresh=scope.cached)
            scope.shared = self.shared
            if scenario.asked_models:
                scope.keep_answers()  # its judges may take as long as they like
        in_context = partial(
            GradingContext,
            transcript=transcript,
            scenario=scenario,
            asking=asking,
            embedding=embedding,
            finding=finding,
            running=running,
            workspace=None if scope.workspace is None else JudgedWorkspace(scope.workspace, scope),
            naming=self.models,
        )
        with self.watch(scope.run) as scope.judged_anew:
            # In most scenarios no turn has checks: all are the last answer's.
            has_checks = any(turn.checks for turn in scenario.turns)
            if has_checks and (by_turn := scenario.by_turn(responses)) is not None:
                for number, (turn, steps) in enumerate(zip(scenario.turns, by_turn, strict=True), 1):
                    prefix = f"turn {number}: " if len(by_turn) > 1 else ""
                    context = in_context(scenario.judged(steps[-1]))
                    scope.verdicts += await judge(turn.checks, context, prefix)
            if (whole := whole_response(responses)) is not None:
                context = in_context(scenario.judged(whole))
                scope.verdicts = settled(scope.run, scope.verdicts + await judge(scenario.checks, context))
        if scope.refusal is not None:  # also where the check caught the error
            raise RefusedError("skipped", scope.refusal)

    def _answer_of(self, run: Run, name: str) -> Response | None:
        """What the store has of another model's answers to the same question."""
        try:
            model = self.models(name)
        except ConfigError as error:
            raise CheckError(told(error)) from error
        return self.recalled.answer(changed(run, model=model))

    async def _run_program(self, scope: Scope, program: Program) -> ProgramResult:
        """Run code of the answer: it has limits of its own, and to wait for a processor is no fault of the run's."""
        with scope.suspended():
            return await self.programs(program)

    def _scope(self, run: Run, lane: Lane, known: Known) -> Scope:
        """The run's scope, given what is known of it."""
        is_stored = bool(known.answers) or known.timeout is not None
        return Scope(
            run,
            lane,
            fingerprint=known.fingerprint,
            reuse=known.reason,
            cached=is_stored,
            clock=self.clock,
            breaker=self.breaker,
            no_calls=known.no_calls,
        )


_KINDS = {
    CheckError: "check",
    CallError: "judge",
    ConfigError: "limits",
    ToolError: "tool",
    WorkspaceError: "workspace",
}


def _ended_by(error: BaseException, scope: Scope) -> tuple[Status, Failure]:
    """The status and the cause of a run that has no verdict."""
    if scope.refusal is not None:
        scope.verdicts = ()  # the run is skipped as a whole: other checks' verdicts must not stay
        return "skipped", scope.refusal
    if isinstance(error, TimeoutError) and scope.limit is not None and scope.limit.expired():
        return _out_of_time(scope)
    if isinstance(error, RefusedError):
        return error.status, error.cause
    if isinstance(error, ProviderError):
        return "error", Failure(error.kind, error.message, error.remedy)
    kind = next((kind for known, kind in _KINDS.items() if isinstance(error, known)), None)
    if kind is not None:
        return "error", Failure(kind, told(error))
    return "error", Failure("provider", f"{type(error).__name__}: {told(error)}")


def _out_of_time(scope: Scope) -> tuple[Status, Failure]:
    limit_s = float(scope.run.timeout_s or 0)
    call = scope.unanswered
    if call is not None and call.purpose != "answer":
        # The model itself answered in time: the run is no timeout of it.
        name = call.request.model.id
        if call.purpose == "user":
            why = f"{name}, which plays the user, had answered: {call.doing}"
            return "error", Failure("tool", f"the limit of {limit_s} s was over before {why}")
        cause = f"{name}, which a check asks: {call.doing}"
        return "error", Failure("judge", f"the limit of {limit_s} s was over before there was a verdict of {cause}")
    if call is not None and (refusal := call.refusal) is not None:
        # The server said to come back later until the time was over: that tells nothing of the model.
        return "error", Failure(refusal.kind, f"{refusal.message}; so it was until the limit of {limit_s} s")
    return "timeout", Failure("timeout", f"Timeout (>{limit_s}s): {scope.doing}")
