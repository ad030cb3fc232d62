"""The check that the answer is well-formed. The parsers are loaded with the first answer of their language."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, ClassVar, Literal

from pytest_benchmodels.core.errors import CheckError
from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.core.text import nearest, quote
from pytest_benchmodels.graders.documents import unfenced
from pytest_benchmodels.graders.normalization import right, shown, wrong

__all__ = ["CHECKS", "Valid"]

_MOST_CHARS = 200_000
_EXAMPLES = {
    "json": "{}",
    "yaml": "a: 1",
    "xml": "<a/>",
    "toml": "a = 1",
    "html": "<p>ok</p>",
    "sql": "SELECT 1",
}


class Valid(Grader, frozen=True):
    """The answer is well-formed YAML, XML, TOML, SQL, HTML or JSON and nothing else, at most in one code block.

    `dialect` is that of SQL (`postgres`, `mysql`, `sqlite`, ...), which needs the extra `sql`. Nothing is opened, run
    or expanded.
    """

    valid: Literal["yaml", "xml", "toml", "sql", "html", "json"]
    dialect: str = ""

    bounded: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.valid != "sql":
            if self.dialect:
                raise ValueError(f"`dialect` is one of SQL, and {self.valid} has none: leave it out")
            return
        if find_spec("sqlglot") is None:
            raise ValueError('`valid: sql` needs the package sqlglot: pip install "pytest-benchmodels[sql]"')
        if self.dialect:
            from sqlglot.dialects.dialect import Dialect  # noqa: PLC0415 - 120 ms that only suites with SQL pay

            known = sorted(name for name in Dialect.classes if name)
            if self.dialect not in known:
                listed = ", ".join(known)
                raise ValueError(f"no dialect {quote(self.dialect)}{nearest(self.dialect, known)}; there are {listed}")

    def grade(self, response: Response) -> Grade:
        """Parse the answer; `CheckError` for more than 200,000 characters."""
        if len(response.text) > _MOST_CHARS:
            raise CheckError(
                f"`valid` reads answers of up to {_MOST_CHARS:,} characters, this one has {len(response.text):,}; "
                "lower max_tokens"
            )
        from pytest_benchmodels.graders.parsers import first_fault  # noqa: PLC0415 - loads what it needs itself

        options: dict[str, Any] = {"dialect": self.dialect} if self.valid == "sql" else {}
        fault = first_fault(self.valid, unfenced(response.text.strip()), **options)
        told = self.valid.upper()
        if fault is not None:
            return wrong(f"expected {told} and nothing else, got {shown(response.text)}: {fault}")
        return right(f"{shown(response.text)} is {told}")

    def example(self) -> str:
        return _EXAMPLES[self.valid]


CHECKS: tuple[type[Grader], ...] = (Valid,)
"""The checks of this family, in the order in which they are told."""
