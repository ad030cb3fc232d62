"""A check that asks a model: what it is asked, and how its verdict is read.

The answer that is judged is hostile: it stands between marks that it cannot know, and the judge is told that nothing
between them is addressed to it. A verdict that is not of the form that was asked for is an error, never a score.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec.structs import replace

from pytest_benchmodels.core.call import GradingContext, Transcript
from pytest_benchmodels.core.errors import CallError, CheckError
from pytest_benchmodels.core.message import Message, Response, prompt_tokens, readable
from pytest_benchmodels.core.scenario import Grade, Grader, Scenario, Vote
from pytest_benchmodels.core.text import clip, quote
from pytest_benchmodels.core.user_code import in_thread
from pytest_benchmodels.graders.globs import Patterns
from pytest_benchmodels.graders.judge_prompt import judge_messages
from pytest_benchmodels.graders.judged_files import JudgedFiles, file_fault, judged_files
from pytest_benchmodels.graders.normalization import shown
from pytest_benchmodels.graders.verdict_reader import document_of, is_number, object_of, response_format
from pytest_benchmodels.graders.workspace_files import undecided, workspace_of

__all__ = ["CHECKS", "Category", "Judge", "judge_by"]

_Scale = dict[int | float | str, str]
_CATEGORY_SCALE = (1.0, 5.0)
_PAIR_SCALE = (0.0, 1.0)
_PAIR_WORDS = ("first", "tie", "second")
_REFERENCE = "reference"
_Order = Literal["", "first", "second"]
_ALONE: tuple[_Order, ...] = ("",)
_ORDERS: tuple[_Order, ...] = ("first", "second")
_MOST_VOTES = 25
_MOST_CHARS = 400_000
"""Of an answer: no judge reads more, and a request of this size is a mistake more often than not."""

_REASONS_SHOWN = 300
_NEAR = 1e-9


class Category(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the things that a judge scores from 1 to 5, or on the check's own scale."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    description: str = ""
    weight: Annotated[float, msgspec.Meta(gt=0)] = 1.0


class Judge(Grader, frozen=True):
    """A model says whether the answer satisfies a question or a rubric.

    Without more, it says yes or no. With `scale`, numbers with what each means, it gives a number from the lowest to
    the highest; with `categories` it gives one to each, from 1 to 5 unless there is a scale. The score is where that
    lies between the lowest and the highest, categories by their weights; passed from `at_least` on, a number of the
    scale, else above the middle.

    It sees the question, the answer, what the run changed in its workspace, and the `reference`: a text, or with
    `true` the scenario's target; with `transcript` the whole conversation. Of the workspace it sees the `file` that is
    named, or the `files` that fit patterns; where there is none, the check fails, and nobody is asked. `model` judges,
    or each of `models`, `repeat` times; of several votes the score is their `mean` (the default) or `median`; with
    `majority` more than half of them have to pass, with `all` each. `params` go with each call, such as `temperature`.

    With `against`, a pair is judged: the answer beside the `reference`, or beside the stored answer of the model that
    is named. Each judge is asked in both orders, and both together are one vote: 1 where it prefers the answer, 0.5
    for a tie or where the order decides, 0 where it prefers the other.
    """

    judge: Annotated[str, msgspec.Meta(min_length=1)]
    scale: _Scale = {}  # noqa: RUF012 - msgspec copies it
    categories: tuple[Category, ...] = ()
    at_least: float | None = None
    reference: str | bool = False
    transcript: bool = False
    file: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    files: Patterns = ()
    against: str = ""
    model: str = ""
    models: tuple[str, ...] = ()
    repeat: Annotated[int, msgspec.Meta(ge=1, le=_MOST_VOTES)] = 1
    combine: Literal["mean", "median", "majority", "all"] = "mean"
    params: dict[str, Any] = {}  # noqa: RUF012 - msgspec copies it

    # What the session says: who judges where the check names nobody, and whether judges' APIs are told the form.
    default_model: ClassVar[str | None] = None
    structured: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.model and self.models:
            raise ValueError("name one judge by `model`, or several by `models`, not both")
        if self.default_model == "" and not self.model and not self.models:
            raise ValueError(
                "nobody is named who judges: write `model: provider/name`, [judge] with model in bench.toml, or give "
                "--bench-judge MODEL; sim/judge needs no key"
            )
        if len(set(self.models)) < len(self.models):
            raise ValueError("a judge stands twice in `models`: write `repeat` for several votes of each")
        if self.against and (self.scale or self.categories):
            raise ValueError("`against` compares two answers: it goes with no `scale` and no `categories`")
        if (fault := file_fault(self.file, self.files, is_pair=bool(self.against))) is not None:
            raise ValueError(fault)
        if self.against == _REFERENCE and not self.reference:
            raise ValueError("against: reference needs one: write `reference: true` for the target, or a text")
        low, high = self._bounds()
        if self.at_least is not None and not (self.scale or self.categories or self.against):
            raise ValueError("at_least goes with a `scale` or with `categories`; a question is answered by yes or no")
        if self.at_least is not None and not low <= self.at_least <= high:
            raise ValueError(f"at_least {self.at_least:g} is not on the scale, which goes from {low:g} to {high:g}")
        names = [category.name for category in self.categories]
        if len(set(names)) < len(names):
            raise ValueError("two categories have one name: give each its own")

    @property
    def needs_target(self) -> bool:
        return self.reference is True

    @property
    def looks_into_workspace(self) -> bool:
        return bool(self.file or self.files)

    def asked_models(self) -> Iterable[str]:
        """Who judges."""
        name = self.model or self.default_model
        return self.models or ((name,) if name else ())

    def asked_calls(self) -> Mapping[str, int]:
        """Each vote is a call, and in a pair two."""
        return dict.fromkeys(self.asked_models(), self.repeat * (len(_ORDERS) if self.against else 1))

    def asked_tokens(self, scenario: Scenario) -> tuple[float, int]:
        """Those of a prompt for an answer of no length; of a pair both may be answers."""
        blank = GradingContext(Response(""), Transcript(), scenario, finding=lambda _: Response(""))
        # Until a dataset's target is there, or in a scenario that is told of as wrong, there may be none.
        judged = self if self.reference is not True or scenario.target is not None else replace(self, reference="")
        sent = prompt_tokens(judged._prompt(blank, "first" if self.against else ""))  # noqa: SLF001 - of its own
        if self.transcript:
            sent += sum(map(prompt_tokens, scenario.asked))
        return sent, 2 if self.compared_models() else 1

    def compared_models(self) -> Mapping[str, str]:
        """Whose stored answer stands beside the one that is judged."""
        return {"against": self.against} if self.against not in ("", _REFERENCE) else {}

    def example(self) -> str | None:
        # Of a pair, what equals the reference is no better than that.
        is_right = isinstance(self.reference, str) and self.against != _REFERENCE
        return str(self.reference) if is_right else None

    async def grade(self, context: GradingContext) -> Grade:
        """Ask each judge for each of its votes, all at once, and bring the verdicts together."""
        orders = _ORDERS if self.against else _ALONE
        wanted = [
            (name, number, order)
            for name in self.asked_models()
            for number in range(1, self.repeat + 1)
            for order in orders
        ]
        if not wanted:
            raise CallError("nobody is named who judges: write `model`, or give --bench-judge MODEL")
        seen = await self._files(context)
        if seen.fault:
            return undecided(seen.fault)
        prompts = {order: self._prompt(context, order, seen.parts) for order in orders}
        form = {"response_format": response_format(self._schema())} if self.structured else {}
        params = {**self.params, **form}
        asked = [context.ask(name, prompts[order], params) for name, _, order in wanted]
        votes: list[_Vote] = []
        for (name, number, order), answer in zip(
            wanted, await asyncio.gather(*asked, return_exceptions=True), strict=True
        ):
            if isinstance(answer, BaseException):
                raise answer
            try:
                vote = self._vote(name, number, order, answer)
            except CallError as error:
                raise CallError(str(error), answer) from error
            votes.append(changed(vote, vote=replace(vote.vote, own=context.is_own(name, answer))))
        grade = self._combined(votes, context)
        return changed(grade, explanation="; ".join((grade.explanation, *seen.notes)))

    async def _files(self, context: GradingContext) -> JudgedFiles:
        if not self.looks_into_workspace:
            return JudgedFiles({})
        workspace = workspace_of(context)
        return await in_thread(lambda: judged_files(workspace, self.file, self.files), "benchmodels-check")

    def _bounds(self) -> tuple[float, float]:
        """The lowest and the highest number that may be given. Raises `ValueError` for a scale that is none."""
        if not self.scale:
            return _PAIR_SCALE if self.against else _CATEGORY_SCALE
        try:
            numbers = sorted(float(number) for number in self.scale)
        except ValueError:
            raise ValueError(f"a scale has numbers, such as {{1: wrong, 5: right}}, got {quote(self.scale)}") from None
        if len(set(numbers)) < 2 or not all(abs(number) < 1e9 for number in numbers):
            raise ValueError("a scale has at least two numbers, such as {1: wrong, 5: right}")
        return numbers[0], numbers[-1]

    def _schema(self) -> dict[str, Any]:
        """The form of the verdict, reasons first: a judge that has given its verdict would find reasons for it."""
        low, high = self._bounds()
        whole = all(float(number).is_integer() for number in (*self.scale, low, high))
        number = {"type": "integer" if whole else "number", "minimum": low, "maximum": high}
        if whole:
            number |= {"minimum": int(low), "maximum": int(high)}
        if self.categories:
            names = [category.name for category in self.categories]
            verdict: dict[str, Any] = {"scores": object_of(dict.fromkeys(names, number))}
        else:
            words = list(_PAIR_WORDS) if self.against else ["yes", "no"]
            verdict = {"score": number} if self.scale else {"verdict": {"type": "string", "enum": words}}
        confidence = {"type": "number", "minimum": 0, "maximum": 1}
        return object_of({"reasons": {"type": "string"}, **verdict, "confidence": confidence})

    def _prompt(
        self, context: GradingContext, order: _Order = "", files: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[Message, ...]:
        """What a judge is told: the rules as the system's message, all else as the user's."""
        parts = {"conversation": _conversation(context)} if self.transcript else {"question": _question(context)}
        parts |= {**self._judged_parts(context, order), **files}
        return judge_messages(self.judge, parts, self._scales(), self._schema(), is_pair=bool(order))

    def _judged_parts(self, context: GradingContext, order: _Order) -> dict[str, str]:
        """The answer with its reference, or in a pair, where nothing says which of the two it is."""
        answer = _bounded(context.response.readable)
        if not order:
            changed = {"changes": _changes(context)} if context.response.changes else {}
            return {"answer": answer} | changed | ({"reference": self._reference(context)} if self.reference else {})
        other = _bounded(self._other(context))
        first, second = (answer, other) if order == "first" else (other, answer)
        pair = {"first": first, "second": second}
        return pair | ({"reference": self._reference(context)} if self.reference and self.against != _REFERENCE else {})

    def _other(self, context: GradingContext) -> str:
        """What the answer is compared with."""
        if self.against == _REFERENCE:
            return self._reference(context)
        return context.answer_of(self.against).readable

    def _reference(self, context: GradingContext) -> str:
        if isinstance(self.reference, str):
            return self.reference
        if context.target is None:
            raise CheckError("reference: true stands for the scenario's target, and it has none: write `target:`")
        return context.target

    def _scales(self) -> list[str]:
        """What each number means, and each category."""
        low, high = self._bounds()
        meanings = [f"- {number}: {meaning}" for number, meaning in self.scale.items()]
        if self.against:
            return ["Say which one serves it better: first, second, or tie where neither does."]
        told = [f"Score it from {low:g} to {high:g}:", *meanings] if self.scale or self.categories else []
        if self.categories:
            told += ["Score each category on its own:"]
            told += [f"- {each.name}: {each.description}".rstrip(": ") for each in self.categories]
        return ["\n".join(told)] if told else []

    def _vote(self, name: str, number: int, order: _Order, answer: Response) -> _Vote:
        """Read a verdict. Raises `CallError` for what is none."""
        if answer.is_refused:
            raise CallError(f"{name} refused to judge: {shown(answer.text)}")
        keys = {"scores", *(each.name for each in self.categories)} if self.categories else {"score", "verdict"}
        document = document_of(name, answer, keys)
        reasons = document.get("reasons")
        confidence = document.get("confidence")
        sure = float(confidence) if is_number(confidence) and 0 <= confidence <= 1 else None
        told, value = self._compared(name, order, document) if order else self._verdict(name, document)
        vote = Vote(name, value, self._passes(value), number, order, sure, told)
        return _Vote(vote, reasons if isinstance(reasons, str) else "")

    @staticmethod
    def _compared(name: str, order: _Order, document: Mapping[str, Any]) -> tuple[str, float]:
        """Which one of a pair is better, and that as a score: 1 where it is the answer."""
        verdict = document.get("verdict")
        said = verdict.strip().lower() if isinstance(verdict, str) else verdict
        if said not in _PAIR_WORDS:
            raise CallError(
                f"{name} said neither first nor second nor tie: its verdict is {shown(json.dumps(verdict))}"
            )
        return str(said), 0.5 if said == "tie" else float(said == order)

    def _verdict(self, name: str, document: Mapping[str, Any]) -> tuple[str, float]:
        """The verdict in a reader's words, and as a score from 0 to 1."""
        if self.categories:
            scores = document.get("scores")
            if not isinstance(scores, dict) or set(scores) != {each.name for each in self.categories}:
                wanted = ", ".join(quote(each.name) for each in self.categories)
                raise CallError(f"{name} did not score the categories {wanted}: it said {shown(json.dumps(scores))}")
            shares = [self._share(name, scores[each.name]) for each in self.categories]
            weights = [each.weight for each in self.categories]
            mean = sum(share * weight for share, weight in zip(shares, weights, strict=True)) / sum(weights)
            return ", ".join(f"{each.name} {scores[each.name]:g}" for each in self.categories), mean
        if self.scale:
            score = document.get("score")
            share = self._share(name, score)
            return f"{score:g}", share
        verdict = document.get("verdict")
        said = verdict.strip().lower() if isinstance(verdict, str) else verdict
        if said not in ("yes", "no"):
            raise CallError(f"{name} said neither yes nor no: its verdict is {shown(json.dumps(verdict))}")
        return str(said), float(said == "yes")

    def _share(self, name: str, score: object) -> float:
        """Where a number of the scale lies, from 0 to 1."""
        low, high = self._bounds()
        if not is_number(score) or not low <= score <= high:
            raise CallError(f"{name} gave a score that is not from {low:g} to {high:g}: {shown(json.dumps(score))}")
        return (float(score) - low) / (high - low)

    def _passes(self, share: float) -> bool:
        low, high = self._bounds()
        if self.at_least is None:
            return share > 0.5 + _NEAR
        return share >= (self.at_least - low) / (high - low) - _NEAR

    def _combined(self, votes: Sequence[_Vote], context: GradingContext) -> Grade:
        pairs = _pairs([vote.vote for vote in votes]) if self.against else []
        values = [
            math.fsum(vote.score for vote in pair) / len(pair) for pair in pairs or [[each.vote] for each in votes]
        ]
        passing = sum(map(self._passes, values))
        if self.combine == "majority":
            score, passed = passing / len(values), passing * 2 > len(values)
        elif self.combine == "all":
            score, passed = min(values), passing == len(values)
        else:
            score = _median(values) if self.combine == "median" else math.fsum(values) / len(values)
            passed = self._passes(score)
        on_scale = " on a scale from {:g} to {:g}".format(*self._bounds()) if self.scale and not self.categories else ""
        told = "; ".join(vote.told(on_scale) for vote in votes)
        if len(values) > 1:
            told = f"{passing} of {len(values)} votes pass ({self.combine} {score:.2f}): {told}"
        if swayed := sum(len({vote.score for vote in pair}) > 1 for pair in pairs):
            told = f"the order decided {swayed} of {len(pairs)} pairs: {told}"
        for name in dict.fromkeys(vote.vote.judge for vote in votes if vote.vote.own):
            judged = context.transcript.calls[-1].model
            known_as = "" if name == judged else f": it is the model of {judged}"
            told = f"{told} [{name} judged its own answer{known_as}]"
        return Grade(score, passed, told, votes=tuple([vote.vote for vote in votes]))


@dataclass(frozen=True, slots=True)
class _Vote:
    """One verdict, with what the judge gave as its reasons."""

    vote: Vote
    reasons: str

    def told(self, on_scale: str) -> str:
        """For a reader."""
        vote = self.vote
        sure = "" if vote.confidence is None else f" (confidence {vote.confidence:g})"
        shown_as = f", the answer {vote.order}" if vote.order else ""
        reasons = f": {shown(clip(self.reasons, _REASONS_SHOWN))}" if self.reasons.strip() else ""
        return f"{vote.judge} said {vote.verdict}{on_scale}{shown_as}{sure}{reasons}"


def _pairs(votes: Sequence[Vote]) -> list[list[Vote]]:
    """The votes in both orders, together."""
    pairs: dict[tuple[str, int], list[Vote]] = {}
    for vote in votes:
        pairs.setdefault((vote.judge, vote.number), []).append(vote)
    return list(pairs.values())


def _bounded(answer: str) -> str:
    if len(answer) > _MOST_CHARS:
        raise CheckError(
            f"the answer has {len(answer):,} characters, and a judge is given at most {_MOST_CHARS:,}; "
            "lower max_tokens or use another check"
        )
    return answer


def _changes(context: GradingContext) -> str:
    """What the run changed in its workspace, as diffs: it is the better part of what an agent did."""
    changes = context.response.changes or ()
    return clip("\n".join(f"{each.kind} {each.path}\n{each.diff}".rstrip() for each in changes), _MOST_CHARS)


def _question(context: GradingContext) -> str:
    """What was asked last before this answer; a picture or a file as what it is."""
    asked = [message for call in context.transcript.calls for message in call.messages if message.role == "user"]
    if not asked:
        asked = [message for turn in context.scenario.turns for message in turn.messages if message.role == "user"]
    own = next((call for call in context.transcript.calls if call.response is context.answered), None)
    if own is not None:
        asked = [message for message in own.messages if message.role == "user"] or asked
    return readable(asked[-1].content) if asked else ""


def _conversation(context: GradingContext) -> str:
    """All that was said up to the answer."""
    own = next((call for call in context.transcript.calls if call.response is context.answered), None)
    messages = context.transcript.messages[:-1] if own is None else own.messages
    return "\n\n".join(f"{message.role}: {readable(message.content)}" for message in messages)


def _median(values: Sequence[float]) -> float:
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def judge_by(model: str, *, structured: bool = True) -> type[Judge]:
    """The check of a session in which `model` judges where a check names nobody; empty for nobody."""

    class ByDefault(Judge, frozen=True):
        default_model: ClassVar[str | None] = model

    ByDefault.structured = structured
    ByDefault.__doc__, ByDefault.__qualname__, ByDefault.__name__ = Judge.__doc__, Judge.__qualname__, Judge.__name__
    return ByDefault


CHECKS: tuple[type[Grader], ...] = (Judge,)
"""The checks of this family, in the order in which they are told."""
