"""bench.toml -> typed configuration."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from pytest_benchmodels.core.agent import PromptWay
from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.run import COMMAND
from pytest_benchmodels.core.text import nearest, quote
from pytest_benchmodels.formats.agent_table import OutputEntry, agent_faults
from pytest_benchmodels.formats.explain import foreign_key

__all__ = [
    "ConfigFile",
    "EmbeddingsEntry",
    "JudgeEntry",
    "ModelEntry",
    "PriceEntry",
    "ServerEntry",
    "ZeEntry",
    "place_of",
    "read_config",
]

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
RedisUrl = Annotated[str, msgspec.Meta(pattern=r"^(rediss?|unix)://")]
HeaderName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
FromEnvironment = Annotated[str, msgspec.Meta(pattern=r"^env:[A-Za-z_][A-Za-z0-9_]*$")]
QueryName = Annotated[str, msgspec.Meta(min_length=1)]
QueryValue = Annotated[str, msgspec.Meta(pattern=r"^(?!env:)|^env:[A-Za-z_][A-Za-z0-9_]*$")]
EnvName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Count = Annotated[int, msgspec.Meta(ge=1)]
Words = Annotated[list[Annotated[str, msgspec.Meta(min_length=1)]], msgspec.Meta(min_length=1)]


class PriceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """US dollars per million tokens; also of those read from the provider's cache, and written to it for an hour."""

    input: NotNegative
    output: NotNegative
    cached_input: NotNegative | None = None
    cache_write: NotNegative | None = None
    cache_write_1h: NotNegative | None = None


class ModelEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[model.NAME]` table. `timeout` is in seconds, 0 for no limit; `stall_timeout` too, of a `stream`.

    `headers` hold `env:VARIABLE` by name, `query` a text or the same. What begins with `preset` is about a command-line
    agent (`core.agent.Agent`): `env` are names of variables that it sees, or texts and `env:VARIABLE` by name; `memory`
    is in MB.
    """

    provider: str | None = None
    name: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    params: dict[str, Any] = {}
    timeout: NotNegative | None = None
    rpm: Positive | None = None
    tpm: Positive | None = None
    max_in_flight: Count | None = None
    price: PriceEntry | None = None
    headers: dict[HeaderName, FromEnvironment] = {}
    query: dict[QueryName, QueryValue] = {}
    stream: bool = False
    stall_timeout: Positive | None = None
    preset: str | None = None
    command: Words | None = None
    args: list[str] = []
    prompt: PromptWay | None = None
    env: list[EnvName] | dict[EnvName, QueryValue] = []
    network: bool | None = None
    readable: list[Annotated[str, msgspec.Meta(min_length=1)]] = []
    writable: list[Annotated[str, msgspec.Meta(min_length=1)]] = []
    output: OutputEntry | None = None
    max_turns: Count | None = None
    cpus: Positive | None = None
    memory: Count | None = None


class ProviderEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[provider.NAME]` table: what models of the provider with the same key count together, and are sent."""

    rpm: Positive | None = None
    tpm: Positive | None = None
    max_in_flight: Count | None = None
    headers: dict[HeaderName, FromEnvironment] = {}
    query: dict[QueryName, QueryValue] = {}


class JudgeEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[judge]` table. `model` judges where a check names nobody.

    `structured`: its API is told the form of the verdict as `response_format`; else only the judge is. `labels` are
    files with what people say of judged answers, relative to the file.
    """

    model: str | None = None
    structured: bool = True
    labels: str | list[str] = []

    def label_files(self, folder: Path) -> tuple[Path, ...]:
        """The files of `labels`; `folder` is bench.toml's own."""
        names = [self.labels] if isinstance(self.labels, str) else self.labels
        return tuple(folder / name for name in names)


class EmbeddingsEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[embeddings]` table. `model` gives the embeddings where a check names nobody."""

    model: str | None = None


class ZeEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[ze]` table: how suites of ze-benchmarks are scored, as their files mean it or as the original does.

    `network`: whether their commands may reach it. Their files cannot say so.
    """

    score: Literal["true", "original"] = "true"
    network: bool = False


class ServerEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[mcp.NAME]` table: an MCP server, which the tools of scenarios may name.

    `command` are the words that start it, in `cwd`, a folder relative to the file. `env` holds a text by name, or
    `env:VARIABLE`. `timeout` is in seconds, of its start and of each call. `shared`: one for all runs of a process.
    """

    command: Words
    env: dict[EnvName, QueryValue] = {}
    cwd: str | None = None
    timeout: Positive = 30.0
    shared: bool = False


class ConfigFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole bench.toml.

    `allow_paths` are folders, relative to the file, that datasets may be read from. `limits` is the address of a Redis
    in which sessions on several machines share their limits. `gate` are rules as `--bench-gate` takes them, in a
    list or in a table that names each.
    """

    models: list[str] = []
    allow_paths: list[str] = []
    limits: RedisUrl | None = None
    gate: list[str] | dict[str, str] = []
    model: dict[str, ModelEntry] = {}
    provider: dict[str, ProviderEntry] = {}
    judge: JudgeEntry = JudgeEntry()
    embeddings: EmbeddingsEntry = EmbeddingsEntry()
    mcp: dict[str, ServerEntry] = {}
    ze: ZeEntry = ZeEntry()

    @property
    def gates(self) -> tuple[str, ...]:
        """The rules of `gate`."""
        return tuple(self.gate.values() if isinstance(self.gate, dict) else self.gate)

    @property
    def has_tools(self) -> bool:
        """Whether a model has tools of which scenarios say nothing: in its parameters, or as an agent's own."""
        return any("tools" in entry.params or entry.provider == COMMAND for entry in self.model.values())

    def allowed(self, folder: Path) -> tuple[Path, ...]:
        """The folders that datasets may be read from; `folder` is the file's own."""
        return tuple(folder / path for path in self.allow_paths)


_OWN_HEADERS = frozenset(
    {
        "accept-encoding",
        "anthropic-version",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
    }
    | {"host", "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}
)
_MOST_BYTES = 10_000_000
_GATE_FORMS = 'write gate = ["pass_rate >= 90%"], or a table: [gate] and quality = "pass_rate >= 90%"'
_TABLES: dict[str, type[msgspec.Struct]] = {"model": ModelEntry, "provider": ProviderEntry, "mcp": ServerEntry}
_OF_CHECKS: dict[str, type[msgspec.Struct]] = {"judge": JudgeEntry, "embeddings": EmbeddingsEntry, "ze": ZeEntry}
"""The tables of models that checks ask, and of how checks are scored."""


def read_config(path: Path) -> ConfigFile:
    """Read and validate; raise `ConfigError` with file, line, value, rule and remedy."""
    name = path.name or str(path)
    try:
        with path.open("rb") as file:  # a pipe is welcome, one without an end is not
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ConfigError(f"{name}: larger than {_MOST_BYTES // 1_000_000} MB, which no configuration is")
        text = content.decode("utf-8-sig")  # editors of Windows begin a file with a mark of its encoding
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise ConfigError(f"{path.name}:{line[1] if line else text.count(chr(10)) + 1}: {error}") from error
    problems = [_located(path.name, text, problem) for problem in _problems(document)]
    if problems:
        raise ConfigError("\n".join(problems))
    return msgspec.convert(document, ConfigFile)


class _Problem(NamedTuple):
    """Something wrong with `key`, in the table [kind.name] or, without a name, in the file itself."""

    name: str | None
    key: str
    message: str


def _problems(document: dict[str, Any]) -> Iterator[_Problem]:
    """Everything that is wrong, at once."""
    yield from _field_problems(None, None, document, ConfigFile)
    for name, struct in _OF_CHECKS.items():
        table = document.get(name, {})
        if isinstance(table, dict):
            yield from _field_problems(None, name, table, struct)
        else:
            key = 'score = "original"' if name == "ze" else 'model = "provider/name"'
            rule = f"[{name}] has to be a table with {key}"
            yield _Problem(None, name, f"{rule}, got {quote(table)}")
    for kind, struct in _TABLES.items():
        tables = document.get(kind, {})
        if not isinstance(tables, dict):
            yield _Problem(None, kind, f"[{kind}.NAME] has to be a table")
            continue
        for name, table in tables.items():
            if isinstance(table, dict):
                wrong = list(_field_problems(kind, name, table, struct))
                yield from wrong
                if kind == "model" and not wrong:
                    yield from (_Problem(name, key, fault) for key, fault in agent_faults(name, table))
                if "stall_timeout" in table and table.get("stream") is not True:
                    yield _Problem(name, "stall_timeout", _NO_STREAM)
                if kind == "mcp" and "command" not in table:
                    yield _Problem(name, "command", f"[mcp.{quote(name)[1:-1]}] lacks command: {_COMMAND}")
            else:
                yield _Problem(None, kind, f"[{kind}.{name}] has to be a table, got {quote(table)}")


def _field_problems(
    kind: str | None, name: str | None, table: dict[str, Any], struct: type[msgspec.Struct]
) -> Iterator[_Problem]:
    types = {field.name: field.type for field in msgspec.structs.fields(struct)}
    for key, value in table.items():
        if key not in types:
            table_name = f"{kind}.{quote(name)[1:-1]}" if kind is not None and name is not None else name
            where = f" in [{table_name}]" if name is not None else ""
            yield _Problem(
                name, key, f"unknown key {quote(key)}{where}{foreign_key(key, types) or nearest(key, types)}"
            )
        elif name is not None or key not in (*_TABLES, *_OF_CHECKS):
            try:
                msgspec.convert(value, types[key])
            except msgspec.ValidationError as error:
                yield _Problem(name, key, _misfit(kind, key, value, error))
            else:
                if key == "headers" and (fault := _header_fault(value)):
                    yield _Problem(name, key, fault)


_COMMAND = 'write the words that start the server, command = ["python", "server.py"]'
_NO_STREAM = "stall_timeout is about answers that are streamed: set stream = true, or leave it out"
_RULES = {
    "command": f"; {_COMMAND}",
    "gate": f"; {_GATE_FORMS}",
    "labels": '; a file of `benchmodels label`, such as "labels.csv", or a list of them',
    "models": '; a list of names such as ["openai/gpt-4o-mini"]; a model\'s own table is [model.NAME]',
}
_AGENT_RULES = {
    "args": '; write the words that follow those of the preset, args = ["--verbose"]',
    "command": '; write the words that start the agent, command = ["my-agent", "--model", "{model}"]',
    "memory": "; it is a number of MB",
    "prompt": '; write "stdin", "argument" or "file"',
}
_SECRETIVE = {
    "base_url": "has to be a text",
    "env": 'each value is a text, or read from the environment: write env = {TOKEN = "env:VARIABLE"}',
    "query": 'each value is a text, or read from the environment: write query = {api-version = "2024-10-21"}',
    "limits": "no address of a Redis; write redis://, rediss:// or unix:// and an address",
    "headers": 'each value is read from the environment, where keys belong: write headers = {NAME = "env:VARIABLE"}',
}
"""Keys whose values are not shown, for they may hold a password or a key; with what each has to be."""


def _misfit(kind: str | None, key: str, value: object, error: Exception) -> str:
    """What is wrong with a value."""
    if key in _SECRETIVE:
        return f"{key}: {_SECRETIVE[key]}"
    rule = _AGENT_RULES.get(key, "") if kind == "model" else _RULES.get(key, "")
    return f"{key} = {quote(value)}: {error}{rule}"


def _header_fault(headers: object) -> str | None:
    """Which header no table may set: the plugin's own, by which requests are read."""
    names = headers if isinstance(headers, dict) else {}
    taken = next((name for name in names if isinstance(name, str) and name.casefold() in _OWN_HEADERS), None)
    return None if taken is None else f"headers: {quote(taken)} is set for each request by the plugin: leave it out"


def place_of(path: Path, kind: str, name: str, key: str) -> str:
    """Where a key of the table [kind.name] stands, as `bench.toml:12`; its table's line where it has none."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return path.name
    return _located(path.name, text, _Problem(name if kind else None, key, "")).removesuffix(": ")


def _located(file: str, text: str, problem: _Problem) -> str:
    """Prefix `file:line:`; tomllib keeps no lines, so look for the key below its table's header."""
    inside, line = problem.name is None, 1
    for number, content in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[(.+)\]\s*(#.*)?$", content)
        if header:
            inside = problem.name is not None and problem.name in header[1]
            line = number if inside or (problem.name is None and header[1].strip() == problem.key) else line
        if inside and re.match(rf"\s*[\"']?{re.escape(problem.key)}[\"']?\s*[=.]", content):
            return f"{file}:{number}: {problem.message}"
    return f"{file}:{line}: {problem.message}"
