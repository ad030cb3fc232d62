"""A command-line agent where a model stands: how it is called, and where its answer stands in what it prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

__all__ = [
    "PRESETS",
    "Agent",
    "AgentOutput",
    "EventCall",
    "OutputFormat",
    "Place",
    "PromptWay",
    "parse_place",
    "placeholders_in",
]

PRESETS = ("claude-code", "codex", "gemini-cli", "opencode", "aider")
"""The agents that are known by name; `providers.agents` has how each is called."""

PromptWay = Literal["stdin", "argument", "file"]
"""How the prompt reaches a command: as its input, in one of its words, or in a file that a word names."""

OutputFormat = Literal["text", "json", "json_line", "jsonl"]
"""What a command prints: plain text, one JSON document, text whose last line is one, or an event a line."""

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def placeholders_in(word: str) -> tuple[str, ...]:
    """The names in braces of a command's word: `model` of `--model={model}`. Not all of them need be ours."""
    return tuple(_PLACEHOLDER.findall(word))


class Place(NamedTuple):
    """One step towards a value: the entry `name`, any (`*`), or the names of all (`@names`), if all `conditions` hold.

    A condition is the name of an entry of what was reached, and the text that it has to be.
    """

    name: str
    conditions: tuple[tuple[str, str], ...] = ()

    def find(self, value: Any) -> Iterator[Any]:
        """What stands there, in its order."""
        for name, wanted in self.conditions:
            if not isinstance(value, Mapping) or str(value.get(name)) != wanted:
                return
        if not self.name:
            yield value
        elif self.name == "@names":
            yield from value if isinstance(value, Mapping) else ()
        elif self.name == "*":
            yield from value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
        elif isinstance(value, Mapping):
            if self.name in value:
                yield value[self.name]
        elif isinstance(value, list) and self.name.isdecimal() and int(self.name) < len(value):
            yield value[int(self.name)]


_STEP = re.compile(r"(?P<conditions>(?:\[[^\[\]=]+=[^\[\]]*\])*)\.?(?P<name>[^.\[\]]*)")
_CONDITION = re.compile(r"\[([^\[\]=]+)=([^\[\]]*)\]")


@lru_cache(maxsize=256)
def parse_place(path: str) -> tuple[Place, ...]:
    """Read a path such as `usage.input_tokens`, `[type=result].result` or `stats.models.*.tokens.prompt`.

    Raises `ValueError` for a text that is none.
    """
    steps: list[Place] = []
    position = 0
    while position < len(path):
        found = _STEP.match(path, position)
        if found is None or found.end() == position:
            raise ValueError(_NO_PATH)
        steps.append(Place(found["name"], tuple(_CONDITION.findall(found["conditions"]))))
        position = found.end()
    if not steps or path.endswith(".") or ".." in path or path.startswith("."):
        raise ValueError(_NO_PATH)
    return tuple(steps)


_NO_PATH = "write names with dots between them, and conditions in brackets, as in [type=result].usage.input_tokens"


@dataclass(frozen=True, slots=True)
class EventCall:
    """Where an agent prints which tool it called. `at` leads to an object; the other paths begin there."""

    at: str
    name: str
    arguments: str = ""
    result: str = ""


@dataclass(frozen=True, slots=True)
class AgentOutput:
    """Where things stand in what an agent prints: paths as `parse_place` reads them, of text patterns with one group.

    Of several figures of one kind the sum counts, of other things the first that is there. Of events the last one that
    has it counts; with `sums` the figures of all events are added up. `steps` is how many answers of its model it took:
    a figure, or where none stands there, how often anything does. `error` holds what the agent says of its own
    failure: anything but false, 0, null and an empty text.
    """

    format: OutputFormat = "text"
    text: tuple[str, ...] = ()
    thinking: tuple[str, ...] = ()
    input_tokens: tuple[str, ...] = ()
    output_tokens: tuple[str, ...] = ()
    cached_input_tokens: tuple[str, ...] = ()
    cache_write_tokens: tuple[str, ...] = ()
    reasoning_tokens: tuple[str, ...] = ()
    cost_usd: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    served_model: tuple[str, ...] = ()
    finish_reason: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    sums: bool = False
    calls: tuple[EventCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Agent:
    """How a command-line agent is called.

    `words` are its command, the program first, with placeholders; those of `system` follow where there is a system
    message, `last` stand at the end. `environment` are the variables that it sees, each with its text or
    `env:VARIABLE`; `passed` those that it sees where they are set. `keys`: of these variables one has to be set.
    `readable` and `writable` are folders and files, relative to `folder`, which is bench.toml's own. `cpus` is the
    share of the machine's processors that a run takes, `memory_mb` what it may use; None where nobody said.
    """

    words: tuple[str, ...]
    prompt: PromptWay = "stdin"
    output: AgentOutput = AgentOutput()
    preset: str = ""
    system: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    passed: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    network: bool = False
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    folder: str = "."
    max_turns: int | None = None
    cpus: float | None = None
    memory_mb: int | None = None

    @property
    def program(self) -> str:
        """What is started, for a reader."""
        return self.words[0]

    @property
    def variables(self) -> tuple[tuple[str, str], ...]:
        """What it sees, each with the variable that its value is read from; these have to be set."""
        return tuple((name, value[4:]) for name, value in self.environment if value.startswith("env:"))

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes its answers those of another agent: no key, no folder of this machine, no share of it."""
        told = tuple((name, "env:" if value.startswith("env:") else value) for name, value in self.environment)
        called = (self.words, self.system, self.last, self.prompt)
        return (*called, self.preset, told, self.passed, self.network, self.max_turns, repr(self.output))
