"""A check that runs the answer's code against tests; what runs it is the session's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from pytest_benchmodels.core.call import GradingContext
from pytest_benchmodels.core.program import Program
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.graders.normalization import right, wrong

__all__ = ["CHECKS", "CodePasses", "python_code"]

_MOST_CHARS = 200_000
"""Of an answer or of tests: nobody writes more by hand, and a compiler takes its time for it."""

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})[ \t]*([^\s`{]*)[^`]*\Z")
_PYTHON = ("python", "py", "python3", "py3")


class CodePasses(Grader, frozen=True):
    """The answer's code passes tests, in a process of its own. Runs only with `--bench-allow-code`.

    The code is what stands in the answer's Python code blocks, one after the other, else in those that name no
    language; without blocks it is the whole answer. `tests` are Python: statements that raise nothing, usually
    `assert`, and functions whose names begin with `test_`, which are called. They see the names of the code. With
    `entry_point` they see this one, and a function `check` of theirs is called with it, as in HumanEval. `before` is
    what the code goes on from, such as the signature that the prompt gave.

    Everything together may take `timeout` seconds, the code `memory` MB, and `processes` processes and threads.
    """

    code_passes: Literal["python"]
    tests: Annotated[str, Meta(min_length=1, max_length=_MOST_CHARS)]
    entry_point: str = ""
    before: Annotated[str, Meta(max_length=_MOST_CHARS)] = ""
    timeout: Annotated[float, Meta(gt=0, le=600)] = 10.0
    memory: Annotated[int, Meta(ge=64, le=16_384)] = 512
    processes: Annotated[int, Meta(ge=1, le=64)] = 1

    runs_code: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _refuse_what_tests_nothing(self.tests, self.entry_point)
        if self.entry_point and not self.entry_point.isidentifier():
            raise ValueError(f"entry_point {quote(self.entry_point)} is no name of a function")
        if self.before.strip() and not self.entry_point:
            raise ValueError("`before` needs `entry_point`: the name of the function that the answer has to complete")

    async def grade(self, context: GradingContext) -> Grade:
        """Find the code and have it run; `CheckError` where this machine cannot confine it."""
        if len(context.text) > _MOST_CHARS:
            return wrong(f"code is run of answers up to {_MOST_CHARS:,} characters, this one has {len(context.text):,}")
        code = python_code(context.text)
        if not any(part.strip() for part in code):
            return wrong("expected Python code, got none")
        result = await context.run(
            Program(code, self.tests, self.before, self.entry_point, self.timeout, self.memory, self.processes)
        )
        if result.outcome == "passed":
            return right(f"the code passes: {result.told}")
        return wrong(f"the code fails: {result.told}")


def python_code(answer: str) -> tuple[str, ...]:
    """The Python code of an answer, block by block; the whole answer where it has no code blocks."""
    blocks = list(_blocks(answer.replace("\r\n", "\n")))
    named = tuple(code for language, code in blocks if language.lower() in _PYTHON)
    if named or blocks:
        return named or tuple(code for language, code in blocks if not language)
    return (answer,)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """The language and the text of each Markdown code block; one that is never closed goes on to the end."""
    lines = iter(text.split("\n"))
    for line in lines:
        opening = _FENCE.match(line)
        if opening is None:
            continue
        indent, fence, language = opening.groups()
        inside: list[str] = []
        for each in lines:
            bare = each.strip()
            if bare.startswith(fence) and not bare.strip(fence[0]):
                break
            inside.append(each.removeprefix(indent))
        yield language, "\n".join((*inside, ""))


def _refuse_what_tests_nothing(tests: str, entry_point: str) -> None:
    """Raise `ValueError` for what is no Python, or runs no test."""
    try:
        tree = ast.parse(tests)
    except SyntaxError as error:
        raise ValueError(f"tests are no Python: line {error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"tests are no Python that can be read: {type(error).__name__}: {error}") from None
    functions = [each for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    named = {each.name for each in functions}
    for each in functions:
        if each.name.startswith("test_") and _needs_arguments(each.args):
            raise ValueError(
                f"line {each.lineno} of tests: {each.name} takes arguments, and there are no fixtures here"
            )
    for made in tree.body:
        if isinstance(made, ast.ClassDef) and made.name.startswith("Test"):
            raise ValueError(
                f"line {made.lineno} of tests: the class {made.name} would not run: write functions instead"
            )
    if "check" in named and entry_point:
        return
    is_declared = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    runs = any(not isinstance(each, is_declared) for each in tree.body if not _is_text(each))
    if "check" in named and not (runs and _calls(tree, "check")):
        raise ValueError("tests define `check`, and nobody calls it: name the function to check by `entry_point`")
    if not runs and not any(name.startswith("test_") for name in named):
        raise ValueError("tests run nothing: write `assert` statements, or functions whose names begin with `test_`")


def _needs_arguments(arguments: ast.arguments) -> bool:
    return len(arguments.posonlyargs) + len(arguments.args) > len(arguments.defaults) or None in arguments.kw_defaults


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _calls(tree: ast.Module, name: str) -> bool:
    called = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(isinstance(function, ast.Name) and function.id == name for function in called)


CHECKS: tuple[type[Grader], ...] = (CodePasses,)
"""The checks of this family, in the order in which they are told."""
