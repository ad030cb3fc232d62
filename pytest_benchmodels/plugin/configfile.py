"""bench.toml -> typed configuration."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.text import nearest, quote

__all__ = ["ConfigFile", "ModelEntry", "PriceEntry", "read_config"]

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class PriceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """US dollars per million tokens."""

    input: NotNegative
    output: NotNegative


class ModelEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[model.NAME]` table. `timeout` is in seconds, 0 for no limit."""

    provider: str | None = None
    name: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    params: dict[str, Any] = {}
    timeout: NotNegative | None = None
    max_in_flight: Count | None = None
    price: PriceEntry | None = None


class ConfigFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole bench.toml. `allow_paths` are folders, relative to the file, that datasets may be read from."""

    models: list[str] = []
    allow_paths: list[str] = []
    model: dict[str, ModelEntry] = {}


def read_config(path: Path) -> ConfigFile:
    """Read and validate; raise `ConfigError` with file, line, value, rule and remedy."""
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise ConfigError(f"{path.name}:{line[1] if line else text.count(chr(10)) + 1}: {error}") from error
    problems = [_located(path.name, text, *problem) for problem in _problems(document)]
    if problems:
        raise ConfigError("\n".join(problems))
    return msgspec.convert(document, ConfigFile)


def _problems(document: dict[str, Any]) -> list[tuple[str | None, str, str]]:
    """Everything that is wrong: (model or None, key, message)."""
    found = _field_problems(None, document, ConfigFile, skip="model")
    models = document.get("model", {})
    if not isinstance(models, dict):
        return [*found, (None, "model", "[model.NAME] has to be a table")]
    for name, entry in models.items():
        if isinstance(entry, dict):
            found += _field_problems(name, entry, ModelEntry)
        else:
            found.append((None, "model", f"[model.{name}] has to be a table, got {quote(entry)}"))
    return found


def _field_problems(
    model: str | None, table: dict[str, Any], struct: type[msgspec.Struct], skip: str = ""
) -> list[tuple[str | None, str, str]]:
    types = {field.name: field.type for field in msgspec.structs.fields(struct)}
    found = []
    for key, value in table.items():
        if key not in types:
            where = f" in [model.{quote(model)[1:-1]}]" if model is not None else ""
            found.append((model, key, f"unknown key {quote(key)}{where}{nearest(key, types)}"))
        elif key != skip:
            try:
                msgspec.convert(value, types[key])
            except msgspec.ValidationError as error:
                found.append((model, key, f"{key} = {quote(value)}: {error}"))
    return found


def _located(name: str, text: str, model: str | None, key: str, message: str) -> str:
    """Prefix `file:line:`; tomllib keeps no lines, so look for the key below its table's header."""
    inside, line = model is None, 1
    for number, content in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[(.+)\]\s*(#.*)?$", content)
        if header:
            inside = model is not None and model in header[1]
            line = number if inside else line
        if inside and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", content):
            return f"{name}:{number}: {message}"
    return f"{name}:{line}: {message}"
