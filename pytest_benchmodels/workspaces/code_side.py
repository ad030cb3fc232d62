"""The process in which an answer's code runs: it loads the code, and does with its objects what the tests ask for."""

from __future__ import annotations

import builtins
import json
import operator
import sys
import types
from collections.abc import Callable

from pytest_benchmodels.workspaces.code_messages import CODE, MOST_WORDS, Link, Values, limit, places

# The module typing takes longer to import than most programs take to run.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["CodeSide"]

_BY_NAME: dict[str, Callable[..., Any]] = {
    **{name: getattr(builtins, name) for name in ("getattr", "setattr", "delattr", "iter", "next", "len", "bool")},
    **{name: getattr(builtins, name) for name in ("str", "repr", "hash", "int", "float", "isinstance", "dir")},
    **{name: getattr(operator, name) for name in ("eq", "lt", "le", "gt", "ge", "contains")},
    **{name: getattr(operator, name) for name in ("getitem", "setitem", "delitem", "neg", "pos", "abs", "index")},
    **{name: getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")},
    **{name: getattr(operator, name) for name in ("and_", "or_", "xor", "lshift", "rshift", "invert")},
}


class CodeSide(Values):
    """Loads the code and does with its objects what the tests ask for."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link
        self._module = types.ModuleType("answer")

    def serve(self) -> None:
        job = self._link.receive()
        _limit_code(job)
        self._answer(lambda: self._load(job["before"], job["code"]))
        while True:
            what, arguments, names = self._link.receive()
            self._answer(lambda: self._do(what, arguments, names))  # noqa: B023 - called at once

    def _answer(self, work: Callable[[], Any]) -> None:
        try:
            reply = ["gave", *work()]
            self._link.send(reply)
        except EOFError:
            raise
        except BaseException as error:  # noqa: BLE001 - the code may raise anything, and the tests are to hear of it
            self._link.send(self._raised(error))

    def _load(self, before: str, code: list[str]) -> tuple[Any, Any]:
        sys.modules["answer"] = self._module
        exec(_compiled(before, code), vars(self._module))  # noqa: S102 - this is what the process is for
        return None, None

    def _do(self, what: str, arguments: Any, names: Any) -> tuple[Any, Any]:
        """The value that came of it, and the lists and the like among the arguments as they are now."""
        given, named = self.read(arguments), self.read(names)
        if what == "names":
            return {name: self.written(vars(self._module)[name]) for name in given if name in vars(self._module)}, None
        if what == "await":
            import asyncio  # noqa: PLC0415 - few tests need it

            return self.written(asyncio.run(_awaited(given[0]))), None
        if what == "call":
            value = given[0](*given[1:], **named)
            return self.written(value), [self.written(given[1:]), self.written(named)]
        return self.written(_BY_NAME[what](*given)), None

    def number(self, value: Any) -> Any:
        """An object of the code's: with what it is by a plain type of which it is a kind, and as a class of errors."""
        told = super().number(value)
        if isinstance(value, type) and issubclass(value, BaseException):
            return {**told, "error": [kinds_of(value), value.__name__]}
        if isinstance(value, types.ModuleType):
            return {"module": value.__name__}
        kinds: tuple[type[Any], ...] = (bool, int, float, str, bytes, tuple, list, dict, set, frozenset)
        for kind in kinds:
            if isinstance(value, kind):
                return {**told, "value": self.written(kind(value))}
        return told

    def foreign(self, kind: str, content: Any, written: dict[str, Any]) -> Any:  # noqa: ARG002 - as the tests' side
        return self.kept[content] if kind == "yours" else self._callback(content)

    def _callback(self, number: int) -> Callable[..., Any]:
        """A function of the tests': the tests run it while they wait for the code."""

        def call(*arguments: Any, **names: Any) -> Any:
            self._link.send(["wants", number, self.written(list(arguments)), self.written(names)])
            while (message := self._link.receive())[0] not in ("gave", "failed"):
                self._answer(lambda: self._do(*message))
            if message[0] == "failed":
                raise RuntimeError(message[1])
            return self.read(message[1])

        return call

    def _raised(self, error: BaseException) -> list[Any]:
        kept = self.number(type(error)) if type(error).__module__ != "builtins" else None
        lines = [line for name, line in places(error) if name == CODE]
        try:
            arguments = self.written(list(error.args))
            json.dumps(arguments)
            words = str(error)[:MOST_WORDS]
        except BaseException:  # noqa: BLE001 - it is the code's own class
            arguments, words = [], ""
        return ["raised", kinds_of(type(error)), arguments, words, lines[-1] if lines else 0, kept]


async def _awaited(value: Any) -> Any:
    return await value


def kinds_of(kind: type) -> list[str]:
    """The names of the built-in classes that it derives from, the nearest first."""
    return [each.__name__ for each in kind.__mro__ if each.__module__ == "builtins"]


def _compiled(before: str, parts: list[str]) -> types.CodeType:
    """The code as it goes on from what the author wrote before it, or, where it does not, by itself.

    What an API cuts off is the white space that a completion begins with: then its first line lacks its indent.
    """
    begun = f"{before}\n" if before and not before.endswith("\n") else before
    code = "\n".join(parts)
    texts = [begun + code, code, f"{begun}    {code.lstrip()}"] if before.strip() else [code]
    for text in texts:
        if (compiled := _tried(text)) is not None:
            return compiled
    good = [part for part in parts if _tried(part) is not None] if len(parts) > 1 else []
    return (_tried(begun + "\n".join(good)) if good else None) or compile(code, CODE, "exec")


def _tried(text: str) -> types.CodeType | None:
    try:
        return compile(text, CODE, "exec")
    except (SyntaxError, ValueError):  # ValueError: it has a null character
        return None


def _limit_code(job: dict[str, Any]) -> None:
    seconds = int(job["timeout_s"]) + 2
    limit("RLIMIT_AS", job["memory_mb"] * 1_000_000)
    limit("RLIMIT_CPU", seconds)
    if job["processes"] == 1:
        limit("RLIMIT_NPROC", 1)
