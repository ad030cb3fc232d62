"""The check of one value in the answer's JSON."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta

from pytest_benchmodels.core.message import Response
from pytest_benchmodels.core.scenario import Grade, Grader
from pytest_benchmodels.graders.documents import NotJsonError, extract
from pytest_benchmodels.graders.nested_values import WantedValue
from pytest_benchmodels.graders.normalization import right, shown, wrong

if TYPE_CHECKING:
    from pytest_benchmodels.graders.json_paths import PathQuery

__all__ = ["CHECKS", "JsonPath"]


class JsonPath(Grader, frozen=True, dict=True):
    """The answer has one JSON document, and a value at this path (RFC 9535) of it.

    `value`: what that has to be; in its place, at any depth, may stand a check of it, as in the `arguments` of
    `tool_called`. Where the path leads to several, `match` says whether `all` of them have to be right or `any`.
    `count` is how many there have to be, no more and no fewer.
    """

    json_path: Annotated[str, Meta(min_length=1)]
    value: Any = UNSET
    match: Literal["all", "any"] = "all"
    count: Annotated[int, Meta(ge=0)] | None = None

    bounded: ClassVar[bool] = False

    def __post_init__(self) -> None:
        # Made now, so that what is wrong is reported with its line.
        _ = self._query
        _ = self._wanted

    def grade(self, response: Response) -> Grade:
        """Look the path up; `CheckError` where that takes too long."""
        try:
            found = self._query.values(extract(response.text))
        except NotJsonError as reason:
            return wrong(f"expected one JSON document in {shown(response.text)}: {reason}")
        where = shown(self.json_path)
        if len(found) != self.count and (self.count is not None or not found):
            wanted = "a value" if self.count is None else f"{self.count} values"
            return wrong(f"expected {wanted} at {where}, found {len(found) or 'none'} in {shown(response.text)}")
        faults = [] if self.value is UNSET else [self._wanted.fault(value, f"at {where}") for value in found]
        wrongs = [fault for fault in faults if fault is not None]
        if wrongs and (self.match == "all" or len(wrongs) == len(found)):
            several = f" ({len(wrongs)} of {len(found)} values are wrong)" if len(found) > 1 else ""
            return wrong(f"{wrongs[0]}{several}, in {shown(response.text)}")
        told = shown(json.dumps(found[0], ensure_ascii=False)) if len(found) == 1 else f"{len(found)} values"
        return right(f"found {told} at {where}")

    def example(self) -> str | None:
        names = re.fullmatch(r"\$((?:\.\w+)*)", self.json_path)
        if names is None or self.count not in (None, 1):
            return None
        value = "ok" if self.value is UNSET else self._wanted.example()
        for name in reversed(names[1].split(".")[1:]):
            value = {name: value}
        return json.dumps(value)

    @cached_property
    def _query(self) -> PathQuery:
        from pytest_benchmodels.graders.json_paths import PathQuery  # noqa: PLC0415 - 80 ms, see there

        return PathQuery(self.json_path)

    @cached_property
    def _wanted(self) -> WantedValue:
        return WantedValue(None if self.value is UNSET else self.value, "value", CHECKS)


CHECKS: tuple[type[Grader], ...] = (JsonPath,)
"""The checks of this family, in the order in which they are told."""
