"""Write the JSON Schema that ships in the package anew: run this after a change to the format or to the checks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest_benchmodels
from pytest_benchmodels.formats import schema
from pytest_benchmodels.graders import BUILTIN, Extract

SHIPPED = Path(pytest_benchmodels.__file__).parent / "scenario.schema.json"


def current() -> str:
    """The schema as it has to be."""
    return json.dumps(schema(BUILTIN, Extract), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SHIPPED.write_text(current(), "utf-8")
