"""`benchmodels list` and `benchmodels show`."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from pytest_benchmodels.core.message import Message, Response, Usage
from pytest_benchmodels.core.result import CallSummary, Failure, Result, Status
from pytest_benchmodels.store import Record, Store
from tests.cli.cli_parts import ASKED, judged, made_run, made_store, record, result, run_command, usual_store
from tests.core.made_results import changed

Capture = pytest.CaptureFixture[str]
STATUSES: tuple[Status, ...] = ("passed", "failed", "timeout", "error", "skipped")


def one_of_each() -> list[Result]:
    return [result(f"s-{status}", status) for status in STATUSES]


def test_list_has_a_row_for_each_run_the_newest_first(folder: Path, capsys: Capture) -> None:
    old, new = made_store(usual_store(folder), [result("a")], one_of_each())

    titles, first, second = run_command(capsys, "list").out.splitlines()

    assert titles.split() == [
        *("run", "began", "state", "results", "passed", "failed", "timeout", "error", "skipped", "cost", "models"),
        "command",
    ]
    assert first.split()[0] == new
    assert first.split()[3:] == ["finished", "5/5", *"11111", "$0.50", "m", "--bench", "suite"]
    assert second.split()[0] == old
    assert second.split()[3:] == ["finished", "1/1", *"10000", "$0.25", "m", "--bench", "suite"]


def test_list_shows_so_many_and_how_many_more_there_are(folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder), *([result("a")] for _ in range(22)))

    assert run_command(capsys, "list").out.splitlines()[-1] == "and 2 older; --newest 0 shows all"
    assert run_command(capsys, "list", "-n1").out.splitlines()[-1] == "and 21 older; --newest 0 shows all"
    assert len(run_command(capsys, "list", "--newest", "0").out.splitlines()) == 23


def test_list_tells_a_shard_and_a_run_that_was_interrupted(folder: Path, capsys: Capture) -> None:
    with Store.open(usual_store(folder)) as store:
        made_run(store, [result("a")], shard="2/3", finished=False)

    assert "interrupted 2/3" in run_command(capsys, "list").out


def test_a_run_that_ended_without_every_verdict_says_when(folder: Path, capsys: Capture) -> None:
    with Store.open(usual_store(folder)) as store:
        made_run(store, [result("a"), result("b", "error")], finished=False)

    assert "unfinished" in run_command(capsys, "list").out
    (entry,) = run_command(capsys, "list", "--json").document
    assert (entry["state"], entry["finished_at"], entry["ended_at"]) == ("unfinished", None, "2001-09-09T01:46:41Z")
    title, facts, *_ = run_command(capsys, "show", "latest").out.splitlines()
    assert title.endswith(": unfinished, 2 of 2 results")
    assert facts.endswith(", ended 2001-09-09 01:46:41Z")


def test_list_as_json(folder: Path, capsys: Capture) -> None:
    (run_id,) = made_store(usual_store(folder), one_of_each())

    (entry,) = run_command(capsys, "list", "--json").document

    assert entry["id"] == run_id
    assert entry["statuses"] == dict.fromkeys(STATUSES, 1)
    assert (entry["results"], entry["total"], entry["models"], entry["cost_usd"]) == (5, 5, ["m"], 0.5)
    assert (entry["state"], entry["shard"], entry["command"]) == ("finished", None, ["--bench", "suite"])
    assert entry["started_at"].endswith("Z")
    assert entry["finished_at"] >= entry["started_at"]


def test_a_cost_that_is_known_in_part_is_unknown(folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder), [result("a"), changed(result("a", model="n"), cost_usd=None)])

    assert run_command(capsys, "list", "--json").document[0]["cost_usd"] is None


def test_list_of_a_store_without_runs(folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder))

    assert run_command(capsys, "list").out == "this store has no runs; `pytest --bench` makes them\n"
    assert run_command(capsys, "list", "--json").document == []


def test_show_has_the_summary_and_what_did_not_pass(folder: Path, capsys: Capture) -> None:
    (run_id,) = made_store(usual_store(folder), one_of_each())

    lines = run_command(capsys, "show", "latest").out.splitlines()

    assert lines[0] == f"run {run_id}: finished, 5 of 5 results"
    assert lines[2] == "pytest --bench suite"
    assert lines[4] == "not passed"
    assert [line.split()[:2] for line in lines[5:8]] == [
        [status, f"suite.yaml::s-{status}[m]"] for status in ("failed", "timeout", "error")
    ]
    assert lines[9] == "benchmark summary"
    assert "5 scenarios x 1 model = 5 runs in 0.02 min" in lines[-5:]


def test_show_lists_ten_that_did_not_pass(folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder), [result(f"s{number}", "failed") for number in range(12)])

    out = run_command(capsys, "show", "latest").out

    assert out.count("\nfailed ") == 10
    assert "\nand 2 more\n" in out


def test_show_ranks_where_there_are_several_models(folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder), [result("a"), result("a", "failed", model="n")])

    assert "\nmodel ranking\nplace  model" in run_command(capsys, "show", "latest").out
    ranking = run_command(capsys, "show", "latest", "--json").document["ranking"]
    assert [model["model"] for model in ranking["models"]] == ["m", "n"]


def test_show_as_json(folder: Path, capsys: Capture) -> None:
    (run_id,) = made_store(usual_store(folder), one_of_each())

    document = run_command(capsys, "show", run_id[:10], "--json").document

    assert (document["run"]["id"], document["run"]["results"]) == (run_id, 5)
    assert document["figures"]["statuses"] == dict.fromkeys(STATUSES, 1)
    assert document["figures"]["models"][0]["model"] == "m"
    assert document["ranking"] is None


def test_show_of_a_run_that_has_nothing_yet(folder: Path, capsys: Capture) -> None:
    (run_id,) = made_store(usual_store(folder), [])

    done = run_command(capsys, "show", "-1")

    assert done.status == 0
    assert done.out.startswith(f"run {run_id}: finished, 0 of 0 results\n")


@pytest.mark.parametrize("name", ["a[m]", "suite.yaml::a[m]"])
def test_show_of_a_result_is_its_transcript(name: str, folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder), [result("a", "failed", text="4\n\tor 5"), result("ba", model="x")])

    assert run_command(capsys, "show", "latest", name).out.splitlines() == [
        "suite.yaml::a[m]",
        "failed, 1 of 1 check failed, score 0.00, 1.0s, 2 attempts, $0.25",
        "attempt 1  rate-limit: too many; waited 1.5s",
        "> system: Be brief.",
        "> user: 2 + 2?",
        "< assistant (stop, 500ms, 10/2 tokens): 4",
        "  \tor 5",
        "failed  equals '4' (score 0.00): why",
    ]


def test_the_transcript_of_an_error_has_its_message_and_what_was_waited_for(folder: Path, capsys: Capture) -> None:
    given = changed(result("a", "error"), waits={"rpm": 3.0}, reuse="not reused: messages changed")
    made_store(usual_store(folder), [given])

    assert run_command(capsys, "show", "latest", "a").out.splitlines() == [
        "suite.yaml::a[m]",
        "error, 1.0s, 2 attempts",
        "http: no answer to a",
        "not reused: messages changed",
        "attempt 1  rate-limit: too many; waited 1.5s",
        "waited 3.0s for rpm",
        "> system: Be brief.",
        "> user: 2 + 2?",
        "< not answered",
    ]


def test_the_transcript_has_all_turns(folder: Path, capsys: Capture) -> None:
    turns = tuple(Response(text, "stop", Usage(1, 1), 0.1) for text in ("hi", "4"))
    asked = (*ASKED, (Message("user", "and now?"),))
    with Store.open(usual_store(folder)) as store:
        run_id = made_run(store, [])
        store.results.add(run_id, [Record(result("a"), turns, "", asked)])

    lines = run_command(capsys, "show", "latest", "a").out.splitlines()
    document = run_command(capsys, "show", "latest", "a", "--json").document

    assert [line for line in lines if line.startswith(("<", ">"))] == [
        "> system: Be brief.",
        "> user: 2 + 2?",
        "< assistant (stop, 100ms, 1/1 tokens): hi",
        "> user: and now?",
        "< assistant (stop, 100ms, 1/1 tokens): 4",
    ]
    assert [turn["answer"]["text"] for turn in document["turns"]] == ["hi", "4"]
    assert document["turns"][1]["asked"] == [{"role": "user", "content": "and now?"}]
    response = document["response"]
    assert (response["text"], response["finish_reason"], response["latency_s"]) == ("4", "stop", 0.5)
    assert (response["usage"]["input_tokens"], response["usage"]["output_tokens"]) == (10, 2)
    assert "pause_s" not in response
    assert document["started_at"] == "2001-09-09T01:46:40Z"
    assert "answers" not in document


def test_the_transcript_shows_what_was_thought(folder: Path, capsys: Capture) -> None:
    with Store.open(usual_store(folder)) as store:
        run_id = made_run(store, [])
        answers = (Response("4", "stop", Usage(1, 1), 0.1, thinking="2 and 2\nmake 4"),)
        store.results.add(run_id, [Record(result("a"), answers, "", ASKED)])

    lines = run_command(capsys, "show", "latest", "a").out.splitlines()
    document = run_command(capsys, "show", "latest", "a", "--json").document

    thought = lines.index("< thinking, apart from the answer: 2 and 2")
    assert lines[thought + 1 : thought + 3] == ["  make 4", "< assistant (stop, 100ms, 1/1 tokens): 4"]
    assert document["turns"][0]["answer"]["thinking"] == "2 and 2\nmake 4"


def conversation(*texts: str) -> Record:
    """A result that holds its own answers to all turns."""
    turns = tuple(Response(text, "stop", Usage(1, 1), 0.1) for text in texts)
    return Record(replace(result("a", text=texts[-1]), answers=turns), turns, "", (*ASKED, (Message("user", "and?"),)))


def test_a_conversation_keeps_its_own_turns_whatever_a_later_run_was_answered(folder: Path, capsys: Capture) -> None:
    with Store.open(usual_store(folder)) as store:
        for record in (conversation("hi", "4"), conversation("hello", "4")):
            store.results.add(made_run(store, []), [record])
            store._database.write("UPDATE runs SET started_at = started_at - 60")

    lines = run_command(capsys, "show", "-2", "a").out.splitlines()

    assert [line.rpartition(": ")[2] for line in lines if line.startswith(("<", ">"))] == [
        "Be brief.",
        "2 + 2?",
        "hi",
        "and?",
        "4",
    ]


def test_another_runs_newer_answer_is_not_taken_for_this_ones(folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder), [result("a", text="old")], [result("a", text="new")])

    out = run_command(capsys, "show", "-2", "a").out

    assert "> user: 2 + 2?\n< assistant (stop, 500ms, 10/2 tokens): old\n" in out
    assert "new" not in out


def test_of_another_runs_newer_conversation_no_turn_is_taken(folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder), [result("a", text="old")])
    turns = tuple(Response(text) for text in ("hi", "new"))
    with Store.open(usual_store(folder)) as store:
        store.results.add(made_run(store, []), [Record(result("a", text="new"), turns, "", (*ASKED, *ASKED))])

    out = run_command(capsys, "show", "-2", "a").out

    assert "what was asked is not known here\n< assistant (stop, 500ms, 10/2 tokens): old\n" in out


def test_an_error_has_the_turns_that_were_answered_before_it_and_no_other_runs(folder: Path, capsys: Capture) -> None:
    import time

    (answer,) = record(result("a")).answers
    with Store.open(usual_store(folder)) as store:
        for started_at in (time.time(), 1e9):
            erred = result("a", "error", started_at=started_at)
            store.results.add(made_run(store, []), [Record(erred, (answer,) if started_at > 1e9 else (), "", ASKED)])
            store._database.write("UPDATE runs SET started_at = started_at - 60")

    assert "< assistant (stop, 500ms, 10/2 tokens): 4\n" in run_command(capsys, "show", "-2", "a").out
    assert "assistant" not in run_command(capsys, "show", "-1", "a").out


def test_show_of_a_result_that_is_not_there(folder: Path, capsys: Capture) -> None:
    (run_id,) = made_store(usual_store(folder), [result("capital")])

    done = run_command(capsys, "show", "latest", "suite.yaml::capitol[m]")

    assert done.status == 2
    assert done.err == (
        f"benchmodels: error: run {run_id} has no result 'suite.yaml::capitol[m]'; "
        "did you mean 'suite.yaml::capital[m]'?; `benchmodels export` lists all\n"
    )


def test_show_of_a_name_that_several_results_have(folder: Path, capsys: Capture) -> None:
    made_store(usual_store(folder), [result(f"a{number}") for number in range(6)])

    done = run_command(capsys, "show", "latest", "a")

    assert done.status == 2
    assert "'a' is in 6 node ids ('suite.yaml::a0[m]', " in done.err
    assert done.err.endswith(", ...): type more of it\n")


def test_show_of_a_run_that_is_not_there(folder: Path, capsys: Capture) -> None:
    (run_id,) = made_store(usual_store(folder), [])

    done = run_command(capsys, "show", "nope")

    assert done.status == 2
    assert done.err == f"benchmodels: error: there is no run 'nope'; there are 1, the newest is {run_id}\n"


def test_a_run_is_named_where_there_is_neither_file_nor_store(capsys: Capture) -> None:
    done = run_command(capsys, "show", "bench.json")

    assert done.status == 2
    assert done.err.startswith(
        "benchmodels: error: there is no file 'bench.json', and no store .benchmodels/store.sqlite"
    )


def test_a_time_that_is_none_is_said_so(folder: Path, capsys: Capture) -> None:
    with Store.open(usual_store(folder)) as store:
        run_id = made_run(store, [])
        store.results.add(run_id, [record(result("a", started_at=1e300))])
        store._database.write("UPDATE runs SET started_at = 1e300")

    done = run_command(capsys, "show", "latest")

    assert done.status == 2
    assert done.err == (
        f"benchmodels: error: 'run {run_id}' is damaged: its result 'suite.yaml::a[m]' began at 1e+300, "
        "which is no time; run it again\n"
    )


def test_the_transcript_has_what_checks_asked(folder: Path, capsys: Capture) -> None:
    with Store.open(usual_store(folder)) as store:
        store.results.add(made_run(store, []), [judged("a", "\x1b[31myes\nreally")])

    shown = run_command(capsys, "show", "latest", "a")
    document = run_command(capsys, "show", "latest", "a", "--json").document

    assert shown.out.splitlines()[-4:] == [
        "judge: j",
        "> user: Is a right?",
        "< assistant (stop, 250ms, 7/1 tokens): \\x1b[31myes",
        "  really",
    ]
    own, verdict = document["calls"]
    assert "messages" not in own
    assert verdict["messages"] == [{"role": "user", "content": "Is a right?"}]
    assert verdict["response"]["text"] == "\x1b[31myes\nreally"
    assert "pause_s" not in verdict["response"]


def test_another_runs_newer_verdict_is_not_taken_for_this_ones(folder: Path, capsys: Capture) -> None:
    with Store.open(usual_store(folder)) as store:
        for answer, latency_s in (("old", 0.25), ("new", 0.75)):
            store.results.add(made_run(store, []), [judged("a", answer, latency_s)])
            store._database.write("UPDATE runs SET started_at = started_at - 60")

    out = run_command(capsys, "show", "-2", "a").out

    assert "> user: Is a right?\n< its answer is not known here: another run" in out
    assert "new" not in out.replace("newer", "")


def test_a_call_that_is_not_stored_is_told_all_the_same(folder: Path, capsys: Capture) -> None:
    failed = CallSummary("judge", "j", attempts=2, error=Failure("overloaded", "busy"), fingerprint="judge-a")
    lost = CallSummary("judge", "k", attempts=1, latency_s=0.5, cached=True)
    with Store.open(usual_store(folder)) as store:
        store.results.add(made_run(store, []), [Record(replace(result("a"), calls=(failed, lost)))])

    out = run_command(capsys, "show", "latest", "a").out

    assert out.endswith(
        "judge: j; what it was asked is not known here\n< not answered: overloaded: busy\n"
        "judge: k, not asked again; what it was asked is not known here\n"
    )
