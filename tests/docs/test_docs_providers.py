"""The provider of extending.md speaks to a server that demands its tokens and its signatures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.docs_reading import DOCS, blocks
from tests.plugin.signed_server import CLIENT, served


def test_the_documented_provider_signs_and_renews(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    for block in blocks(DOCS["extending"]):
        if block.name in ("conftest.py", "own-provider.yaml"):
            with (pytester.path / block.name).open("a", encoding="utf-8") as file:
                file.write(block.text)
    monkeypatch.setenv("ACME_SECRET", CLIENT)
    with served() as server:
        monkeypatch.setenv("ACME_URL", server.url)

        result = pytester.runpytest_subprocess("--bench", "own-provider.yaml", "--bench-repeat=5")

    assert result.parseoutcomes() == {"passed": 5}
    assert (dict(server.statuses), len(server.tokens)) == ({200: 5}, 3)
    assert CLIENT not in result.stdout.str()
    assert (Path(pytester.path) / "results.tsv").read_text().count("acme/large\t") == 5
