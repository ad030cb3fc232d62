"""The tool by which a model asks its user, whom written answers or another model stand for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pytest_benchmodels.core.builtin_tools import ASK_USER
from pytest_benchmodels.core.call import Call, Purpose, Request
from pytest_benchmodels.core.errors import ConfigError, ToolError
from pytest_benchmodels.core.message import Message, Response, ToolCall, ToolResult, text_of
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.oracle import USE_YOUR_JUDGMENT, Oracle
from pytest_benchmodels.core.text import clip, quote, told

__all__ = ["Ask", "FindModel", "User"]

Ask = Callable[[Request, Purpose], Awaitable[Call]]
FindModel = Callable[[str], Model]
"""The model of a name that a user types. Raises `ConfigError`."""

_LONGEST = 20_000
_PART = """\
You play the user of an assistant that works on a task for you. It asks you a question: answer as that user would, in \
a sentence or two. Say only what follows from what you know, which stands below. Where that tells nothing of what is \
asked, say that the assistant may decide. Do not work on the task yourself.

What you know:
"""


class User:
    """The user of one run. A model that plays it is told what it was asked before, and what it said."""

    def __init__(self, oracle: Oracle, ask: Ask, find_model: FindModel, trial: int) -> None:
        self._oracle = oracle
        self._ask = ask
        self._find_model = find_model
        self._trial = trial
        self._said: tuple[Message, ...] = ()
        self._calls: list[Call] = []

    async def answer(self, call: ToolCall) -> ToolResult:
        """Answer a question. Raises `ToolError` where the model that plays the user does not."""
        assert not isinstance(call.arguments, str)  # noqa: S101 - they fit the tool's parameters; for the types
        question = call.arguments["question"]
        text = await self._played(question) if self._oracle.model else self._oracle.answer(question)
        return ToolResult(call.id, text)

    def taken_calls(self, asking: Call) -> tuple[Call, ...]:
        """The calls that were made to answer what the model asked in this one; what was said to it is remembered."""
        if asking.response is not None:
            self._remember(asking.response)
        taken, self._calls = tuple(self._calls), []
        return taken

    def _remember(self, answer: Response) -> None:
        for call, result in answer.told_calls:
            if call.name != ASK_USER.name or result is None or result.is_rejected or isinstance(call.arguments, str):
                continue
            said = result.content if isinstance(result.content, str) else text_of(result.content)
            self._said += (Message("user", call.arguments["question"]), Message("assistant", said))

    async def _played(self, question: str) -> str:
        name = self._oracle.model
        try:
            model = self._find_model(name)
        except ConfigError as error:
            raise ToolError(f"{quote(name)}, which plays the user: {told(error)}") from error
        system = Message("system", f"{_PART}{self._oracle.brief}")
        # Some APIs refuse a message without a text.
        messages = (system, *self._said, Message("user", question if question.strip() else "(no question)"))
        call = await self._ask(Request(model, messages, model.params, trial=self._trial), "user")
        self._calls.append(call)
        if call.response is None:
            cause = "" if call.failure is None else f": {call.failure.message}"
            raise ToolError(f"{name}, which plays the user, did not answer{cause}")
        return clip(call.response.text.strip(), _LONGEST) or USE_YOUR_JUDGMENT
