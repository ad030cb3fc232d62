"""The process in which the tests of an answer's code run.

None of the code runs here, and only plain values come back from it: an object that claims to equal everything equals
nothing, and whatever the code changes, it changes in its own process.
"""

from __future__ import annotations

import builtins
import reprlib
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from pytest_benchmodels.workspaces.code_messages import MOST_WORDS, TESTS, Link, Values, places

# The module typing takes longer to import than most programs take to run.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["TestsSide", "verdict"]


class _Remote:
    """An object that the code keeps: what is done to it is done there. Only plain values come back."""

    def __init__(self, side: TestsSide, number: int, value: Any) -> None:
        self.__dict__.update(_side=side, _number=number, _value=value, _called="")

    def __getattr__(self, name: str) -> Any:
        if name in ("_side", "_number", "_value", "_called"):
            raise AttributeError(name)
        return self._side.ask("getattr", self, name)

    def __setattr__(self, name: str, value: object) -> None:
        self._side.ask("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        self._side.ask("delattr", self, name)

    def __call__(self, *arguments: object, **names: object) -> Any:
        return self._side.call(self, arguments, names)

    def __eq__(self, other: object) -> bool:
        """Whether the code says so of two objects of its own. Against a value of the tests' only a value can stand."""
        if isinstance(other, _Remote):
            return self._number == other._number or self._side.ask("eq", self, other) is True
        return type(self._value) is not _Nothing and bool(self._value == other)

    def __hash__(self) -> int:
        return hash(self._number if type(self._value) is _Nothing else self._value)

    def __await__(self) -> Any:
        yield from ()  # it waits for nothing here: the code's process has its own event loop
        return self._side.ask("await", self)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, _Remote) and self._side.ask("isinstance", instance, self) is True

    def __enter__(self) -> Any:
        return self.__getattr__("__enter__")()

    def __exit__(self, *raised: object) -> Any:
        return self.__getattr__("__exit__")(None, None, None)


class _Nothing:
    """In place of the plain value that an object is not."""


def _forwarded(what: str, *, reflected: bool = False) -> Callable[..., Any]:
    def method(self: _Remote, *others: object) -> Any:
        return self._side.ask(what, *others, self) if reflected else self._side.ask(what, self, *others)

    return method


for _name in ("iter", "next", "len", "bool", "str", "repr", "int", "float", "lt", "le", "gt", "ge", "contains", "dir"):
    setattr(_Remote, f"__{_name}__", _forwarded(_name))
for _name in ("getitem", "setitem", "delitem", "neg", "pos", "abs", "index", "invert"):
    setattr(_Remote, f"__{_name}__", _forwarded(_name))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor", "lshift"):
    setattr(_Remote, f"__{_name.strip('_')}__", _forwarded(_name))
    setattr(_Remote, f"__r{_name.strip('_')}__", _forwarded(_name, reflected=True))


class CodeEndedError(Exception):
    """The code's process ended, or does not keep to the form of its messages."""


class TestsSide(Values):
    """Runs the tests, and asks the other process for all that is the code's."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link
        self._errors: dict[int, type[BaseException]] = {}
        self.last_call = ""
        self.place = 0

    def ask(self, what: str, *arguments: object) -> Any:
        return self._asked(what, list(arguments), {})[0]

    def call(self, function: _Remote, arguments: tuple[Any, ...], names: dict[str, Any]) -> Any:
        """Call a function of the code's. What it did to lists and the like that it was given is done here too."""
        given = [*map(_short, arguments), *(f"{name}={_short(value)}" for name, value in names.items())]
        self.last_call = f"{vars(function)['_called'] or 'a call'}({', '.join(given)})"
        value, now = self._asked("call", [function, *arguments], names)
        self.last_call = f"{self.last_call} gave {_short(value)}"
        if isinstance(now, list) and len(now) == 2:
            for argument, changed in zip(arguments, self.read(now[0]), strict=False):
                _restore(argument, changed)
            changed_names = self.read(now[1])
            for name, argument in names.items():
                _restore(argument, changed_names.get(name))
        return value

    def load(self, job: dict[str, Any]) -> None:
        """Hand the code over and wait until it is loaded."""
        self._reply({key: job[key] for key in ("before", "code", "timeout_s", "memory_mb", "processes")})

    def names(self, wanted: Sequence[str]) -> dict[str, Any]:
        """What these names are in the code, as far as they are there."""
        found: dict[str, Any] = {}
        for name, written in self._reply(["names", list(wanted), {"dict": []}])[0].items():
            if isinstance(written, dict) and "module" in written:
                # Only a module that goes by its own name: what the code calls `math` may be anything.
                if written["module"] == name and name in sys.stdlib_module_names:
                    found[name] = __import__(name)
            else:
                found[name] = value = self.read(written)
                if isinstance(value, _Remote):
                    vars(value)["_called"] = name
        return found

    def foreign(self, kind: str, content: Any, written: dict[str, Any]) -> Any:
        if kind != "own" or type(content) is not int:
            raise CodeEndedError
        if "error" in written:
            return self._error(content, *written["error"])
        return _Remote(self, content, self.read(written["value"]) if "value" in written else _Nothing())

    def number(self, value: Any) -> Any:
        if isinstance(value, _Remote):
            return {"yours": vars(value)["_number"]}
        if isinstance(value, type) and issubclass(value, BaseException) and "_number" in vars(value):
            return {"yours": vars(value)["_number"]}
        self.kept[id(value)] = value
        return {"callback": id(value)}

    def _asked(self, what: str, arguments: list[Any], names: dict[str, Any]) -> tuple[Any, Any]:
        given, now = self._reply([what, self.written(arguments), self.written(names)])
        return self.read(given), now

    def _reply(self, message: object) -> Any:
        try:
            self._link.send(message)
            while (reply := self._link.receive())[0] == "wants":
                self._call_back(*reply[1:])
        except (EOFError, OSError, ValueError):
            raise CodeEndedError from None
        if reply[0] == "raised":
            self._raise(*reply[1:])
        return reply[1:]

    def _call_back(self, number: int, arguments: Any, names: Any) -> None:
        try:
            value: Any = self.kept[number]
            self._link.send(["gave", self.written(value(*self.read(arguments), **self.read(names)))])
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - of the tests' own function: the code hears of it
            self._link.send(["failed", f"{type(error).__name__}: {error}"])

    def _raise(self, kinds: Sequence[str], arguments: Any, words: str, line: int, kept: Any) -> None:
        self.place = line
        kind = _builtin_error(kinds)
        if kinds[0] != kind.__name__ and kept is None:  # what would end a process, such as SystemExit
            raise RuntimeError(f"the code raised {kinds[0]}")
        if kept is not None:
            kind = self._error(kept["own"], kinds, kept["error"][1])
        try:
            error = kind(*self.read(arguments))
        except Exception:  # noqa: BLE001 - a class that takes other arguments
            error = kind.__new__(kind, words)
        raise error

    def _error(self, number: int, kinds: Sequence[str], name: str) -> type[BaseException]:
        if number not in self._errors:
            self._errors[number] = type(str(name), (_builtin_error(kinds),), {"_number": number})
        return self._errors[number]


def _builtin_error(kinds: Sequence[str]) -> type[BaseException]:
    """The nearest of these that is an ordinary error; what ends a process (`SystemExit`) is an error of the code's."""
    for name in kinds:
        kind = getattr(builtins, str(name), None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            return kind
    return RuntimeError


def _restore(given: Any, changed: Any) -> None:
    """Make a list, dictionary or set what the code made of it; those inside of it too."""
    if type(given) is not type(changed):
        return
    if type(given) is list:
        for old, new in zip(given, changed, strict=False):
            _restore(old, new)
        given[:] = [_kept(old, new) for old, new in zip(given, changed, strict=False)] + changed[len(given) :]
    elif type(given) is dict:
        for key in given.keys() & changed.keys():
            _restore(given[key], changed[key])
        merged = {key: _kept(given.get(key), new) for key, new in changed.items()}
        given.clear()
        given.update(merged)
    elif type(given) is set:
        given.clear()
        given.update(changed)
    elif type(given) is bytearray:
        given[:] = changed


def _kept(old: Any, new: Any) -> Any:
    """The object that was there, where it is the same still: the tests may hold it by another name."""
    return old if type(old) is type(new) and type(old) in (list, dict, set, bytearray) else new


_SHOWN = 100
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = _SHOWN
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = _SHORT.maxset = 12


def _short(value: object) -> str:
    """The beginning of a value; of a long one the rest is never looked at, as that would take time at each call."""
    try:
        text = "an object of its own" if isinstance(value, _Remote) else _SHORT.repr(value)
    except Exception:  # noqa: BLE001 - of a value of the tests' own
        text = "?"
    return text[:_SHOWN]


def _run_tests(side: TestsSide, job: dict[str, Any]) -> None:
    """Return if every test passes; raise otherwise."""
    code = compile(job["tests"], TESTS, "exec")
    namespace: dict[str, Any] = {"__name__": "tests"}
    with suppress(SyntaxError):  # it may be only the beginning of something
        exec(compile(job["before"], "<before>", "exec"), namespace)  # noqa: S102 - the author's, as the tests are
    side.load(job)
    entry = job["entry_point"]
    # A name of the code's never stands for a built-in function or for one of the author's: `abs` is Python's own.
    known = {*dir(builtins), *namespace} - {entry}
    found = side.names([name for name in {*_names(code), entry} if name and name not in known])
    if entry and entry not in found:
        raise NameError(f"the code defines no {entry}")
    namespace.update(found)
    exec(code, namespace)  # noqa: S102 - see above
    check = namespace.get("check")
    if entry and callable(check) and not isinstance(check, _Remote):
        check(namespace[entry])
    for name, test in list(namespace.items()):
        if name.startswith("test_") and isinstance(test, types.FunctionType):
            ended = test()
            if isinstance(ended, types.CoroutineType):
                import asyncio  # noqa: PLC0415 - few tests need it

                asyncio.run(ended)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def verdict(side: TestsSide, job: dict[str, Any]) -> dict[str, Any]:
    try:
        _run_tests(side, job)
    except BaseException as error:  # noqa: BLE001 - whatever is raised, the tests did not pass
        lines = [line for name, line in places(error) if name == TESTS]
        return {
            "passed": False,
            "ended": isinstance(error, CodeEndedError),
            "error": f"{type(error).__name__}: {str(error)[:MOST_WORDS]}".removesuffix(": "),
            "line": lines[-1] if lines else 0,
            "code_line": side.place if not isinstance(error, AssertionError) else 0,
            "last_call": side.last_call[: 3 * MOST_WORDS],
        }
    return {"passed": True}
