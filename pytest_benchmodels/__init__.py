"""Run scenario files against LLMs as pytest items: fast, isolated, truthful."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_benchmodels.core.call import Call, GradingContext, Provider, Request, Transcript
    from pytest_benchmodels.core.errors import BenchError, CallError, CheckError, FormatError, ProviderError
    from pytest_benchmodels.core.message import (
        FilePart,
        ImagePart,
        Message,
        Response,
        TextPart,
        ToolCall,
        ToolResult,
        Usage,
    )
    from pytest_benchmodels.core.model import Model
    from pytest_benchmodels.core.result import Result
    from pytest_benchmodels.core.scenario import Grade, Grader
    from pytest_benchmodels.providers.api_protocol import ApiProtocol
    from pytest_benchmodels.providers.dialect import BlockedError, FailedError, Reading, UnreadableError
    from pytest_benchmodels.providers.key import Key
    from pytest_benchmodels.providers.sim import SimServer
    from pytest_benchmodels.reports.bench_json import Evaluation

__all__ = [
    "ApiProtocol",
    "BenchError",
    "BlockedError",
    "Call",
    "CallError",
    "CheckError",
    "Evaluation",
    "FailedError",
    "FilePart",
    "FormatError",
    "Grade",
    "Grader",
    "GradingContext",
    "ImagePart",
    "Key",
    "Message",
    "Model",
    "Provider",
    "ProviderError",
    "Reading",
    "Request",
    "Response",
    "Result",
    "SimServer",
    "TextPart",
    "ToolCall",
    "ToolResult",
    "Transcript",
    "UnreadableError",
    "Usage",
]

_HOMES = {
    "core.call": ("Call", "GradingContext", "Provider", "Request", "Transcript"),
    "core.errors": ("BenchError", "CallError", "CheckError", "FormatError", "ProviderError"),
    "core.scenario": ("Grade", "Grader"),
    "core.message": ("FilePart", "ImagePart", "Message", "Response", "TextPart", "ToolCall", "ToolResult", "Usage"),
    "core.model": ("Model",),
    "core.result": ("Result",),
    "providers.api_protocol": ("ApiProtocol",),
    "providers.dialect": ("BlockedError", "FailedError", "Reading", "UnreadableError"),
    "providers.key": ("Key",),
    "providers.sim": ("SimServer",),
    "reports.bench_json": ("Evaluation",),
}


def __getattr__(name: str) -> object:
    """Import on first use: pytest loads this package in every project that has it installed."""
    from importlib import import_module  # noqa: PLC0415 - the same reason

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
