"""The providers of extending.md: one signs what it sends to a server that demands it, one reads streams."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.docs_reading import DOCS, blocks
from tests.plugin.scripted_server import events, scripted
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


def test_the_documented_provider_streams(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    for block in blocks(DOCS["extending"]):
        if block.name in ("streamed/conftest.py", "own-provider.yaml"):
            (pytester.path / Path(block.name).name).write_text(block.text, encoding="utf-8")
    (pytester.path / "bench.toml").write_text('[model."acme/large"]\nstream = true\n', encoding="utf-8")
    pieces = [{"kind": "begin"}, {"kind": "piece", "text": "hel"}, {"kind": "piece", "text": "lo"}]
    failed = events(*pieces, {"kind": "error", "error": {"message": "overloaded", "code": 529}})
    with scripted(failed, events(*pieces, {"kind": "end", "billed": [3, 2]})) as server:
        monkeypatch.setenv("ACME_URL", server.url)

        result = pytester.runpytest_subprocess("--bench", "-v", "own-provider.yaml")

    assert result.parseoutcomes() == {"passed": 1}
    result.stdout.fnmatch_lines(["stream: acme/large: first token p50 *"])
    assert [body["stream"] for _, body in server.asked] == [True, True]
