"""An author's entry, checked and merged with the file's defaults, before its templates are rendered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import UnsetType

from pytest_benchmodels.core.message import Content, Message, Part, Role, TextPart
from pytest_benchmodels.core.scenario import MAX_STEPS, MAX_STEPS_AT_WORK, Check, Scenario, Turn
from pytest_benchmodels.core.text import clip, harmless, plain, quote
from pytest_benchmodels.core.tool import Tool
from pytest_benchmodels.core.workspace import WorkspaceSpec
from pytest_benchmodels.formats.authored import (
    Authored,
    ContentPart,
    Dataset,
    Defaults,
    Entry,
    id_fault,
    model_fault,
    or_else,
    param_fault,
    tag_fault,
)
from pytest_benchmodels.formats.builtin_tools import builtin_tools, has_workspace, note_unknown
from pytest_benchmodels.formats.checks import CheckReader, LocatedCheck, WrittenCheck
from pytest_benchmodels.formats.compared_models import ComparedModels
from pytest_benchmodels.formats.dataset import (
    Budget,
    TemplateError,
    as_text,
    render,
    render_text,
)
from pytest_benchmodels.formats.document import Document, LoadOptions, Problems, Steps
from pytest_benchmodels.formats.explain import explain
from pytest_benchmodels.formats.media import Media
from pytest_benchmodels.formats.oracle import OracleReader
from pytest_benchmodels.formats.tool_names import ToolNames
from pytest_benchmodels.formats.tools import ToolReader
from pytest_benchmodels.formats.workspace import digest_of, file_fault, workspace_folder

__all__ = ["MOST_INHERITED", "Draft", "DraftTurn", "Drafter", "Finisher", "fitted"]

MOST_INHERITED = 10_000_000
"""Entries of the defaults' checks, tags, params and vars that the scenarios of one file take over, all together."""

M = TypeVar("M", bound=msgspec.Struct)

_OPENINGS = ("prompt", "messages", "turns")


@dataclass(frozen=True, slots=True)
class DraftMessage:
    role: Role
    content: str | list[ContentPart]
    steps: Steps


@dataclass(frozen=True, slots=True)
class DraftTurn:
    messages: tuple[DraftMessage, ...]
    checks: tuple[WrittenCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """What a scenario will be. `written` has the defaults in it; `at` says where the author wrote a key."""

    id: str
    steps: Steps
    written: Authored
    turns: tuple[DraftTurn, ...]
    checks: tuple[WrittenCheck, ...]
    own_keys: frozenset[str]

    def at(self, key: str) -> Steps:
        return (*self.steps, key) if key in self.own_keys else ("defaults", key)

    @property
    def dataset(self) -> Dataset | None:
        dataset = or_else(self.written.dataset, None)
        return Dataset(file=dataset) if isinstance(dataset, str) else dataset


class Drafter:
    """Makes drafts of the entries of one file; what is wrong with them is noted in `problems`."""

    def __init__(self, problems: Problems, defaults: Mapping[str, object]) -> None:
        self._problems = problems
        steps: Steps = ("defaults",)
        self._defaults = fitted(defaults, Defaults, steps, problems, "the defaults")
        self._default_checks = _located(or_else(self._defaults.checks, []), (*steps, "checks"))
        self._inherited = self._per_entry()
        self._left = MOST_INHERITED
        self._check_names(self._defaults, steps)

    def draft(self, value: object, steps: Steps, stem: str | None) -> Draft | None:
        """Check one entry. `stem` is the id of an entry that has none, None where each needs its own."""
        if not isinstance(value, dict):
            self._problems.add(steps, f"a scenario is a mapping with an id and a prompt, got {quote(value)}")
            return None
        if not self._afford(steps):
            return None
        name = value.get("id", stem)
        what = f"scenario {quote(name)}" if isinstance(name, str) else "this scenario"
        own = fitted(value, Authored, steps, self._problems, what)
        if name is None:
            self._problems.add(steps, f"{what} lacks 'id': give it one that is unique in this file")
        elif isinstance(name, str) and name and (fault := id_fault(name)):
            self._problems.add((*steps, "id"), fault)
        self._check_opening(value, steps, what, _OPENINGS)
        self._check_names(own, steps)
        turns = tuple(self._turns(own, steps))
        checks = (*self._default_checks, *_located(or_else(own.checks, []), (*steps, "checks")))
        self._inherit(own)
        return Draft(or_else(own.id, stem or ""), steps, own, turns, checks, frozenset(value))

    def _check_opening(self, value: Mapping[str, object], steps: Steps, what: str, keys: tuple[str, ...]) -> None:
        given = [key for key in keys if key in value]
        if not given:
            self._problems.add(steps, f"{what} lacks {', '.join(keys[:-1])} or {keys[-1]}: nothing would be sent")
        elif len(given) > 1:
            self._problems.add((*steps, given[1]), f"{what} has {' and '.join(given)}: keep one of them")

    def _check_names(self, fields: Defaults, steps: Steps) -> None:
        self._check_each(or_else(fields.tags, []), tag_fault, (*steps, "tags"))
        self._check_each(or_else(fields.models, []), model_fault, (*steps, "models"))
        for name, value in or_else(fields.params, {}).items():
            fault = param_fault(name, value)
            if fault:
                self._problems.add((*steps, "params", name), fault)

    def _check_each(self, names: Iterable[str], fault_of: Callable[[str], str | None], steps: Steps) -> None:
        for index, name in enumerate(names):
            fault = fault_of(name)
            if fault:
                self._problems.add((*steps, index), fault)

    def _turns(self, own: Authored, steps: Steps) -> Iterable[DraftTurn]:
        if isinstance(own.turns, UnsetType):
            yield DraftTurn(_messages(own, steps))
            return
        for index, turn in enumerate(own.turns):
            place: Steps = (*steps, "turns", index)
            if isinstance(turn, str):
                yield DraftTurn((DraftMessage("user", turn, place),))
                continue
            given = {key: True for key in ("prompt", "messages") if getattr(turn, key) is not msgspec.UNSET}
            self._check_opening(given, place, f"turn {index + 1}", ("prompt", "messages"))
            yield DraftTurn(_messages(turn, place), _located(or_else(turn.checks, []), (*place, "checks")))

    def _per_entry(self) -> int:
        """How many checks, tags, params and vars each entry takes over from the defaults."""
        defaults = self._defaults
        adding = (or_else(part, ()) for part in (defaults.checks, defaults.tags, defaults.params, defaults.vars))
        return sum(len(part) for part in adding)

    def _afford(self, steps: Steps) -> bool:
        """Whether this entry may still take over what the defaults hold: else a small file could fill the memory."""
        self._left -= self._inherited
        if self._left >= 0:
            return True
        if self._left + self._inherited >= 0:
            rule = f"{MOST_INHERITED:,} of the defaults' checks, tags, params and vars, counted for each scenario anew"
            self._problems.add(steps, f"more than {rule}: split the file, or give each scenario less")
        return False

    def _inherit(self, own: Authored) -> None:
        """Fill in what the entry leaves to the defaults; some keys add up instead."""
        defaults = self._defaults
        own.params = {**or_else(defaults.params, {}), **or_else(own.params, {})}
        own.tags = [*or_else(defaults.tags, []), *or_else(own.tags, [])]
        if not (isinstance(defaults.vars, UnsetType) and isinstance(own.vars, UnsetType)):
            own.vars = {**or_else(defaults.vars, {}), **or_else(own.vars, {})}
        for key in Defaults.__struct_fields__:
            if getattr(own, key) is msgspec.UNSET:
                setattr(own, key, getattr(defaults, key))


def fitted(value: Mapping[str, object], model: type[M], steps: Steps, problems: Problems, what: str) -> M:
    """Convert a mapping. What does not fit is noted and left out, so that the rest can be looked at as well."""
    try:
        return msgspec.convert(value, model)
    except msgspec.ValidationError as error:
        bad = explain(value, model, steps, problems, what)
        if not bad:
            problems.add(steps, f"{what}: {error}")
        return msgspec.convert({key: part for key, part in value.items() if bad and key not in bad}, model)


def _located(checks: Iterable[object], steps: Steps) -> tuple[WrittenCheck, ...]:
    return tuple(WrittenCheck(check, (*steps, index)) for index, check in enumerate(checks))


def _messages(entry: Authored | Entry, steps: Steps) -> tuple[DraftMessage, ...]:
    if not isinstance(entry.messages, UnsetType):
        spoken = enumerate(entry.messages)
        return tuple(
            DraftMessage(one.role, one.content, (*steps, "messages", index, "content")) for index, one in spoken
        )
    return () if isinstance(entry.prompt, UnsetType) else (DraftMessage("user", entry.prompt, (*steps, "prompt")),)


_REASON_LIMIT = 500
_SCHEMA_LIMIT = 300
_NAME_LIMIT = 100

Names = Mapping[str, object] | None


class Finisher:
    """Makes the scenarios of one file; what keeps a draft from being one is noted in `problems`.

    `names` are the values of its templates, None where no templates are rendered.
    """

    def __init__(self, document: Document, problems: Problems, options: LoadOptions, budget: Budget) -> None:
        self._document = document
        self._options = options
        self._problems = problems
        self._checks = CheckReader(options, problems, budget, document.path.parent)
        self._tools = ToolReader(options, problems, budget)
        self._tool_names = ToolNames(problems, foreign_tools=options.foreign_tools)
        self._compared_models = ComparedModels(problems, options.compared_fault)
        self._validator = options.validator
        self._looked_at: set[Steps] = set()
        self._media = Media(document.path.parent, options.allowed)
        self._budget = budget
        self._oracles = OracleReader(document, problems, options)

    def scenario(self, draft: Draft, name: str, names: Names) -> Scenario:
        written = draft.written
        target = or_else(written.target, None)
        note_unknown(written, draft.at("tools"), self._problems)
        entries = or_else(written.tools, ())
        tools = self._tools.read(entries, names, draft.at("tools"), builtin_tools(written))
        made = Scenario(
            id=name,
            source=self._document.source(draft.steps),
            turns=tuple(self._turn(turn, draft, names) for turn in draft.turns),
            checks=self._compared(self._checks.read(draft.checks, names), draft),
            system=self.text(or_else(written.system, ""), names, draft.at("system")) or None,
            models=tuple(dict.fromkeys(or_else(written.models, []))),
            params=self._params(draft),
            target=None if target is None else self.text(as_text(target), names, draft.at("target")),
            threshold=or_else(written.threshold, None),
            timeout_s=or_else(written.timeout, None),
            repeat=or_else(written.repeat, None),
            tags=tuple(dict.fromkeys(or_else(written.tags, []))),
            skip=_reason(written.skip),
            xfail=_reason(written.xfail),
            metadata=self._metadata(draft, names),
            vars=names or {},
            tools=tools,
            tool_choice=self._choice(draft, tools),
            max_steps=or_else(written.max_steps, MAX_STEPS_AT_WORK if has_workspace(written) else MAX_STEPS),
            thinking=or_else(written.thinking, "strip"),
            workspace=self._workspace(draft, names),
            oracle=self._oracles.read(written.oracle, draft.at("oracle")),
        )
        self._refuse_without_workspace(made, draft.steps)
        if made.target is None:
            self._refuse_without_target(made, draft.steps)
        return made

    def _refuse_without_target(self, made: Scenario, steps: Steps) -> None:
        """A check that judges by the target would fail at each answer, after that was paid for."""
        for check in made.all_checks:
            if check.grader.needs_target:
                rule = "judges by the scenario's target, and it has none: write `target:`, or a text in place of true"
                self._problems.add(steps, f"check {quote(check.label)} of scenario {quote(made.id)} {rule}")

    def _workspace(self, draft: Draft, names: Names) -> WorkspaceSpec | None:
        """What the scenario's workspace is made of; None where it has none."""
        written = draft.written
        if not has_workspace(written):
            if not isinstance(written.setup, UnsetType):
                rule = "`setup` runs in a workspace, and there is none: name its folder in `workspace:`, or `files: {}`"
                self._problems.add(draft.at("setup"), rule)
            return None
        folder = self._workspace_folder(or_else(written.workspace, ""), draft)
        files = {}
        for name, text in or_else(written.files, {}).items():
            steps: Steps = (*draft.at("files"), name)
            if fault := file_fault(name):
                self._problems.add(steps, f"files: {fault}")
            files[name] = self.text(text, names, steps)
        setup = or_else(written.setup, [])
        digest = partial(digest_of, folder) if folder is not None else str
        return WorkspaceSpec(folder, files, (setup,) if isinstance(setup, str) else tuple(setup), digest=digest)

    def _workspace_folder(self, written: str, draft: Draft) -> Path | None:
        if not written:
            return None
        try:
            return workspace_folder(written, self._document.path.parent, self._options.allowed)
        except ValueError as error:
            self._problems.add(draft.at("workspace"), f"workspace {quote(clip(written, _NAME_LIMIT))} {error}")
            return None

    def _refuse_without_workspace(self, made: Scenario, steps: Steps) -> None:
        """A check of what is in the workspace would fail at each answer, after that was paid for."""
        for check in made.all_checks:
            if check.grader.looks_into_workspace and made.workspace is None:
                rule = "looks into a workspace, and it has none: name its folder in `workspace:`, or write `files: {}`"
                self._problems.add(steps, f"check {quote(check.label)} of scenario {quote(made.id)} {rule}")

    def _choice(self, draft: Draft, tools: tuple[Tool, ...]) -> str | None:
        choice, entries = or_else(draft.written.tool_choice, None), or_else(draft.written.tools, ())
        return self._tools.choice(choice, tools, entries, draft.id, draft.at("tool_choice"))

    def _params(self, draft: Draft) -> Mapping[str, object]:
        """The parameters, with the answer's format as OpenAI's Chat Completions writes it: dialects read it there."""
        params, wanted = or_else(draft.written.params, {}), draft.written.response_format
        if isinstance(wanted, UnsetType):
            return params
        if draft.steps not in self._looked_at:
            self._looked_at.add(draft.steps)
            self._look_at_format(wanted, params, draft.at("response_format"))
        if wanted in ("text", {"type": "text"}):
            return params
        if wanted in ("json", {"type": "json_object"}):
            return {**params, "response_format": {"type": "json_object"}}
        if isinstance(wanted, str):
            return params
        described = {"schema": wanted, "strict": True}
        if wanted.get("type") == "json_schema":
            pasted = wanted.get("json_schema")
            described = pasted if isinstance(pasted, dict) else {}
        return {**params, "response_format": {"type": "json_schema", "json_schema": {"name": "answer", **described}}}

    def _look_at_format(self, wanted: str | Mapping[str, Any], params: Mapping[str, object], steps: Steps) -> None:
        """Note what is wrong with `response_format`: once, however many records a scenario is made of."""
        if "response_format" in params:
            self._problems.add(steps, "response_format stands in params as well: keep one of them")
        if isinstance(wanted, str) or wanted in ({"type": "text"}, {"type": "json_object"}):
            return
        schema: Any = wanted
        if wanted.get("type") == "json_schema":  # as OpenAI's documentation writes it, which is what people paste
            described = wanted.get("json_schema")
            schema = described.get("schema") if isinstance(described, dict) else None
        if not isinstance(schema, dict):
            rule = "write the JSON Schema itself, or OpenAI's `{type: json_schema, json_schema: {schema: ...}}`"
            self._problems.add(steps, f"response_format of type json_schema holds no schema: {rule}")
        elif not schema:
            rule = "write `json` for any JSON, or the JSON Schema that the answer has to fit"
            self._problems.add(steps, f"response_format is an empty schema, which any answer fits: {rule}")
        elif self._validator is not None:
            try:
                self._validator(schema)
            except ValueError as error:
                self._problems.add(steps, f"response_format: {clip(plain(str(error)), _SCHEMA_LIMIT)}")

    def prepare(self, draft: Draft) -> None:
        """Look at what does not depend on the records of the draft's dataset."""
        self._params(draft)
        for checks in (draft.checks, *(turn.checks for turn in draft.turns)):
            self._compared(self._checks.prepare(checks), draft)

    def conclude(self) -> None:
        """Note what shows when all scenarios of the file are there."""
        self._tool_names.conclude()

    def _compared(self, checks: Sequence[LocatedCheck], draft: Draft) -> tuple[Check, ...]:
        """The checks; noted is which of the tools and models that they name are not there, or cannot be."""
        self._compared_models.look_at(checks, or_else(draft.written.models, ()))
        entries, builtin = or_else(draft.written.tools, ()), [tool.name for tool in builtin_tools(draft.written)]
        self._tool_names.compare(checks, entries, builtin, draft.id)
        return tuple(check for check, _ in checks)

    def text(self, text: str, names: Names, steps: Steps) -> str:
        """Render one text; where that fails, note it and return nothing."""
        return self._rendered(text, names, steps) or ""

    def _rendered(self, text: str, names: Names, steps: Steps) -> str | None:
        """The same, with None where it failed: an empty text could be a further fault."""
        if names is None:
            return text
        try:
            return render_text(text, names, self._budget)
        except TemplateError as error:
            self._note(steps, error)
            return None

    def _turn(self, turn: DraftTurn, draft: Draft, names: Names) -> Turn:
        messages = [Message(message.role, self._content(message, names)) for message in turn.messages]
        return Turn(tuple(messages), self._compared(self._checks.read(turn.checks, names), draft))

    def _content(self, message: DraftMessage, names: Names) -> Content:
        if isinstance(message.content, str):
            return self.text(message.content, names, message.steps)
        parts = (self._part(part, message, place, names) for place, part in enumerate(message.content))
        return tuple([part for part in parts if part is not None])

    def _part(self, part: ContentPart, message: DraftMessage, place: int, names: Names) -> Part | None:
        steps: Steps = (*message.steps, place)
        given = [name for name in ("text", "image", "file") if not isinstance(getattr(part, name), UnsetType)]
        if len(given) != 1:
            self._problems.add(
                steps, f"a part of a message is one of text, image and file, got {', '.join(given) or 'none'}"
            )
            return None
        (kind,) = given
        written = self._rendered(getattr(part, kind), names, (*steps, kind))
        if written is None:
            return None
        if kind == "text":
            return TextPart(written)
        try:
            return self._media.part(kind, written, message.role)
        except ValueError as error:
            self._problems.add((*steps, kind), f"{kind} {quote(clip(written, _NAME_LIMIT))} {error}")
            return None

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
