"""The figures of streams: both sides do the same work, and times are held against the server's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.contest import Contest, Work
from benchmarks.scale import QUICK
from benchmarks.server import Server
from benchmarks.stream_figures import STREAM_FIGURES, differences


def test_streamed_and_not_it_is_the_same_answer_after_the_same_time(tmp_path: Path) -> None:
    told = {}
    with Server(0.02, 0.0, chunks=5, gap_s=0.01) as server:
        for stream in (False, True):
            contest = Contest(tmp_path, server, Work(2, 1), stream=stream)
            contest.plugin("-p", "no:cacheprovider", "--bench-json=streams.json")
            told[stream] = json.loads((contest.folder / "streams.json").read_text())["results"]
            held = server.held()
            assert min(held.values()) >= (0.02 if stream else 0.06)
        late = differences(contest, held)

    texts = [[each["response"]["text"] for each in results] for results in told.values()]
    assert texts[0] == texts[1]
    assert all(each["response"]["ttft_s"] is None for each in told[False])
    assert all(each["response"]["usage"]["output_tokens"] == 5 for results in told.values() for each in results)
    assert all(each["latency_s"] >= 0.06 for results in told.values() for each in results)
    assert len(late) == 2


def test_a_request_that_the_server_does_not_know_is_refused(tmp_path: Path) -> None:
    with Server(0.02, 0.0, chunks=2) as server:
        contest = Contest(tmp_path, server, Work(1, 1), stream=True)
        contest.plugin("-p", "no:cacheprovider", "--bench-json=streams.json")
    with pytest.raises(KeyError):
        differences(contest, {})


def test_the_rows_name_what_they_compare(tmp_path: Path) -> None:
    paced, at_once = STREAM_FIGURES["stream_cpu"](QUICK, tmp_path)
    (first,) = STREAM_FIGURES["stream_ttft"](QUICK, tmp_path)
    assert [(row.limit, row.holds) for row in (paced, at_once, first)] == [
        ("1.5 x", None),
        ("1.5 x", None),
        ("20 ms", None),
    ]
    assert "one each 10 ms" in paced.what
    assert first.measured.count(" ms") == 2
