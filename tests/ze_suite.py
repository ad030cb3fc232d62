"""A suite in the form of ze-benchmarks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

__all__ = ["SCENARIO", "suite"]

SCENARIO: dict[str, Any] = {
    "id": "ZE_paint",
    "suite": "walls",
    "title": "Paint",
    "description": "Paint the wall.",
    "timeout_minutes": 2,
    "validation": {"commands": {"install": "true", "test": "grep -q red wall.txt"}},
    "oracle": {"answers_file": "./oracle-answers.json"},
    "heuristic_checks": {
        "enabled": True,
        "files": [{"name": "there", "path": "wall.txt"}],
        "patterns": [{"name": "no_blue", "file": "*.txt", "pattern": "blue", "weight": 3}],
    },
    "llm_judge": {
        "enabled": True,
        "model": "acme/judge",
        "categories": ["Colour (Weight: 35%): right", "Edges (65%): clean"],
    },
}


def suite(folder: Path, scenario: Mapping[str, Any], *, fixture: bool = True, **prompts: str) -> Path:
    """Write one scenario with its prompts; the path of its scenario.yaml."""
    here = folder / "suites" / "walls" / "scenarios" / "paint"
    asked = folder / "suites" / "walls" / "prompts" / "paint"
    for needed in (here, asked):
        needed.mkdir(parents=True, exist_ok=True)
    if fixture:
        (here / "repo-fixture").mkdir(exist_ok=True)
        (here / "repo-fixture" / "wall.txt").write_text("red\n")
        (here / "repo-fixture" / "README.md").write_text("The answer.\n")
    (here / "oracle-answers.json").write_text(json.dumps({"colour": "red"}))
    for tier, text in (prompts or {"L1": "Paint it."}).items():
        (asked / f"{tier}.md").write_text(text)
    path = here / "scenario.yaml"
    path.write_text(yaml.safe_dump(dict(scenario), sort_keys=False))
    return path
