"""`benchmodels schema`: the JSON Schema of scenario files, for editors."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from importlib.resources import files

from pytest_benchmodels.cli.output import Output

__all__ = ["add_arguments", "run"]


def add_arguments(_: ArgumentParser) -> None:
    """Nothing: the command has no arguments of its own."""


def run(_: Namespace, output: Output) -> int:
    # It ships with the package, and a test holds it to what the loader's model generates.
    shipped = files("pytest_benchmodels").joinpath("scenario.schema.json").read_bytes()
    output.document(json.loads(shipped))
    return 0
