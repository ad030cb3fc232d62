"""JUnit XML and TAP: what became of each test, whatever a runner or somebody hostile writes."""

from __future__ import annotations

import pytest

from pytest_benchmodels.graders.runner_output import TestRun, read_junit, read_tap


def junit(text: str | bytes) -> TestRun:
    run = TestRun()
    read_junit(text if isinstance(text, bytes) else text.encode(), run)
    return run


def tap(text: str) -> TestRun:
    run = TestRun()
    read_tap(text, run)
    return run


def told(run: TestRun) -> dict[str, str]:
    return {test.names[0]: test.outcome for test in run.tests}


def test_a_junit_file_of_pytest() -> None:
    run = junit(
        '<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" tests="4">'
        '<testcase classname="tests.test_a.TestB" name="test_one" time="0.001" />'
        '<testcase classname="tests.test_a" name="test_two[2-3]"><failure message="no">trace</failure></testcase>'
        '<testcase classname="tests.test_a" name="test_three"><skipped type="pytest.skip" message="x"/></testcase>'
        '<testcase classname="" name="tests.test_b"><error message="collection failure">x</error></testcase>'
        "</testsuite></testsuites>"
    )

    assert told(run) == {
        "tests.test_a.TestB.test_one": "passed",
        "tests.test_a.test_two[2-3]": "failed",
        "tests.test_a.test_three": "skipped",
        "tests.test_b": "failed",
    }
    assert run.tests[0].names == ("tests.test_a.TestB.test_one", "tests.test_a.TestB::test_one", "test_one")
    assert (run.faults, run.missing) == ([], 0)


@pytest.mark.parametrize(
    ("inside", "outcome"),
    [
        ("", "passed"),
        ("<system-out>failure</system-out>", "passed"),
        ("<system-out><failure/></system-out>", "passed"),
        ("<properties><property name='a'/></properties>", "passed"),
        ("<failure/>", "failed"),
        ("<error/>", "failed"),
        ("<skipped/>", "skipped"),
        ("<skipped/><failure/>", "failed"),
        ("<failure/><skipped/>", "failed"),
        ("<flakyFailure/>", "passed"),
        ("<rerunFailure/><failure/>", "failed"),
    ],
)
def test_what_a_test_case_holds(inside: str, outcome: str) -> None:
    assert told(junit(f"<testsuite><testcase name='a'>{inside}</testcase></testsuite>")) == {"a": outcome}


def test_other_runners_states_and_prefixes() -> None:
    run = junit(
        "<j:testsuites xmlns:j='x'><j:testsuite name='s'><j:testcase name='a' status='notrun'/>"
        "<j:testcase name='b' status='run' result='suppressed'/><j:testcase name='c' file='c.js' classname='s'/>"
        "</j:testsuite></j:testsuites>"
    )

    assert [(test.names, test.outcome) for test in run.tests] == [
        (("a",), "skipped"),
        (("b",), "skipped"),
        (("s.c", "s::c", "c.js::c", "c"), "passed"),
    ]


def test_an_error_of_a_suite_is_a_test_that_failed() -> None:
    assert told(junit("<testsuite name='setup'><error>no database</error></testsuite>")) == {"setup": "failed"}


BOMB = "<!DOCTYPE a [<!ENTITY b 'ha'>" + "".join(
    f"<!ENTITY b{n} '&b{n - 1 or ''};&b{n - 1 or ''};'>" for n in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            f"{BOMB}]><testsuite><testcase name='&b29;'/></testsuite>",
            "has a document type, which no test runner writes",
        ),
        ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><testsuite/>", "has a document type"),
        ("<testsuite><testcase name='a'>", "it is no XML: no element found"),
        ("", "it is no XML: no element found"),
        ("<html><body/></html>", "is no JUnit report: its first element is 'html'"),
        ("<testsuite>&x;</testsuite>", "it is no XML: undefined entity"),
        ("<?xml version='1.0' encoding='klingon'?><testsuite/>", "it "),
        (b"<testsuite>\xff\xfe</testsuite>", "it is no XML: not well-formed"),
        ("<testsuite>\x1b[31m</testsuite>", "it is no XML: not well-formed"),
    ],
)
def test_what_is_no_report_is_a_fault(text: str | bytes, fault: str) -> None:
    run = junit(text)

    assert len(run.faults) == 1
    assert fault in run.faults[0]


def test_a_deep_report_and_long_names_are_read() -> None:
    deep = 100_000
    run = junit("<testsuite>" * deep + f"<testcase name='{'n' * 1_000_000}'/>" + "</testsuite>" * deep)

    assert [len(test.names[0]) for test in run.tests] == [500]


def test_more_tests_than_anybody_has_are_a_fault() -> None:
    run = junit("<testsuite>" + '<testcase name="a"/>' * 100_005 + "</testsuite>")

    assert (len(run.tests), run.faults) == (100_000, ["there are more than 100,000 tests"])


def test_more_elements_than_any_report_has_are_a_fault() -> None:
    run = junit("<testsuite>" + "<a/>" * 500_001 + "</testsuite>")

    assert run.faults == ["it has more than 500,000 elements"]


def test_tap_as_it_is_usually_written() -> None:
    run = tap(
        "TAP version 13\n1..6\nok 1 - adds\nnot ok 2 - subtracts\n  ---\n  message: no\n  ok 9 - in the block\n  ...\n"
        "ok 3 # SKIP no network\nnot ok 4 - later # TODO write it\r\n"
        "# a comment\nprinted by a test\nok\nok 6 - a \\# b\n"
    )

    assert told(run) == {
        "adds": "passed",
        "subtracts": "failed",
        "test 3": "skipped",
        "later": "skipped",
        "test 5": "passed",
        "a # b": "passed",
    }
    assert (run.missing, run.faults) == (0, [])


def test_tests_that_were_planned_and_never_told_of_are_missing() -> None:
    assert tap("1..3\nok 1 - a\n").missing == 2
    assert tap("1..999999999\nok 1 - a\n").missing == 999_999_998
    assert tap("1..1000000000\nok 1 - a\n").faults == ["it has no plan (1..N): the tests may not have run to their end"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ok 1 - a\n", "it has no plan (1..N)"),
        ("", "it has no plan (1..N)"),
        ("1..1\nok 1 - a\nok 2 - b\n", "2 tests were told of, and 1 were planned"),
        ("1..2\nok 1 - a\nok 1 - b\n", "test 1 was told of twice"),
        ("1..3\nok 1 - a\nBail out! No database\x1b[0m\n", "the tests bailed out: No database\\x1b[0m"),
        ("1..3\nBail out!\n", "the tests bailed out: no reason given"),
        ("1..1\nok 1 - a\n    ok 1 - left over\n    1..1\n", "it ends within a subtest"),
    ],
)
def test_output_that_cannot_be_trusted(text: str, fault: str) -> None:
    assert fault in "; ".join(tap(text).faults)


def test_a_plan_of_nothing_is_no_fault() -> None:
    run = tap("1..0 # SKIP not on this system\n")

    assert (run.tests, run.missing, run.faults) == ([], 0, [])


def test_subtests_are_the_tests() -> None:
    run = tap(
        "TAP version 14\n"
        "# Subtest: outer\n"
        "    # Subtest: inner\n"
        "        ok 1 - one\n"
        "          ---\n"
        "          duration_ms: 1\n"
        "          ...\n"
        "        not ok 2 - two\n"
        "        1..2\n"
        "    not ok 1 - inner\n"
        "    ok 2 - three\n"
        "    1..2\n"
        "not ok 1 - outer\n"
        "ok 2 - alone\n"
        "1..2\n"
    )

    assert told(run) == {
        "outer > inner > one": "passed",
        "outer > inner > two": "failed",
        "outer > three": "passed",
        "alone": "passed",
    }
    assert run.faults == []


def test_a_subtest_that_failed_of_itself_or_lacks_tests_has_failed() -> None:
    assert told(tap("    ok 1 - a\n    1..1\nnot ok 1 - sub\n1..1\n")) == {"sub > a": "passed", "sub": "failed"}
    assert told(tap("    1..2\n    ok 1 - a\nok 1 - sub\n1..1\n")) == {
        "sub > a": "passed",
        "sub > a test that did not run": "failed",
    }


def test_what_a_test_prints_indented_is_no_subtest() -> None:
    run = tap("1..1\n    ok, so far\n        ok 7 - deeper\nok 1 - a\n    not ok\n")

    assert (told(run), run.faults) == ({"a": "passed"}, [])


def test_hostile_tap_is_bounded() -> None:
    many = tap("1..100005\n" + "ok\n" * 100_005)
    nested = tap("    1..999999999\nok 1 - a\n1..1\n")

    assert many.faults == ["there are more than 100,000 tests"]
    assert nested.faults == []
    assert {test.outcome for test in nested.tests} == {"failed"}
    assert len(nested.tests) <= 100_000
