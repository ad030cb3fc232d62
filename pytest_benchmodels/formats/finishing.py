"""A draft and the values of its templates -> a Scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UnsetType

from ..core.exchange import Message
from ..core.scenario import Scenario, Turn
from ..core.text import clip, harmless
from .authored import or_else
from .checks import CheckReader
from .document import Document, Problems, Steps
from .draft import Draft, DraftTurn
from .template import Budget, TemplateError, as_text, render, render_text

__all__ = ["Finisher"]

_REASON_LIMIT = 500

Names = Mapping[str, object] | None


class Finisher:
    """Makes the scenarios of one file; what keeps a draft from being one is noted in `problems`.

    `names` are the values of its templates, None where no templates are rendered.
    """

    def __init__(self, document: Document, problems: Problems, checks: CheckReader, budget: Budget) -> None:
        self._document = document
        self._problems = problems
        self._checks = checks
        self._budget = budget

    def scenario(self, draft: Draft, name: str, names: Names) -> Scenario:
        written = draft.written
        target = or_else(written.target, None)
        return Scenario(
            id=name,
            source=self._document.source(draft.steps),
            turns=tuple(self._turn(turn, names) for turn in draft.turns),
            checks=self._checks.read(draft.checks, names),
            system=self.text(or_else(written.system, ""), names, draft.at("system")) or None,
            models=tuple(dict.fromkeys(or_else(written.models, []))),
            params=or_else(written.params, {}),
            target=None if target is None else self.text(as_text(target), names, draft.at("target")),
            threshold=or_else(written.threshold, None),
            timeout_s=or_else(written.timeout, None),
            repeat=or_else(written.repeat, None),
            tags=tuple(dict.fromkeys(or_else(written.tags, []))),
            skip=_reason(written.skip),
            xfail=_reason(written.xfail),
            metadata=self._metadata(draft, names),
            vars=names or {},
        )

    def prepare(self, draft: Draft) -> None:
        """Look at what does not depend on the records of the draft's dataset."""
        for checks in (draft.checks, *(turn.checks for turn in draft.turns)):
            self._checks.prepare(checks)

    def text(self, text: str, names: Names, steps: Steps) -> str:
        """Render one text; where that fails, note it and return nothing."""
        if names is None:
            return text
        try:
            return render_text(text, names, self._budget)
        except TemplateError as error:
            self._note(steps, error)
            return ""

    def _turn(self, turn: DraftTurn, names: Names) -> Turn:
        messages = [Message(message.role, self.text(message.text, names, message.steps)) for message in turn.messages]
        return Turn(tuple(messages), self._checks.read(turn.checks, names))

    def _metadata(self, draft: Draft, names: Names) -> Mapping[str, Any]:
        metadata = or_else(draft.written.metadata, {})
        if names is None:
            return metadata
        try:
            return {key: render(value, names, self._budget) for key, value in metadata.items()}
        except TemplateError as error:
            self._note(draft.at("metadata"), error)
            return {}

    def _note(self, steps: Steps, error: TemplateError) -> None:
        key = next((step for step in reversed(steps) if isinstance(step, str)), "")
        self._problems.add(steps, f"{key}: {error}")


def _reason(value: bool | str | UnsetType) -> str | None:  # noqa: FBT001 - what the author wrote
    """Of `skip` and `xfail`: the reason, on one line, also where the author gave none."""
    if isinstance(value, UnsetType) or value is False:
        return None
    words = " ".join(clip(value, _REASON_LIMIT).split()) if isinstance(value, str) else ""
    return harmless(words) or "no reason given"
