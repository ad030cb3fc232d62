"""A command-line agent where a model stands: it works in the run's workspace, and what it prints is its answer."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

from msgspec.structs import replace

from pytest_benchmodels.core.agent import Agent, placeholders_in
from pytest_benchmodels.core.call import Request
from pytest_benchmodels.core.errors import ProviderError
from pytest_benchmodels.core.message import ImagePart, Message, Response, text_of
from pytest_benchmodels.core.model import Model
from pytest_benchmodels.core.text import clip, plain, quote, well_formed
from pytest_benchmodels.core.user_code import in_thread
from pytest_benchmodels.core.workspace import Command, CommandResult, Workspace
from pytest_benchmodels.providers.agent_error import classified
from pytest_benchmodels.providers.agent_key import agent_environment, agent_key
from pytest_benchmodels.providers.agent_output import Printed, read_output
from pytest_benchmodels.providers.dialect import UnreadableError, sound_call, unsupported
from pytest_benchmodels.providers.key import Key

__all__ = ["CommandProvider", "program_fault", "prompt_of"]

_LONGEST_WORD = 131_071
"""Linux takes no longer word of a command, in bytes."""

_BY_SIGNAL = 128
"""Shells, and what confines a command, exit with so much more than a signal's number where one ended it."""

_SAID_LINES = 12
_SAID_CHARS = 2_000
_NO_SYSTEM_FILES = ("/", "/usr", "/bin", "/usr/bin", "/usr/local", "/usr/local/bin", "/sbin", "/usr/sbin")


def prompt_of(messages: Sequence[Message]) -> tuple[str, str]:
    """The system message and the prompt of a conversation; of a later turn the prompt tells what was said before.

    Raises `ProviderError` for what no text can say.
    """
    system = "\n\n".join(text_of(message.content) for message in messages if message.role == "system")
    said = [message for message in messages if message.role != "system"]
    for message in said:
        if any(isinstance(part, ImagePart) for part in message.parts):
            unsupported("an image or a file in a message", "a command takes text: put it into the scenario's workspace")
    if len(said) == 1:
        return system, text_of(said[0].content)
    names = {"user": "User", "assistant": "Assistant"}
    *before, last = said
    told = "\n\n".join(f"{names.get(each.role, each.role)}: {text_of(each.content)}" for each in before)
    return system, f"The conversation so far:\n\n{told}\n\nThe next message, which you are to answer:\n\n" + text_of(
        last.content
    )


def program_fault(agent: Agent) -> str:
    """Why the agent's program cannot be started; empty where it can."""
    name = _program(agent)
    if shutil.which(name) is None:
        where = "is no file that may be executed" if os.sep in name else "is not on the PATH"
        return f"the program {quote(agent.program)} {where}"
    return ""


def _program(agent: Agent) -> str:
    """Its name; a path is relative to bench.toml's folder."""
    name = agent.program.replace("{project}", agent.folder)
    return os.path.normpath(Path(agent.folder, name)) if os.sep in name else name


class CommandProvider:
    """Implements `core.call.Provider` by a command in the run's workspace."""

    def __init__(self, model: Model) -> None:
        """Raises `ValueError` for a model that is none."""
        if model.agent is None:
            raise ValueError(f"{model.id} is no command-line agent")
        self._model = model
        self._agent = model.agent
        self._readable = tuple(self._folders_of_program())

    async def complete(self, request: Request) -> Response:
        """Run the command, and read what it printed. Raises `ProviderError`."""
        workspace = self._workspace_for(request)
        system, prompt = prompt_of(request.messages)
        key = agent_key(self._agent)
        is_unchanged = _whatever_it_left
        if not request.renews_workspace:
            before = await in_thread(partial(_names_in, workspace.path), "benchmodels-workspace")
            is_unchanged = partial(_is_unchanged, workspace, before)
        with self._prompt_file(system, prompt) as file:
            ended = await workspace.run(self._command(workspace, system, prompt, file), "agent")
        try:
            printed = await in_thread(
                partial(read_output, self._agent.output, ended.output, is_cut=ended.is_cut), "benchmodels-agent"
            )
        except UnreadableError as error:
            await self._fail(is_unchanged, ended, Printed(None), key, f"its output {error}")
        if ended.status != 0 or printed.error or not ended.output.strip():
            await self._fail(is_unchanged, ended, printed, key)
        if printed.text is None:
            wanted = " or ".join(self._agent.output.text)
            await self._fail(
                is_unchanged, ended, printed, key, f"its output has no answer: there is no text at {wanted}"
            )
        if fault := self._turns_fault(printed.steps):
            await self._fail(is_unchanged, ended, printed, key, fault)
        return self._response(printed, ended, key)

    def _turns_fault(self, steps: int | None) -> str:
        """What is wrong with how many steps it took, where it has no flag for their limit; empty where nothing is."""
        limit = self._agent.max_turns
        if limit is None or any("max_turns" in placeholders_in(word) for word in self._agent.words):
            return ""
        if steps is None:
            where = " or ".join(self._agent.output.steps)
            return f"it does not say how many steps it took, which max_turns bounds: nothing stands at {where}"
        return f"it took {steps:,} steps, and max_turns allows {limit:,}" if steps > limit else ""

    def _workspace_for(self, request: Request) -> Workspace:
        """The workspace, if the request is one that a command can take."""
        if request.embeds:
            unsupported(f"embeddings of {request.model.id}", "a command answers questions; name another model")
        if request.workspace is None:
            unsupported(f"{request.model.id} as a judge", "a command works in a run's workspace; name another model")
        if request.tools:
            unsupported("tools", "a command has tools of its own; leave the scenario's out, or name another model")
        if request.params:
            names = ", ".join(request.params)
            unsupported(f"params ({names})", "a command takes none: write its flags into `command` or `args`")
        return request.workspace

    def _command(self, workspace: Workspace, system: str, prompt: str, file: str) -> Command:
        agent = self._agent
        with_system = system and not self._takes_system
        whole = well_formed(f"{system}\n\n{prompt}" if with_system else prompt)
        values = {
            "prompt": whole,
            "prompt_file": file,
            "model": self._model.name,
            "workspace": str(workspace.path),
            "system": well_formed(system),
            "max_turns": str(agent.max_turns or ""),
            "project": agent.folder,
        }
        words = [*agent.words, *(agent.system if system else ()), *agent.last]
        if agent.prompt == "argument" and not any("prompt" in placeholders_in(word) for word in words):
            words.append("{prompt}")
        # Where its commands look for programs is the workspace's affair: this one is known by its path.
        filled = [shutil.which(_program(agent)) or _program(agent), *(_filled(word, values) for word in words[1:])]
        for word in filled:
            _check_word(word)
        return Command(
            tuple(filled),
            stdin=whole if agent.prompt == "stdin" else "",
            environment=agent_environment(agent),
            network=agent.network,
            readable=(*map(self._outside, agent.readable), *self._readable, *([file] if file else [])),
            writable=tuple(map(self._outside, agent.writable)),
            **({} if agent.memory_mb is None else {"memory_mb": agent.memory_mb}),
        )

    @property
    def _takes_system(self) -> bool:
        """Whether a word of the command has the system message; else it stands in front of the prompt."""
        return any("system" in placeholders_in(word) for word in (*self._agent.words, *self._agent.system))

    @contextmanager
    def _prompt_file(self, system: str, prompt: str) -> Iterator[str]:
        """The path of a file with the prompt, outside of the workspace, where it is no change of the run's."""
        if self._agent.prompt != "file":
            yield ""
            return
        with tempfile.TemporaryDirectory(prefix="benchmodels-prompt-") as folder:
            path = Path(folder, "prompt.md")
            whole = f"{system}\n\n{prompt}" if system and not self._takes_system else prompt
            path.write_text(well_formed(whole), encoding="utf-8")
            Path(folder).chmod(0o711)  # commands of root's sessions may run as somebody else
            yield str(path)

    def _outside(self, path: str) -> str:
        """A path of its table, as the machine has it."""
        return os.path.normpath(Path(self._agent.folder, Path(path).expanduser()))

    def _folders_of_program(self) -> Iterator[str]:
        """What has to be readable for the program to start, where it is not the system's: its folder, a venv."""
        agent = self._agent
        found = shutil.which(_program(agent))
        for path in filter(None, (found, found and os.path.realpath(found))):
            folder = Path(path).parent
            if str(folder) not in _NO_SYSTEM_FILES:
                yield path if agent.program.startswith("{project}") or os.sep in agent.program else str(folder)
            if (folder.parent / "pyvenv.cfg").is_file():
                yield str(folder.parent)
            yield from (str(each) for each in folder.parents if each.parent.name == "node_modules")
        for word in agent.words[1:]:
            path = _filled(word, {"project": agent.folder})
            if "project" in placeholders_in(word) and Path(path).is_file():
                yield path

    def _response(self, printed: Printed, ended: CommandResult, key: Key) -> Response:
        def shown(text: str) -> str:
            return key.hide(well_formed(text))

        results = [replace(each, content=shown(str(each.content))) for each in printed.results]
        return Response(
            text=shown(printed.text or ""),
            finish_reason=printed.finish_reason and clip(plain(shown(printed.finish_reason)), 200),
            usage=printed.usage,
            latency_s=ended.duration_s,
            thinking=shown(printed.thinking),
            served_model=clip(plain(shown(printed.served_model)), 200),
            tool_calls=tuple([sound_call(call, shown) for call in printed.calls]),
            tool_results=tuple(results),
            own_calls=bool(printed.calls),
            steps=printed.steps,
            asked_model=self._model.name if "{model}" in "".join(self._agent.words) else "",
        )

    async def _fail(
        self, is_unchanged: Callable[[], bool], ended: CommandResult, printed: Printed, key: Key, why: str = ""
    ) -> NoReturn:
        """Raise what the agent's failure is. It is tried again only where that attempt finds nothing of this one.

        `why` nothing can be made of its output, where that is all that is wrong.
        """
        known = classified(printed.error or ended.errors.strip() or ended.output.strip())
        but = f", but {why}" if why and ended.status == 0 and ended.output.strip() else ""
        message = f"{Path(self._agent.program).name} {_how_it_ended(ended)}{but}: {_last_lines(printed.error, ended)}"
        retryable = known.retryable and await in_thread(is_unchanged, "benchmodels-workspace")
        raise ProviderError(
            known.kind,
            key.hide(message),
            retryable=retryable,
            retry_after_s=known.wait_s,
            usage=printed.usage,
            remedy=known.remedy,
        )


def _whatever_it_left() -> bool:
    """Another attempt finds the workspace as this one did."""
    return True


def _names_in(folder: Path) -> frozenset[str]:
    """All that is there by its path; empty folders and pipes too, which results do not tell. No file is opened."""
    return frozenset(
        os.path.join(path, name)  # noqa: PTH118 - there may be 100,000
        for path, folders, files in os.walk(folder)
        for name in (*folders, *files)
    )


def _is_unchanged(workspace: Workspace, before: frozenset[str]) -> bool:
    return _names_in(workspace.path) == before and not workspace.changes()


def _filled(word: str, values: dict[str, str]) -> str:
    """The word with its placeholders' values; braces within these are left as they are."""
    parts = []
    while (found := next((name for name in placeholders_in(word) if name in values), None)) is not None:
        before, _, word = word.partition(f"{{{found}}}")
        parts += [before, values[found]]
    return "".join((*parts, word))


def _check_word(word: str) -> None:
    size = len(word.encode("utf-8", "replace"))
    if size > _LONGEST_WORD:
        what = f"a prompt of {size:,} bytes in a word of the command"
        unsupported(what, f'a word may have {_LONGEST_WORD:,}: set prompt = "stdin", or "file" with {{prompt_file}}')
    if "\0" in word:
        unsupported("a NUL character in a word of the command", 'no command takes one: set prompt = "stdin"')


def _how_it_ended(ended: CommandResult) -> str:
    if ended.status is None:
        return "ran out of time"
    number = -ended.status if ended.status < 0 else ended.status - _BY_SIGNAL
    if ended.status < 0 or number > 0:
        with suppress(ValueError):
            return f"was ended by {signal.Signals(number).name}"
    if ended.status == 0 and not ended.output.strip():
        return "ended with exit status 0 and no output"
    return f"ended with exit status {ended.status}"


def _last_lines(error: str, ended: CommandResult) -> str:
    """What a reader needs of what it printed: its own account of its failure, else the end of its output."""
    told = error or ended.errors.strip() or ended.output.strip()
    lines = told.splitlines()[-_SAID_LINES:]
    said = plain("\n".join(lines))
    return said[-_SAID_CHARS:] if said else "it printed nothing"
