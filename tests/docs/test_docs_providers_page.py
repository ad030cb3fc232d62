"""The examples of docs/providers.md: its scenario passes, its models are understood."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_benchmodels.formats.configfile import read_config
from pytest_benchmodels.plugin.session.models import Models
from tests.docs.docs_reading import PAGES, blocks

BLOCKS = {block.name: block for block in blocks(PAGES["providers"])}


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["serial", "n2"])
def test_the_scenario_is_answered_as_its_schema_wants(workers: tuple[str, ...], pytester: pytest.Pytester) -> None:
    (pytester.path / "structured.yaml").write_text(BLOCKS["structured.yaml"].text, encoding="utf-8")

    result = pytester.runpytest_subprocess("--bench", "structured.yaml", *workers)

    assert result.parseoutcomes() == {"passed": 1}


@pytest.mark.parametrize("name", [name for name in BLOCKS if name.endswith(".toml")])
def test_the_models_are_understood(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(BLOCKS[name].text, encoding="utf-8")
    config = read_config(path)

    resolved = [Models((), config, "http://sim").resolve(model) for model in config.model]

    assert [model.provider for model in resolved] == [entry.provider for entry in config.model.values()]


def test_the_page_counts_the_recorded_errors() -> None:
    recorded = (Path(__file__).parents[1] / "providers/recorded_errors.jsonl").read_text(encoding="utf-8")

    counted = re.search(r"(\d+) recorded bodies", PAGES["providers"])
    assert counted is not None
    assert int(counted[1]) == len(recorded.splitlines())
