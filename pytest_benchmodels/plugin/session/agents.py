"""Models that are command-line agents: from their tables in bench.toml, and whether they can be started here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from pytest_benchmodels.core.agent import Agent, AgentOutput, EventCall, placeholders_in
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.text import quote
from pytest_benchmodels.formats.agent_table import OutputEntry
from pytest_benchmodels.formats.configfile import ModelEntry
from pytest_benchmodels.providers.agents import AGENTS, KnownAgent
from pytest_benchmodels.providers.command import program_fault

__all__ = ["agent_of", "start_problems"]

PlaceOf = Callable[[str, str], str]
"""Where a key of a model's table stands, by the model's name and the key."""


def agent_of(name: str, entry: ModelEntry, folder: Path, place_of: PlaceOf) -> Agent:
    """How the agent of a table is called; `folder` is bench.toml's own. Raises `ConfigError`."""
    own = Agent(
        words=tuple(entry.command or ()),
        output=AgentOutput() if entry.output is None else _output(entry.output),
        environment=tuple(entry.env.items()) if isinstance(entry.env, dict) else (),
        network=bool(entry.network),
        readable=tuple(entry.readable),
        writable=tuple(entry.writable),
        folder=str(folder),
        max_turns=entry.max_turns,
        cpus=entry.cpus,
        memory_mb=entry.memory,
    )
    if isinstance(entry.env, list):
        own = replace(own, environment=tuple((variable, f"env:{variable}") for variable in entry.env))
    if entry.preset is None:
        if not own.words:
            raise ConfigError(f"{place_of(name, 'provider')}: [model.{quote(name)[1:-1]}] lacks command")
        used = {found for word in own.words for found in placeholders_in(word)}
        usual = "argument" if "prompt" in used else "file" if "prompt_file" in used else "stdin"
        return replace(own, prompt=entry.prompt or usual)  # type: ignore[arg-type] # one of the three
    known = AGENTS[entry.preset]
    steps = known.output.steps if entry.output is None else own.output.steps
    if entry.max_turns is not None and not known.max_turns and not steps:
        what = f"{entry.preset} has no flag for max_turns, and does not tell how many steps it took"
        raise ConfigError(f"{place_of(name, 'max_turns')}: {what}: leave it out")
    return _of_preset(own, entry, known)


def _of_preset(own: Agent, entry: ModelEntry, known: KnownAgent) -> Agent:
    """The preset's words and what the table adds; `command` says only how its program is started."""
    words = (
        *(own.words or known.program),
        *known.words,
        *(known.model if entry.name else ()),
        *(known.max_turns if entry.max_turns is not None else ()),
        *entry.args,
    )
    reaches = bool(entry.env or entry.readable or entry.writable)
    return replace(
        own,
        words=words,
        prompt=known.prompt,
        preset=entry.preset or "",
        output=known.output if entry.output is None else own.output,
        system=known.system,
        last=known.last,
        passed=(*known.keys, *known.others),
        environment=tuple({**dict(known.sets), **dict(own.environment)}.items()),
        # Whoever gives it variables or folders of their own has it sign in by these.
        keys=() if reaches else known.keys,
        network=entry.network is not False,
    )


def _output(entry: OutputEntry) -> AgentOutput:
    def paths(given: str | list[str] | None) -> tuple[str, ...]:
        return () if given is None else (given,) if isinstance(given, str) else tuple(given)

    return AgentOutput(
        format=entry.format,
        text=paths(entry.text),
        thinking=paths(entry.thinking),
        input_tokens=paths(entry.input_tokens),
        output_tokens=paths(entry.output_tokens),
        cached_input_tokens=paths(entry.cached_input_tokens),
        cache_write_tokens=paths(entry.cache_write_tokens),
        reasoning_tokens=paths(entry.reasoning_tokens),
        cost_usd=paths(entry.cost_usd),
        steps=paths(entry.steps),
        served_model=paths(entry.served_model),
        finish_reason=paths(entry.finish_reason),
        error=paths(entry.error),
        sums=entry.sum,
        calls=tuple(EventCall(each.at, each.name, each.arguments, each.result) for each in entry.calls),
    )


def start_problems(models: Iterable[Model], place_of: PlaceOf) -> Iterator[str]:
    """Why commands cannot be started here, each with file, line and remedy. Variables of keys are not looked at."""
    for model in models:
        if (agent := model.agent) is None:
            continue
        key = "command" if agent.words[0] not in {known.program[0] for known in AGENTS.values()} else "preset"
        where = place_of(model.id, key)
        if fault := program_fault(agent):
            yield f"{where}: model {model.id}: {fault}: install it, or say by `command` where it is"
        if agent.keys and not any(os.environ.get(variable, "").strip() for variable in agent.keys):
            names = " or ".join(agent.keys)
            yield (
                f"{where}: model {model.id}: no key for {agent.preset}: set {names}; or, where it is signed in, let it "
                "read where it keeps that, by `readable` or `writable` of its table"
            )
