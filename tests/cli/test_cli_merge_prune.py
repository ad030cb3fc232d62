"""`benchmodels merge` and `benchmodels prune`."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_benchmodels.cli.commands import age
from pytest_benchmodels.core.result import Result
from pytest_benchmodels.store import Store
from tests.cli.cli_parts import judged, made_run, made_store, result, run_command, usual_store
from tests.core.made_results import changed

Capture = pytest.CaptureFixture[str]


def shard_store(path: Path, results: list[Result], shard: str | None, *, finished: bool = True) -> None:
    with Store.open(path) as store:
        made_run(store, [result("from-an-earlier-run")])
        command = ("--bench", "suite", "--bench-shard", shard or "", "-q", f"--bench-shard={shard}")
        run_id = made_run(store, results, shard=shard, finished=finished, command=command)
        store._database.write("UPDATE runs SET started_at = started_at + 60 WHERE id = ?", (run_id,))


@pytest.fixture
def shards(folder: Path) -> list[str]:
    """Three stores, each with the third part of `a`, `b`, `c` as its newest run."""
    for number, name in enumerate("abc", 1):
        shard_store(folder / f"{number}.sqlite", [result(name)], f"{number}/3")
    return ["1.sqlite", "2.sqlite", "3.sqlite"]


def results_of(path: str) -> list[str]:
    with Store.open_to_read(Path(path)) as store:
        (run,) = store.runs.newest_first()
        return [each.scenario for each in store.results.of(run.id)]


def test_shards_become_one_run_with_transcripts(shards: list[str], capsys: Capture) -> None:
    done = run_command(capsys, "merge", "out.sqlite", *shards)

    assert done.status == 0, done.err
    run_id, _, told = done.out.partition(": ")
    assert told == "3 results of 3 parts, in out.sqlite\n"
    (entry,) = run_command(capsys, "list", "--store", "out.sqlite", "--json").document
    assert (entry["id"], entry["state"], entry["total"], entry["shard"]) == (run_id, "finished", 3, None)
    assert entry["command"] == ["--bench", "suite", "-q"]
    assert results_of("out.sqlite") == ["a", "b", "c"]
    assert "> user: 2 + 2?" in run_command(capsys, "show", "latest", "b[m]", "--store", "out.sqlite").out


def test_the_parts_stay_as_they_are(shards: list[str], folder: Path, capsys: Capture) -> None:
    before = [(folder / name).read_bytes() for name in shards]

    run_command(capsys, "merge", "out.sqlite", *shards)

    assert [(folder / name).read_bytes() for name in shards] == before


def test_files_and_stores_are_merged(shards: list[str], capsys: Capture) -> None:
    run_command(capsys, "report", "latest", "--store", "2.sqlite", "--json", "2.json")

    done = run_command(capsys, "merge", "out.sqlite", "1.sqlite", "2.json", "3.sqlite")

    assert done.status == 0, done.err
    assert results_of("out.sqlite") == ["a", "b", "c"]
    assert ": 4" in run_command(capsys, "show", "latest", "b[m]", "--store", "out.sqlite").out


def test_a_missing_shard_is_refused_unless_forced(shards: list[str], folder: Path, capsys: Capture) -> None:
    done = run_command(capsys, "merge", "out.sqlite", "2.sqlite")

    assert done.status == 2
    assert done.err == (
        "benchmodels: error: missing: shard 1/3, 3/3; name where they are, or merge what there is with --force\n"
    )
    assert not (folder / "out.sqlite").exists()
    assert run_command(capsys, "merge", "out.sqlite", "2.sqlite", "--force").status == 0


def test_a_missing_shard_of_files_is_refused_too(shards: list[str], capsys: Capture) -> None:
    for number in (1, 3):
        run_command(capsys, "report", "latest", "--store", f"{number}.sqlite", "--json", f"{number}.json")

    done = run_command(capsys, "merge", "out.sqlite", "1.json", "3.json")

    assert done.status == 2
    assert (
        done.err == "benchmodels: error: missing: shard 2/3; name where they are, or merge what there is with --force\n"
    )
    assert run_command(capsys, "merge", "out.sqlite", "1.json", "2.sqlite", "3.json").status == 0


def test_a_file_of_before_shards_were_told_may_be_any_of_them(shards: list[str], folder: Path, capsys: Capture) -> None:
    run_command(capsys, "report", "latest", "--store", "2.sqlite", "--json", "2.json")
    older = (folder / "2.json").read_text().replace('"shard":"2/3",', "")
    (folder / "2.json").write_text(older)

    assert run_command(capsys, "merge", "out.sqlite", "1.sqlite", "2.json", "3.sqlite").status == 0
    assert "missing: shard 2/3, 3/3" in run_command(capsys, "merge", "o.sqlite", "1.sqlite", "1.sqlite").err


def test_many_missing_shards_are_counted(folder: Path, capsys: Capture) -> None:
    shard_store(folder / "s.sqlite", [result("a")], "1/99")

    assert "11/99 and 88 more; name" in run_command(capsys, "merge", "out.sqlite", "s.sqlite").err


def test_a_shard_named_twice_is_refused(shards: list[str], capsys: Capture) -> None:
    done = run_command(capsys, "merge", "out.sqlite", "1.sqlite", "3.sqlite", "1.sqlite")

    assert done.status == 2
    missing, overlapping = done.err.splitlines()
    assert missing.startswith("benchmodels: error: missing: shard 2/3; name where they are, ")
    assert overlapping == (
        "benchmodels: error: '1.sqlite' overlaps: 'suite.yaml::a[m]' is in '1.sqlite' too; name each shard once, "
        "or merge what there is with --force"
    )


def test_of_overlapping_results_the_verdict_wins(folder: Path, capsys: Capture) -> None:
    shard_store(folder / "1.sqlite", [result("a"), result("b", "error", started_at=2e9)], None)
    shard_store(folder / "2.sqlite", [result("a", "error", started_at=2e9), result("b")], None)

    assert "and 1 more; name each shard once" in run_command(capsys, "merge", "o.sqlite", "1.sqlite", "2.sqlite").err
    assert run_command(capsys, "merge", "o.sqlite", "1.sqlite", "2.sqlite", "--force").status == 0
    assert run_command(capsys, "gate", "latest", "error_rate == 0", "--store", "o.sqlite").status == 0


def test_an_unfinished_shard_is_refused(folder: Path, capsys: Capture) -> None:
    shard_store(folder / "1.sqlite", [result("a")], "1/1", finished=False)

    done = run_command(capsys, "merge", "out.sqlite", "1.sqlite")

    assert done.status == 2
    assert (
        " is interrupted; finish it with --bench-resume --bench-shard 1/1, or merge what there is with --force"
        in done.err
    )
    assert run_command(capsys, "merge", "out.sqlite", "1.sqlite", "--force").status == 0
    assert run_command(capsys, "list", "--store", "out.sqlite", "--json").document[0]["state"] == "interrupted"


def test_a_shard_that_ended_with_an_error_is_merged(folder: Path, capsys: Capture) -> None:
    shard_store(folder / "1.sqlite", [result("a")], "1/2")
    shard_store(folder / "2.sqlite", [result("b"), result("c", "error")], "2/2", finished=False)

    done = run_command(capsys, "merge", "out.sqlite", "1.sqlite", "2.sqlite")

    assert done.status == 0, done.err
    (entry,) = run_command(capsys, "list", "--store", "out.sqlite", "--json").document
    assert (entry["state"], entry["results"], entry["total"]) == ("unfinished", 3, 3)


def test_a_shard_that_still_runs_is_refused(folder: Path, capsys: Capture) -> None:
    shard_store(folder / "1.sqlite", [result("a")], "1/1")
    with Store.open(folder / "1.sqlite") as store:
        store.runs.resume(store.runs.find("latest").id)

    assert "is running; wait for its end" in run_command(capsys, "merge", "out.sqlite", "1.sqlite").err
    # Its copy is no work of this process.
    assert run_command(capsys, "merge", "out.sqlite", "1.sqlite", "--force").status == 0
    assert run_command(capsys, "list", "--store", "out.sqlite", "--json").document[0]["state"] == "interrupted"


def test_shards_of_different_splits_are_refused(folder: Path, capsys: Capture) -> None:
    shard_store(folder / "1.sqlite", [result("a")], "1/2")
    shard_store(folder / "2.sqlite", [result("b")], "2/3")

    done = run_command(capsys, "merge", "out.sqlite", "1.sqlite", "2.sqlite")

    assert "these are shards of different splits ('1.sqlite' is 1/2, '2.sqlite' is 2/3); merge those of one" in done.err


def test_a_shard_that_says_nonsense_counts_as_none(folder: Path, capsys: Capture) -> None:
    shard_store(folder / "1.sqlite", [result("a")], "1/99999999999")

    assert run_command(capsys, "merge", "out.sqlite", "1.sqlite").status == 0


def test_a_store_is_not_merged_into_itself(shards: list[str], capsys: Capture) -> None:
    done = run_command(capsys, "merge", "1.sqlite", "./1.sqlite")

    assert done.status == 2
    assert done.err == "benchmodels: error: './1.sqlite' is to be merged into itself; name another file as OUT\n"


def test_a_part_that_is_not_there(capsys: Capture) -> None:
    done = run_command(capsys, "merge", "out.sqlite", "nope")

    assert done.status == 2
    assert done.err == (
        "benchmodels: error: 'nope': there is no such file; name a store or a file that --bench-json wrote\n"
    )


def test_the_whole_joins_what_the_store_has(shards: list[str], folder: Path, capsys: Capture) -> None:
    made_store(folder / "out.sqlite", [result("old")])

    assert run_command(capsys, "merge", "out.sqlite", *shards).status == 0
    assert len(run_command(capsys, "list", "--store", "out.sqlite", "--json").document) == 2


def test_prune_keeps_the_newest(folder: Path, capsys: Capture) -> None:
    ids = made_store(usual_store(folder), *([result(name)] for name in "abc"))

    dry = run_command(capsys, "prune", "--keep", "1", "--dry-run")
    assert dry.out == f"{ids[1]}\n{ids[0]}\nwould remove 2 runs, 2 results, 2 answers\n"
    assert len(run_command(capsys, "list", "--json").document) == 3

    done = run_command(capsys, "prune", "--keep", "1")
    assert done == (0, dry.out.replace("would remove", "removed"), "")
    assert [run["id"] for run in run_command(capsys, "list", "--json").document] == [ids[2]]


def test_prune_gives_the_space_back(folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder), [result(f"s{number}", text="x" * 10_000) for number in range(50)], [result("a")])
    before = usual_store(folder).stat().st_size

    assert run_command(capsys, "prune", "--keep", "1").status == 0
    assert usual_store(folder).stat().st_size < before / 5


def test_prune_by_age(folder: Path, capsys: Capture) -> None:
    ids = made_store(usual_store(folder), *([result(name)] for name in "abc"))

    assert run_command(capsys, "prune", "--older-than", "90m").out.splitlines()[0] == ids[0]
    assert run_command(capsys, "prune", "--older-than", "90m").out == "removed 0 runs, 0 results, 0 answers\n"


def test_prune_has_to_be_told_what_may_stay(folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder), [result("a")])

    done = run_command(capsys, "prune")

    assert done.status == 2
    assert done.err == (
        "benchmodels: error: prune removes runs for good: say which ones may stay, with --keep N or --older-than AGE\n"
    )


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("2m", 120), ("3h", 10_800), ("30d", 2_592_000), ("1w", 604_800)]
)
def test_an_age(text: str, seconds: float) -> None:
    assert age(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "30", "3x", "-1d", "1.5d", "٣d", "9999999999d"])
def test_what_is_no_age_is_refused(text: str, capsys: Capture) -> None:
    done = run_command(capsys, "prune", f"--older-than={text}")

    assert done.status == 2
    assert f"{text!r} is no age; write a number and s, m, h, d or w, such as 30d" in done.err


def test_the_makespan_of_a_merged_run_is_that_of_all(folder: Path, capsys: Capture) -> None:
    shard_store(folder / "1.sqlite", [result("a")], "1/2")
    shard_store(folder / "2.sqlite", [changed(result("b"), started_at=1_000_000_009.0)], "2/2")

    run_command(capsys, "merge", "out.sqlite", "1.sqlite", "2.sqlite")

    assert "makespan 10.0 s" in run_command(capsys, "show", "latest", "--store", "out.sqlite").out


def test_the_whole_has_answers_that_a_shard_took_over_and_calls_of_checks(folder: Path, capsys: Capture) -> None:
    before = result("a")
    reused = changed(before, cached=True, regraded=True)
    with Store.open(folder / "1.db") as store:
        made_run(store, [before])
        run_id = made_run(store, [reused], shard="1/2")
        store._database.write("UPDATE runs SET started_at = started_at + 60 WHERE id = ?", (run_id,))
    with Store.open(folder / "2.db") as store:
        run_id = made_run(store, [result("b")], shard="2/2")
        store.results.add(run_id, [judged("b")])

    assert run_command(capsys, "merge", "whole.db", "1.db", "2.db").status == 0

    with (
        Store.open(folder / "whole.db") as whole,
        Store.open(folder / "1.db") as one,
        Store.open(folder / "2.db") as two,
    ):
        assert whole.responses.find(before.fingerprint) == one.responses.find(before.fingerprint)
        b = result("b").fingerprint
        assert whole.responses.find(b) == two.responses.find(b)
        assert list(whole.calls.each()) == list(two.calls.each())
        assert [call.fingerprint for call in whole.calls.each()] == ["judge-b"]


def test_an_older_shard_does_not_bring_its_answers_in_place_of_newer_ones(folder: Path, capsys: Capture) -> None:
    for name, text in (("old.db", "old"), ("whole.db", "new")):
        with Store.open(folder / name) as store:
            made_run(store, [result("a", text=text)])

    assert run_command(capsys, "merge", "whole.db", "old.db").status == 0

    with Store.open(folder / "whole.db") as whole:
        found = whole.responses.find(result("a").fingerprint)
        assert found is not None
        assert found.answers[0].text == "new"


def test_prune_tells_of_calls_and_leaves_what_is_still_rested_on(folder: Path, capsys: Capture) -> None:
    with Store.open(usual_store(folder)) as store:
        for name in "ab":
            run_id = made_run(store, [])
            store.results.add(run_id, [judged(name)])
            store._database.write("UPDATE runs SET started_at = started_at - 60 WHERE id != ?", (run_id,))

    out = run_command(capsys, "prune", "--keep", "1").out

    assert out.endswith("removed 1 run, 1 result, 1 answer, 1 call of checks\n")
    assert "Is b right?" in run_command(capsys, "show", "latest", "b").out


def test_an_older_file_does_not_bring_its_answers_in_place_of_newer_ones(folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder), [result("a", text="old"), changed(result("b"), cached=True, regraded=True)])
    run_command(capsys, "report", "latest", "--json", "old.json")
    with Store.open(folder / "whole.db") as store:
        made_run(store, [result("a", text="new")])

    assert run_command(capsys, "merge", "whole.db", "old.json").status == 0

    with Store.open(folder / "whole.db") as whole:
        found = whole.responses.find_all(result(name).fingerprint for name in "ab")
        assert [found[result(name).fingerprint].answers[0].text for name in "ab"] == ["new", "4"]
