"""Our scheduler: each item once, windows and lanes kept, nothing starved, whoever dies when."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pytest_benchmodels.plugin.items.transport import Collected
from pytest_benchmodels.plugin.workers.messages import Signal
from tests.plugin.plugin_workers import Desk, Worker

MODELS = ("a", "b")


def runs(count: int, model: str = "a") -> dict[int, str]:
    return dict.fromkeys(range(count), model)


def settle(desk: Desk, *workers: Worker) -> None:
    """Let everything that is on its way arrive."""
    while any(worker.inbox or worker.outbox for worker in workers):
        for worker in workers:
            if worker.inbox:
                worker.receive()
            if worker.outbox:
                desk.hear(worker)


def test_work_starts_with_the_first_worker_and_a_late_one_takes_part() -> None:
    desk = Desk(5, runs(5), {"a": 4})
    assert not desk.scheduling.collection_is_completed

    first = desk.join("gw0")
    assert desk.scheduling.collection_is_completed
    assert first.sent == [[0, 1, 2, 3]], "the lanes of all, as long as it is alone"
    settle(desk, first)
    late = desk.join("gw1")
    assert late.sent == []
    first.end(0)
    settle(desk, first, late)

    assert (first.sent[1:], late.sent) == ([], [[4]]), "what falls free goes to the one that has fewer"
    assert desk.briefed == [first, late]
    assert desk.scheduling.nodes == [first, late]
    assert desk.scheduling.in_flight == 4


def test_workers_that_are_up_come_to_have_the_same_share() -> None:
    desk = Desk(12, runs(12), {"a": 4})
    first = desk.join("gw0")
    settle(desk, first)
    late = desk.join("gw1")
    for index in range(4):
        first.end(index) if index in first.running else late.end(index)
        settle(desk, first, late)

    assert (len(first.running), len(late.running)) == (2, 2)


def test_nothing_is_sent_ahead_of_a_free_lane() -> None:
    desk = Desk(6, runs(6), {"a": 4})
    worker = desk.join("gw0")
    settle(desk, worker)
    assert worker.sent == [[0, 1, 2, 3]]

    worker.end(1)
    settle(desk, worker)

    assert worker.sent == [[0, 1, 2, 3], [4]]
    assert not desk.scheduling.tests_finished


def test_models_are_interleaved_and_each_keeps_its_window() -> None:
    desk = Desk(6, {0: "a", 1: "a", 2: "a", 3: "b", 4: "b", 5: "b"}, {"a": 1, "b": 4}, workers=1)

    worker = desk.join("gw0")

    assert worker.sent == [[0, 3, 4, 5]]


def test_ordinary_tests_go_first_in_chunks_of_neighbours() -> None:
    desk = Desk(20, dict.fromkeys(range(16, 20), "a"), {"a": 2})
    first, second = desk.join("gw0"), desk.join("gw1")
    assert (first.sent, second.sent) == ([[0, 1]], [[2, 3]])

    settle(desk, first, second)

    sent = first.sent + second.sent
    assert sorted(sent) == [[n, n + 1] for n in range(0, 16, 2)] + [[16], [17]]
    assert {len(worker.sent[-1]) for worker in (first, second)} == {1}


def test_ordinary_tests_alone_are_finished_when_all_are_reported() -> None:
    desk = Desk(3, {}, {})
    worker = desk.join("gw0")
    assert not desk.scheduling.tests_finished

    settle(desk, worker)

    assert desk.scheduling.tests_finished
    assert desk.reports == {0: 1, 1: 1, 2: 1}


def test_nothing_collected_is_finished_at_once() -> None:
    desk = Desk(0, {}, {})
    assert not desk.scheduling.has_pending

    worker = desk.join("gw0")

    assert worker.sent == []
    assert desk.scheduling.tests_finished
    assert desk.scheduling.has_pending, "xdist tells the number of workers until then"


def test_another_collection_is_refused_with_the_difference() -> None:
    desk = Desk(2, runs(2), {"a": 1})
    desk.join("gw0")

    other = desk.join("gw1", ["item-0", "something-else"])

    assert (other.sent, other.shutting_down) == ([], True)
    (report,) = desk.refused
    assert (report.nodeid, report.outcome) == ("gw1", "failed")
    assert "Different tests were collected between gw0 and gw1" in str(report.longrepr)
    assert "+something-else" in str(report.longrepr)


def test_another_order_is_refused_too() -> None:
    desk = Desk(2, runs(2), {"a": 1})
    desk.join("gw0")

    other = desk.join("gw1", ["item-1", "item-0"])

    assert (other.sent, len(desk.refused)) == ([], 1)


def test_a_resting_run_frees_its_lane_and_comes_back_before_new_ones() -> None:
    desk = Desk(4, runs(4), {"a": 1}, workers=1)
    worker = desk.join("gw0")
    settle(desk, worker)

    worker.leave(0, limited=False)
    settle(desk, worker)
    assert worker.running == {1}
    worker.want()
    settle(desk, worker)
    assert worker.running == {1}
    worker.end(1)
    settle(desk, worker)

    assert worker.running == {0}
    assert worker.sent == [[0], [1], [0]]
    assert worker.begun == {0: 1, 1: 1}


def test_a_hold_of_one_worker_holds_the_model_everywhere() -> None:
    desk = Desk(6, {0: "a", 1: "a", 2: "b", 3: "b", 4: "a", 5: "b"}, {"a": 2, "b": 2})
    first, second = desk.open("gw0", "gw1")
    settle(desk, first, second)
    assert (first.running, second.running) == ({0, 2}, {1, 3})

    first.hold(0)
    settle(desk, first, second)
    for number in (1, 3):
        second.end(number)
    settle(desk, first, second)
    assert second.running == {5}

    first.release(0)
    settle(desk, first, second)
    assert second.running == {4, 5}


@pytest.mark.parametrize("runs_left", [True, False])
def test_a_hold_ends_with_its_worker_even_where_that_had_nothing_to_do(*, runs_left: bool) -> None:
    """A response that says "no quota left" holds its model after the run that got it has ended."""
    desk = Desk(3, runs(3), {"a": 1})
    first, second = desk.join("gw0"), desk.join("gw1")
    settle(desk, first, second)
    first.hold(0)
    if not runs_left:
        first.end(0)
    settle(desk, first, second)

    first.die(said=0, noticed=True)
    assert desk.hear(first) == (0 if runs_left else None)

    settle(desk, second)
    assert second.running == {1}


@pytest.mark.parametrize(
    ("marked", "reported", "culprit", "again"),
    [
        ({1: 1}, 0, 1, {0, 2}),
        ({1: 1, 2: 2}, 0, 2, {0, 1}),
        ({}, 0, 0, {1, 2}),
        ({}, 1, 1, {2}),
        ({0: 1}, 1, 1, {2}),
        ({7: 1}, 0, 0, {1, 2}),
        ({}, 3, None, set()),
    ],
    ids=["marked", "two-marked", "unmarked", "first-reported", "marked-and-reported", "mark-of-another", "all"],
)
def test_one_run_is_to_blame_for_a_death_and_the_others_run_again(
    marked: dict[int, int], reported: int, culprit: int | None, again: set[int]
) -> None:
    desk = Desk(3, runs(3), {"a": 3}, workers=1)
    first = desk.join("gw0")
    settle(desk, first)
    first.marked = marked
    for index in range(reported):
        first.end(index)
        desk.hear(first)
        first.outbox.clear()

    first.die(said=0, noticed=True)

    assert desk.hear(first) == culprit
    second = desk.join("gw1")
    settle(desk, second)
    assert second.running == again


def test_a_death_before_anything_was_collected_blames_nobody() -> None:
    desk = Desk(1, runs(1), {"a": 1})
    worker = Worker("gw0", desk)
    desk.assigned[worker] = set()
    desk.scheduling.add_node(worker)

    assert desk.bury(worker) is None
    assert desk.scheduling.nodes == []
    assert not desk.scheduling.tests_finished


def test_a_worker_that_was_told_to_end_takes_its_runs_along() -> None:
    """`-x` had enough: what it still had is neither an error nor run again."""
    desk = Desk(4, runs(4), {"a": 2})
    first, second = desk.open("gw0", "gw1")
    settle(desk, first, second)
    for worker in (first, second):
        worker.shutdown()
    desk.dismissed.add(first)

    assert desk.bury(first) is None
    assert desk.reports == {}
    assert second.sent == [[1]]


def test_a_worker_that_was_told_to_end_gets_no_resting_run_back() -> None:
    desk = Desk(2, runs(2), {"a": 1})
    worker = desk.join("gw0")
    settle(desk, worker)
    worker.leave(0, limited=True)
    worker.want()
    worker.shutdown()

    while worker.outbox:
        desk.hear(worker)

    assert worker.sent == [[0]]


def test_what_is_sent_to_a_worker_that_just_died_is_run_by_another() -> None:
    """The system ends a process before xdist's main loop hears of it."""
    desk = Desk(4, runs(4), {"a": 2})
    first, second = desk.open("gw0", "gw1")
    settle(desk, first, second)
    first.end(0)
    first.die(said=2, noticed=False)

    desk.hear(first)
    desk.hear(first)
    assert first.sent == [[0], [2]]
    assert desk.hear(first) == 2
    second.end(1)
    settle(desk, second)

    assert second.running == {3}


def test_an_item_that_a_plugin_wants_again_runs_once_more() -> None:
    desk = Desk(2, {1: "a"}, {"a": 1})
    worker = desk.join("gw0")
    settle(desk, worker)
    worker.end(1)
    settle(desk, worker)
    assert desk.scheduling.tests_finished

    desk.scheduling.mark_test_pending("item-0")

    assert worker.sent[-1] == [0]
    assert not desk.scheduling.tests_finished


def test_calls_of_checks_have_lanes_of_their_own_and_free_that_of_their_run() -> None:
    desk = Desk(3, runs(3), {"a": 1, "b": 1}, workers=1)
    worker = desk.join("gw0")
    settle(desk, worker)
    worker.grade(0)
    worker.ask(0)
    settle(desk, worker)
    assert worker.running == {1}, "the first is being graded, and holds no lane of its model"
    worker.grade(1)
    worker.ask(1)
    settle(desk, worker)

    assert [has_lane for _, has_lane in sorted(worker.asking.items())] == [True, False], "the judge bears one at a time"
    worker.end(0)
    settle(desk, worker)
    assert list(worker.asking.values()) == [True]


def test_a_judge_with_one_lane_judges_its_own_answers() -> None:
    desk = Desk(4, runs(4, "b"), {"b": 1})
    workers = desk.open("gw0", "gw1")
    order = []
    for _ in range(2 * 4):
        settle(desk, *workers)
        for worker in workers:
            for index in sorted(worker.running):
                order.append(f"run {index}")
                worker.grade(index)
                worker.ask(index)
            for call in [call for call, has_lane in worker.asking.items() if has_lane]:
                order.append(f"judge {call.run}")
                worker.end(call.run)

    settle(desk, *workers)
    assert desk.scheduling.tests_finished
    assert order == ["run 0", "run 1", "judge 0", "judge 1", "run 2", "run 3", "judge 2", "judge 3"]


def test_the_calls_of_a_dead_worker_free_their_lanes() -> None:
    desk = Desk(2, runs(2), {"a": 2, "b": 1})
    first, second = desk.open("gw0", "gw1")
    settle(desk, first, second)
    for worker in (first, second):
        index = min(worker.running)
        worker.grade(index)
        worker.ask(index)
    settle(desk, first, second)
    assert [list(worker.asking.values()) for worker in (first, second)] == [[True], [False]]

    first.die(said=0, noticed=True)
    desk.hear(first)
    settle(desk, second)

    assert list(second.asking.values()) == [True]


def test_what_a_worker_collected_is_told_before_anything_is_planned() -> None:
    desk = Desk(1, runs(1), {"a": 1})
    worker = Worker("gw0", desk)
    desk.scheduling.add_node(worker)
    collected = Collected(("a.sums",), {"sim/judge": "a.sums::one[a]"})

    desk.scheduling.remove_pending_tests_from_node(worker, [Signal.COLLECTED, 0, 0, collected.as_text()])

    assert desk.collected == [collected]


@pytest.mark.parametrize("numbers", [[], [1], [1, 0, 0]])
def test_a_signal_of_another_shape_is_no_signal(numbers: list[int]) -> None:
    """Of xdist's own `unscheduled`, which answers `steal`."""
    desk = Desk(2, runs(2), {"a": 1})
    worker = desk.join("gw0")

    desk.scheduling.remove_pending_tests_from_node(worker, numbers)

    assert worker.sent == [[0]]


class Session(RuleBasedStateMachine):
    """A session with any order of events; at its end, whatever happened, all of it can be run."""

    @initialize(tests=st.integers(0, 6), kinds=st.lists(st.sampled_from(MODELS), max_size=12), most=st.integers(1, 3))
    def begin(self, tests: int, kinds: list[str], most: int) -> None:
        models = dict(enumerate(kinds, tests))
        self.desk = Desk(tests + len(kinds), models, {"a": most, "b": 2}, workers=2)
        self.alive: list[Worker] = []
        self.dead: list[Worker] = []
        self.joined = 0

    @rule()
    def join(self) -> None:
        if len(self.alive) < 3:
            self.joined += 1
            self.alive.append(self.desk.join(f"gw{self.joined}"))

    @precondition(lambda self: self.alive)
    @rule()
    def join_with_another_collection(self) -> None:
        stranger = self.desk.join("stranger", ["item-0", "another"])
        assert (stranger.sent, stranger.shutting_down) == ([], True)
        assert self.desk.bury(stranger) is None

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def receive(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(self.alive))
        if worker.inbox:
            worker.receive()

    @precondition(lambda self: self.alive or self.dead)
    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(self.alive + self.dead))
        if worker.outbox:
            self._hear(worker)

    @precondition(lambda self: any(worker.running for worker in self.alive))
    @rule(data=st.data(), what=st.sampled_from(["end", "leave", "limited", "hold", "grade"]))
    def act(self, data: st.DataObject, what: str) -> None:
        worker = data.draw(st.sampled_from([worker for worker in self.alive if worker.running]))
        index = data.draw(st.sampled_from(sorted(worker.running)))
        if what == "end":
            worker.end(index)
        elif what == "hold":
            if index not in worker.holding:
                worker.hold(index)
        elif what == "grade":
            worker.grade(index)
        else:
            worker.leave(index, limited=what == "limited")

    @precondition(lambda self: any(worker.grading for worker in self.alive))
    @rule(data=st.data(), ends=st.booleans())
    def ask_or_end(self, data: st.DataObject, *, ends: bool) -> None:
        worker = data.draw(st.sampled_from([worker for worker in self.alive if worker.grading]))
        index = data.draw(st.sampled_from(sorted(worker.grading)))
        worker.end(index) if ends else worker.ask(index)

    @precondition(lambda self: any(worker.asking for worker in self.alive))
    @rule(data=st.data(), answered=st.booleans())
    def answer(self, data: st.DataObject, *, answered: bool) -> None:
        """A call ends that has its lane, or waits for it no longer."""
        worker = data.draw(st.sampled_from([worker for worker in self.alive if worker.asking]))
        worker.over(data.draw(st.sampled_from(sorted(worker.asking))), answered=answered)

    @precondition(lambda self: any(worker.resting for worker in self.alive))
    @rule(data=st.data(), ends=st.booleans())
    def rest_is_over(self, data: st.DataObject, *, ends: bool) -> None:
        """The run wants its lane again, or its time limit is over."""
        worker = data.draw(st.sampled_from([worker for worker in self.alive if worker.resting]))
        worker.want()
        if ends and worker.resting:
            worker.end(data.draw(st.sampled_from(sorted(worker.resting))))

    @precondition(lambda self: any(worker.holding for worker in self.alive))
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from([worker for worker in self.alive if worker.holding]))
        worker.release(data.draw(st.sampled_from(sorted(worker.holding))))

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), noticed=st.booleans())
    def die(self, data: st.DataObject, *, noticed: bool) -> None:
        worker = data.draw(st.sampled_from(self.alive))
        if worker.running:
            worker.marked = data.draw(st.dictionaries(st.sampled_from(sorted(worker.running)), st.integers(1, 2)))
        worker.die(said=data.draw(st.integers(0, len(worker.outbox))), noticed=noticed)
        self.alive.remove(worker)
        self.dead.append(worker)

    def _hear(self, worker: Worker) -> None:
        unfinished = self.desk.assigned[worker] - self.desk.reports.keys()
        is_end = worker.outbox[0][0] == "down"
        culprit = self.desk.hear(worker)
        if is_end:
            self.dead.remove(worker)
            assert (culprit in unfinished) if unfinished else culprit is None
            suspicions = [worker.marked.get(index, 0) for index in unfinished]
            assert culprit is None or worker.marked.get(culprit, 0) == max(suspicions)

    def teardown(self) -> None:
        if not hasattr(self, "desk"):
            return
        for _ in range(200):
            if self.desk.scheduling.tests_finished and not self.dead:
                break
            self._go_on()
        assert self.desk.scheduling.tests_finished, "something starved"
        assert self.desk.reports == dict.fromkeys(range(len(self.desk.collection)), 1)

    def _go_on(self) -> None:
        """What happens in the end to each worker: rests, pauses and runs are over, and all arrives."""
        if not self.alive:
            self.join()
        for worker in (*self.alive, *self.dead):
            while worker.inbox:
                worker.receive()
            while worker.outbox:
                self._hear(worker)
        for worker in self.alive:
            worker.want()
            for call in [call for call, has_lane in worker.asking.items() if has_lane]:
                worker.over(call, answered=True)
            for index in sorted(worker.grading - {call.run for call in worker.asking}):
                worker.end(index)
            for index in sorted(worker.running):
                worker.end(index)
            for index in sorted(worker.holding):
                worker.release(index)
            assert not any(times > 1 for times in worker.begun.values()), "a run began twice in one worker"


# A failing session is not made shorter: that takes minutes, and its steps are told one by one as it is.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
Session.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, phases=PHASES, report_multiple_bugs=False
)
TestSession = Session.TestCase
