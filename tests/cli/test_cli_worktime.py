"""Sessions of a run: the time in which they were at work, and the hours between them, which are nobody's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pytest_benchmodels.cli.evaluation import TimedTally
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.core.run import Pool, Session
from pytest_benchmodels.store import Store
from tests.cli.cli_parts import made_run, result, run_command, usual_store
from tests.core.made_results import changed

Capture = pytest.CaptureFixture[str]

BEGAN = 1_000_000_000.0
HOUR_S = 3600.0
SESSIONS = (Session(BEGAN, 2), Session(BEGAN + HOUR_S, 1))
SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), min_size=1, max_size=12)


def part(session: int, name: str, second: float, duration_s: float = 1.0, **facts: object) -> Result:
    """A run that began so many seconds after all else."""
    one = changed(result(name, started_at=BEGAN + second), duration_s=duration_s, session=session)
    return changed(one, **facts)


def resumed() -> list[Result]:
    """Four runs two at a time, and an hour later two more one after the other."""
    first = [part(1, name, second) for name, second in (("a", 0), ("b", 0), ("c", 1), ("d", 1))]
    return [*first, part(2, "e", HOUR_S), part(2, "f", HOUR_S + 1)]


def test_the_hours_between_two_sessions_are_no_makespan() -> None:
    tally = TimedTally(resumed(), SESSIONS)

    figures = tally.figures()

    assert (figures.makespan_s, figures.lower_bound_s) == (4.0, 4.0)
    assert figures.runs_per_min == figures.scenarios_per_min == 90.0
    assert (tally.began_at, tally.ended_at) == (BEGAN, BEGAN + HOUR_S + 2)
    assert tally.idle_s == HOUR_S - 2
    assert tally.lanes == 1, "the newest session's"


def test_what_nobody_knows_of_sessions_is_one() -> None:
    figures = TimedTally([changed(each, session=0) for each in resumed()]).figures()

    assert figures.makespan_s == HOUR_S + 2
    assert figures.lower_bound_s == 3.0, "two at once were seen"


@pytest.mark.parametrize("number", [-1, 0, 3, 10**30])
def test_a_session_that_is_not_there_is_not_known(number: int) -> None:
    figures = TimedTally([part(1, "a", 0), part(number, "b", 10), part(number, "c", 10)], SESSIONS).figures()

    assert (figures.makespan_s, figures.lower_bound_s) == (2.0, 2.0)


def test_what_was_allowed_counts_and_not_what_was_seen() -> None:
    """Three runs one after another, where four were allowed of one model and one of the other."""
    sessions = [Session(BEGAN, 4, {"n": 1})]
    seen = [part(1, name, second) for second, name in enumerate("abc")]

    assert TimedTally(seen, sessions).figures().lower_bound_s == 1.0
    limited = [replace(each, model="n") for each in seen]
    assert TimedTally([*seen, *limited], sessions).figures().lower_bound_s == 3.0


def test_shards_that_worked_at_once_stand_beside_each_other() -> None:
    sessions = [Session(BEGAN, 1), Session(BEGAN + 1, 1)]
    first, second = [part(1, name, n * 2, 2.0) for n, name in enumerate("ab")], [part(2, "c", 1, 6.0)]

    figures = TimedTally([*first, *second], sessions).figures()

    assert (figures.makespan_s, figures.lower_bound_s) == (7.0, 6.0)


def test_what_was_taken_over_or_skipped_is_no_ones_work() -> None:
    others = [part(2, "g", 10 * HOUR_S, cached=True), replace(part(1, "h", 5 * HOUR_S), status="skipped")]

    assert TimedTally([*resumed(), *others], SESSIONS).figures().makespan_s == 4.0


@given(st.lists(SPANS, min_size=1, max_size=5))
def test_the_makespan_is_the_time_in_which_any_session_was_at_work(spans: Sequence[list[tuple[int, int]]]) -> None:
    found = [
        part(number, f"{number}-{place}", start, length)
        for number, session in enumerate(spans, 1)
        for place, (start, length) in enumerate(session)
    ]
    extents = [(min(start for start, _ in each), max(start + length for start, length in each)) for each in spans]
    worked = sum(any(first <= second < last for first, last in extents) for second in range(71))

    figures = TimedTally(found, [Session(BEGAN, 100)] * len(spans)).figures()

    assert figures.makespan_s == worked
    assert 0 < figures.lower_bound_s <= worked


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.0001, 3)), min_size=1, max_size=25),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(0, 25),
    st.sampled_from(["known", "unknown"]),
)
def test_no_bound_is_above_its_makespan(
    runs: list[tuple[str, float]], lanes: int, shared: int, stopped_after: int, sessions_are: str
) -> None:
    """A run of two sessions, as one that was resumed; each starts what it may as soon as it may."""
    found: list[Result] = []
    for number, some in ((1, runs[:stopped_after]), (2, runs[stopped_after:])):
        in_flight: list[tuple[str, float]] = []
        now = number * HOUR_S
        for model, took in some:
            while len(in_flight) >= shared or [of for of, _ in in_flight].count(model) >= lanes:
                now = min(end for _, end in in_flight)
                in_flight = [entry for entry in in_flight if entry[1] > now]
            in_flight.append((model, now + took))
            made = part(number if sessions_are == "known" else 0, f"{number}-{len(found)}", now, took)
            found.append(replace(made, model=model))
    pool = Pool(("a", "b", "c"), shared)
    sessions = [Session(BEGAN + HOUR_S, lanes, {}, (pool,)), Session(BEGAN + 2 * HOUR_S, lanes, {}, (pool,))]

    figures = TimedTally(found, sessions if sessions_are == "known" else ()).figures()

    assert 0 < figures.lower_bound_s <= figures.makespan_s + 1e-5


@pytest.fixture
def stored(folder: Path) -> Path:
    with Store.open(usual_store(folder)) as store:
        run_id = made_run(store, resumed())
        for session in SESSIONS:
            store.runs.enter(run_id, session)
        store._database.write("UPDATE runs SET started_at = ?, finished_at = ?", (BEGAN, BEGAN + HOUR_S + 2.5))
    return usual_store(folder)


CLOSING = ["throughput: 90.0 scenarios/min, 90.0 model runs/min", "makespan 4.0 s, lower bound 4.0 s (100%)"]


def test_each_command_tells_the_same_of_a_resumed_run(stored: Path, folder: Path, capsys: Capture) -> None:
    lines = run_command(capsys, "show", "latest").out.splitlines()
    run_command(capsys, "report", "latest", "--json", "r.json", "--markdown", "r.md", "--junitxml", "r.xml")
    again = run_command(capsys, "show", "r.json").out.splitlines()
    run_command(capsys, "report", "r.json", "--json", "again.json")

    assert lines[1].endswith("Z, the work of 2 sessions")
    assert lines[-2:] == again[-2:] == CLOSING
    assert all(line in (folder / "r.md").read_text() for line in CLOSING)
    assert 'time="4.500"' in (folder / "r.xml").read_text()
    document, same = (run_command(capsys, "show", name, "--json").document for name in ("r.json", "again.json"))
    assert document["figures"]["makespan_s"] == 4.0
    assert (folder / "r.json").read_text() == (folder / "again.json").read_text()
    assert document == same


def test_a_merged_run_leaves_out_the_hours_too(stored: Path, folder: Path, capsys: Capture) -> None:
    run_command(capsys, "report", "latest", "--json", "r.json")

    for part_name in (stored, "r.json"):
        run_command(capsys, "merge", f"{Path(part_name).name}.out", part_name)
        shown = run_command(capsys, "show", "latest", "--store", f"{Path(part_name).name}.out").out
        assert shown.splitlines()[-2:] == CLOSING


def test_shards_on_several_days_leave_out_the_nights(folder: Path, capsys: Capture) -> None:
    for number, name in enumerate(("a", "b"), 1):
        with Store.open(folder / f"{number}.sqlite") as store:
            run_id = made_run(store, [part(1, name, number * HOUR_S)], shard=f"{number}/2")
            store.runs.enter(run_id, Session(BEGAN, 1))

    run_command(capsys, "merge", "out.sqlite", "1.sqlite", "2.sqlite")

    assert (
        "\nmakespan 2.0 s, lower bound 2.0 s (100%)\n"
        in run_command(capsys, "show", "latest", "--store", "out.sqlite").out
    )


def test_a_session_at_no_time_can_be_written(stored: Path, folder: Path, capsys: Capture) -> None:
    with Store.open(stored) as store:
        store._database.write("UPDATE sessions SET started_at = 1e300")

    assert run_command(capsys, "report", "latest", "--json", "r.json").status == 0
    assert '"started_at":"1970-01-01T00:00:00.000Z","concurrency":2' in (folder / "r.json").read_text()


@pytest.mark.parametrize(
    "sessions",
    [
        "1",
        "[1]",
        "[{}]",
        '[{"started_at": 5, "concurrency": 0, "windows": {}}]',
        '[{"started_at": "", "concurrency": 1e99, "windows": {}}]',
        '[{"started_at": "", "concurrency": 1, "windows": {"m": -1}}]',
        "null",
    ],
)
def test_sessions_of_a_file_that_are_none_are_not_known(
    sessions: str, stored: Path, folder: Path, capsys: Capture
) -> None:
    run_command(capsys, "report", "latest", "--json", "r.json")
    document = json.loads((folder / "r.json").read_text())
    document["run"]["sessions"] = json.loads(sessions)
    (folder / "r.json").write_text(json.dumps(document))

    done = run_command(capsys, "show", "r.json")

    assert done.status == 0, done.err
    assert "makespan 3602.0 s" in done.out
