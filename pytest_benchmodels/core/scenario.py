"""What an author writes, after the door: parsed, rendered, complete; and how an answer is judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, Self

import msgspec
from msgspec.structs import replace

from pytest_benchmodels.core.message import Message, Response, without_data
from pytest_benchmodels.core.oracle import Oracle
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.core.tool import Tool
from pytest_benchmodels.core.workspace import WorkspaceSpec

__all__ = [
    "MAX_STEPS",
    "MAX_STEPS_AT_WORK",
    "Check",
    "Combination",
    "Extraction",
    "Grade",
    "Grader",
    "Scenario",
    "Turn",
    "Vote",
    "param_remedy",
]

MAX_STEPS = 10
"""How many answers a turn has at most where the author says nothing."""
MAX_STEPS_AT_WORK = 50
"""The same of a scenario with a workspace: to look around, to change files and to test them takes more steps."""

_SHOWN = 80


class Vote(msgspec.Struct, frozen=True):
    """One of the verdicts that a grade was made of: what one judge said in one call.

    `number` counts the votes of one judge in one order, from 1 on. `order` says where the answer stood when it was
    judged beside another one; empty where it stood alone. `score` and `confidence` are from 0 to 1; None where the
    judge did not say how sure it is. `verdict` is what it said, in a word or a number, whatever `not` makes of it.
    `own`: the judge is the model whose answer it judged, by whatever name.
    """

    judge: str
    score: float
    passed: bool
    number: int = 1
    order: Literal["", "first", "second"] = ""
    confidence: float | None = None
    verdict: str = ""
    own: bool = False


@dataclass(frozen=True, slots=True)
class Grade:
    """A grader's verdict. `score` is from 0 to 1; `explanation` is for a reader and says expected and actual.

    `undecided`: what the check looks for is there, but not as it asks (`17 or 18` where 18 is asked for). Such an
    answer satisfies neither the check nor its `not`. `votes` are the single verdicts, where models judged. `measures`
    are further figures, for reports.
    """

    score: float
    passed: bool
    explanation: str = ""
    undecided: bool = False
    votes: tuple[Vote, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, passed: bool, explanation: str = "") -> Self:  # noqa: FBT001 - the verdict is the one thing it takes
        """A verdict that is either right or wrong, with a score of 1 or 0."""
        return cls(1.0 if passed else 0.0, passed, explanation)


class Grader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code behind a check: a subclass declares the check's options as fields and judges in `grade`.

    The first field gives the check its name and holds its value: `class Contains(Grader): contains: str` is what
    `- contains: Paris` in a file becomes. Field types, `msgspec.Meta` bounds and defaults are what the loader checks
    and what the JSON Schema shows.

    `grade` may take a `context` instead of the `response`: a `GradingContext`, which has the response, the transcript,
    and the scenario. It may be `async`.

    `bounded` promises that `grade` takes time linear in the answer's length and never blocks: such a grader runs on
    the event loop, any other in a thread that the run's time limit can abandon. `runs_code` says that it runs code of
    the answer: its runs are skipped unless the session allows that. `needs_workspace`: it judges by what is in the
    run's workspace, or by commands that run there; a scenario without one cannot have it. `file_options` are options
    whose value names a text file beside the scenario: the loader puts the file's text in its place.
    """

    bounded: ClassVar[bool] = False
    runs_code: ClassVar[bool] = False
    needs_workspace: ClassVar[bool] = False
    file_options: ClassVar[tuple[str, ...]] = ()

    @property
    def looks_into_workspace(self) -> bool:
        """Whether this one needs the run's workspace: as the others of its kind, or because an option says so."""
        return self.needs_workspace

    @classmethod
    def kind(cls) -> str:
        """The check's name in a file."""
        return cls.__struct_fields__[0]

    def grade(self, *subject: Any, **_: Any) -> Any:  # noqa: ARG002 - so that type checkers take each of the forms above
        """Judge one answer: a Grade, or one to be awaited. Whatever it raises is the run's error, never a score."""
        raise TypeError(f"{type(self).__name__} has no grade() method: a Grader has to judge")

    def asked_models(self) -> Iterable[str]:
        """The models that `grade` asks by `await context.ask(...)`, as the user names them, besides the judged one.

        The session prepares them before its first call: their keys, prices and limits are known by then.
        """
        return ()

    def asked_calls(self) -> Mapping[str, int]:
        """How often `grade` asks each of `asked_models`, for `--bench-plan`; without those where only it knows."""
        return {}

    def asked_tokens(self, scenario: Scenario) -> tuple[float, int] | None:  # noqa: ARG002 - a check's own knows more
        """What one of `asked_calls` sends, for `--bench-plan`: a rough count of tokens, and how many answers besides.

        None where only `grade` knows. A reply is taken to have some reasons and a verdict.
        """
        return None

    @property
    def needs_target(self) -> bool:
        """Whether it judges by the scenario's `target`, so that one without is refused before any model is asked."""
        return False

    def named_tools(self) -> Iterable[str]:
        """The tools that it is about, by name. One that its scenario does not have is an error of the file."""
        return ()

    def value_fault(self) -> str | None:
        """Why it can judge no answer at all, with a remedy; None where it can. That is an error of its file.

        It may take some milliseconds: it is asked of the first 200 such checks of a file, not of those that a dataset's
        records fill in.
        """
        return None

    def compared_models(self) -> Mapping[str, str]:
        """The models whose stored answers it looks at (`context.answer_of`), by the options that name them.

        None of these is asked. One that nobody knows, or that answers the scenario itself, is an error of the file.
        """
        return {}

    def example(self) -> str | None:
        """An answer that this check accepts, if it can name one: with it `sim/*` answers rightly."""
        return None


_ASKS_NONE = Grader.asked_models


class Combination(Grader, frozen=True):
    """A check that is made of others: those of its first field. Whoever judges has each of them judge, then combines.

    It has no `grade`: what is inside may be async, or take its time, and is called as it would be on its own.
    """

    bounded: ClassVar[bool] = True

    @property
    def checks(self) -> tuple[Check, ...]:
        """Those that it is made of."""
        inside: tuple[Check, ...] = getattr(self, self.kind())
        return inside

    def combine(self, grades: Sequence[Grade]) -> Grade:
        """The verdict of all, by those of `checks` in their order, each after its `not`."""
        raise NotImplementedError


class Extraction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step of a check's `extract`: it finds the part of an answer that is to be judged.

    `optional`: where it finds nothing it is left out. `bounded` is what it is for a Grader.
    """

    @property
    def optional(self) -> bool:
        """Whether an answer without such a part is judged as it is."""
        raise NotImplementedError

    @property
    def bounded(self) -> bool:
        """Whether `find` takes time linear in the text's length."""
        return False

    def find(self, text: str) -> str | None:
        """The part; None where there is none. Raises `CheckError` where that cannot be told."""
        raise NotImplementedError

    def told(self) -> str:
        """What is looked for, for a reader: `after 'Answer:'`."""
        raise NotImplementedError

    def around(self, part: str) -> str | None:
        """An answer in which `find` finds this part, if one can be told: with it `sim/*` answers rightly."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a scenario asks of an answer.

    `kind` is the check's name in the file (`equals`), `label` what reports call it (the author's `name`, else the
    kind), `summary` the check in a reader's words (`contains 'Paris'`). The steps of `extract` are taken one after
    another; what the last of them finds is judged.
    """

    kind: str
    label: str
    summary: str
    grader: Grader
    weight: float = 1.0
    negate: bool = False
    extract: tuple[Extraction, ...] = ()

    @property
    def bounded(self) -> bool:
        """Whether neither what it judges by nor what it extracts may block."""
        return self.grader.bounded and all(step.bounded for step in self.extract)

    def extracted(self, text: str) -> str | Grade:
        """The part of an answer that is to be judged; the verdict where it is not there, be it asked for or not."""
        for step in self.extract:
            found = step.find(text)
            if found is None and not step.optional:
                said = f"nothing to judge: found no {step.told()} in {quote(text.strip()[: _SHOWN + 1], _SHOWN)}"
                return Grade(0.0, passed=False, explanation=said, undecided=True)
            text = text if found is None else found
        return text

    def settled(self, grade: Grade) -> Grade:
        """A verdict of its grader, after `not`."""
        if not self.negate:
            return grade
        score, passed = (0.0, False) if grade.undecided else (1 - grade.score, not grade.passed)
        votes = tuple([replace(vote, score=1 - vote.score, passed=not vote.passed) for vote in grade.votes])
        return Grade(score, passed, grade.explanation, grade.undecided, votes)


def _with_nested(checks: Iterable[Check]) -> Iterator[Check]:
    """The checks, each followed by those inside of it."""
    for check in checks:
        yield check
        if isinstance(check.grader, Combination):
            yield from _with_nested(check.grader.checks)


class Judged(Protocol):
    """A check's verdict, after `not`."""

    @property
    def name(self) -> str:
        """What reports call the check."""

    @property
    def score(self) -> float:
        """From 0 to 1."""

    @property
    def passed(self) -> bool:
        """Whether it was satisfied."""

    @property
    def weight(self) -> float:
        """Its part in a mean."""

    @property
    def votes(self) -> tuple[Vote, ...]:
        """The single verdicts of models."""


class Scoring(Protocol):
    """Another way to make one score of a run's verdicts than their weighted mean; its `repr` tells all that it does.

    The verdicts then only inform: the one that it gives decides, under its `name`. `summary` is that of the check that
    it stands for, may be empty.
    """

    name: ClassVar[str]

    @property
    def summary(self) -> str:
        """What it scores, for a reader."""

    def grade(self, model: str, judged: Sequence[Judged]) -> Grade:
        """The verdict on the run of this model as a whole."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The messages that the user's side adds for one turn, and what the answer has to satisfy."""

    messages: tuple[Message, ...]
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One authored entry; a record of a dataset makes one each.

    A scenario with `prompt` or `messages` has one turn. `checks` judge the last answer. `models` is empty where the
    file names none. `threshold`, `timeout_s` and `repeat` are None where the author set none. `skip` and `xfail` hold
    the reason. `source` is `path:line` for a reader. `vars` are the names that its texts were rendered with, a
    record's columns among them. The model may call `tools`, as `tool_choice` has it (`auto`, `none`, `required` or a
    tool's name), and is asked again with their results: a turn has at most `max_steps` answers.
    `thinking` is kept in the text that checks see, or stripped from it. `workspace` is the folder that each run gets a
    copy of, None for a scenario without one. `oracle` answers what the model asks its user by the tool `ask_user`.
    `scoring` makes one score of all verdicts in place of their mean. `fault` is why it cannot be judged whatever the
    answer is: no model is asked then, and each of its runs is an error that says so.
    """

    id: str
    source: str
    turns: tuple[Turn, ...]
    checks: tuple[Check, ...] = ()
    system: str | None = None
    models: tuple[str, ...] = ()
    params: Mapping[str, object] = field(default_factory=dict)
    target: str | None = None
    threshold: float | None = None
    timeout_s: float | None = None
    repeat: int | None = None
    tags: tuple[str, ...] = ()
    skip: str | None = None
    xfail: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    max_steps: int = MAX_STEPS
    thinking: Literal["strip", "keep"] = "strip"
    scoring: Scoring | None = None
    fault: str = ""
    workspace: WorkspaceSpec | None = None
    oracle: Oracle | None = None

    def judged(self, answer: Response) -> Response:
        """The answer as checks see it: where thinking is kept, its text begins with that, between `<think>` tags."""
        if self.thinking == "strip" or not answer.thinking:
            return answer
        return replace(answer, text=f"<think>\n{answer.thinking}\n</think>\n\n{answer.text}")

    def wants_more(self, answer: Response, steps: int) -> bool:
        """Whether a turn goes on after its answer number `steps`: the model called tools, and may be asked again."""
        return bool(self.tools and answer.tool_calls and not answer.own_calls) and steps < self.max_steps

    def by_turn(self, answers: Sequence[Response]) -> list[Sequence[Response]] | None:
        """The answers of each turn; None unless every turn has its answers, and no answer is left over."""
        if not self.tools:
            return [(answer,) for answer in answers] if len(answers) == len(self.turns) else None
        turns = self._steps(answers)
        is_over = not turns or not self.wants_more(turns[-1][-1], len(turns[-1]))
        return turns if is_over and len(turns) == len(self.turns) else None

    def _steps(self, answers: Sequence[Response]) -> list[Sequence[Response]]:
        """The answers of each turn, as far as they go."""
        turns: list[list[Response]] = []
        goes_on = False
        for answer in answers:
            if not goes_on:
                turns.append([])
            turns[-1].append(answer)
            goes_on = self.wants_more(answer, len(turns[-1]))
        return list(turns)

    @property
    def all_checks(self) -> tuple[Check, ...]:
        """Those of each turn, and those that judge the last answer; each followed by those that it is made of."""
        outer = (*[check for turn in self.turns for check in turn.checks], *self.checks)
        # Asked for each run, and hardly any check is made of others.
        return tuple(_with_nested(outer)) if any(isinstance(check.grader, Combination) for check in outer) else outer

    @property
    def runs_code(self) -> bool:
        """Whether one of its checks runs code of answers."""
        return any(check.grader.runs_code for check in self.all_checks)

    @property
    def judges_workspace(self) -> bool:
        """Whether one of its checks judges by what is in the run's workspace."""
        return any(check.grader.looks_into_workspace for check in self.all_checks)

    @property
    def asked_models(self) -> tuple[str, ...]:
        """The models that its checks ask."""
        asking = [check.grader for check in self.all_checks if type(check.grader).asked_models is not _ASKS_NONE]
        return tuple(dict.fromkeys(name for grader in asking for name in grader.asked_models()))

    @property
    def user_model(self) -> str:
        """The model that plays the user; empty without one. Command-line agents have no way to ask it."""
        return "" if self.oracle is None else self.oracle.model

    @property
    def asked_calls(self) -> Mapping[str, int | None]:
        """How often each of `asked_models` is asked; None where only its checks know."""
        calls: dict[str, int | None] = {}
        for check in self.all_checks:
            told = check.grader.asked_calls()
            for name in check.grader.asked_models():
                before, more = calls.get(name, 0), told.get(name)
                calls[name] = None if before is None or more is None else before + more
        return calls

    @property
    def asked(self) -> tuple[tuple[Message, ...], ...]:
        """The messages that each turn adds, the system's in front of the first."""
        added = tuple([turn.messages for turn in self.turns])
        return added if self.system is None else ((Message("system", self.system), *added[0]), *added[1:])

    def asked_for(self, answers: Sequence[Response]) -> tuple[tuple[Message, ...], ...]:
        """The messages that were added for each of these answers; the results of tools stand with their calls.

        Behind them stand those of what was not answered, and was not asked for unless it is the first of them.
        """
        shown = tuple(map(without_data, self.asked))
        if not self.tools:
            return shown
        turns = self._steps(answers)
        goes_on = bool(turns) and self.wants_more(turns[-1][-1], len(turns[-1]))
        said = [said for asked, steps in zip(shown, turns, strict=False) for said in (asked, *[()] * (len(steps) - 1))]
        return (*said, *[()] * goes_on, *shown[len(turns) :])


def param_remedy(name: str, value: object) -> str | None:
    """What to write in place of a value that is no `reasoning_effort` or `thinking_budget`; None for a sound one."""
    if name == "reasoning_effort" and not isinstance(value, str | None):
        return "write one word, such as low, medium or high"
    if name == "thinking_budget" and not (value is None or type(value) is int):
        return "write a whole number of tokens"
    return None
