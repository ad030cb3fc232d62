"""`finish_reason`, `max_cost` and `max_output_tokens` in a session: live, judged afresh, and what is not known."""

from __future__ import annotations

from fractions import Fraction

from tests.plugin.billing_server import Books, billing, openai
from tests.plugin.plugin_parts import Project, right
from tests.plugin.plugin_results import JSON, results

PRICE = "price = {input = 1000, output = 1000}"  # one dollar for a thousand tokens
COUNTED = openai({"prompt_tokens": 1000, "completion_tokens": 1000})
UNCOUNTED = openai({})
CHECKS: list[dict[str, object]] = [{"max_cost": 2}, {"max_output_tokens": 1000}, {"finish_reason": "stop"}]


def model(project: Project, books: Books, price: str = PRICE) -> None:
    project.write("bench.toml", f'[model.m]\nprovider = "openai"\nname = "x"\nbase_url = "{books.url}/v1"\n{price}\n')


def statuses(project: Project) -> dict[str, str]:
    return {ended["scenario"]: ended["status"] for ended in results(project).values()}


def test_what_an_answer_took_decides(project: Project, workers: tuple[str, ...]) -> None:
    dear: list[dict[str, object]] = [{"max_cost": 1.99}, {"max_output_tokens": 999}, {"finish_reason": "length"}]
    with billing({name: [(200, COUNTED, Fraction(2))] for name in "ab"}) as books:
        model(project, books)
        project.suite(right("a", prompt="a", checks=CHECKS), right("b", prompt="b", checks=dear), models=["m"])
        project.bench(JSON, *workers).assert_outcomes(passed=1, failed=1)

    said = [check["explanation"] for check in results(project)["b[m]"]["checks"]]
    assert said == [
        "expected at most $1.99, the answers cost $2",
        "expected at most 999 output tokens, took 1,000",
        "expected finish_reason length, got 'stop'",
    ]


def test_an_attempt_that_failed_counts_no_more_when_its_answer_is_judged_afresh(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.waits("0.001")
    unusable = {"usage": COUNTED["usage"], "choices": []}
    with billing({"a": [(200, unusable, Fraction(2)), (200, COUNTED, Fraction(2))]}) as books:
        model(project, books)
        project.suite(right("a", prompt="a", checks=CHECKS), models=["m"])
        project.bench(JSON, *workers).assert_outcomes(passed=1)
        assert results(project)["a[m]"]["cost_usd"] == 4
        project.bench("--bench-regrade", *workers).assert_outcomes(passed=1)


def test_what_is_not_known_is_an_error_of_the_run(project: Project, workers: tuple[str, ...]) -> None:
    with billing({name: [(200, UNCOUNTED, Fraction(0))] for name in "ab"}) as books:
        model(project, books)
        named = {"a": {"max_cost": 100}, "b": {"max_output_tokens": 10**6}}
        project.suite(*(right(name, prompt=name, checks=[check]) for name, check in named.items()), models=["m"])
        result = project.bench(JSON, *workers)

    result.assert_outcomes(errors=2)
    assert statuses(project) == {"a": "error", "b": "error"}
    errors = {name: ended["error"]["message"] for name, ended in results(project).items()}
    assert "check 'max_cost' cannot judge this answer: what the answer of m cost is unknown" in errors["a[m]"]
    assert "check 'max_output_tokens' cannot judge this answer: the provider did not say" in errors["b[m]"]


def test_a_model_without_a_price_says_where_to_write_it(project: Project) -> None:
    with billing({"a": [(200, COUNTED, Fraction(0))]}) as books:
        model(project, books, price="")
        project.suite(right("a", prompt="a", checks=[{"max_cost": 100}]), models=["m"])
        result = project.bench()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['*nobody knows what m costs: write price = * under [[]model."m"[]] in bench.toml*'])


def test_an_answer_cut_off_is_told_by_its_reason(project: Project, workers: tuple[str, ...]) -> None:
    cut = {"finish_reason": "max_tokens"}
    project.suite(
        right("cut", checks=[{"finish_reason": ["length", "refusal"]}], params={"sim": cut}),
        right("whole", checks=[{"finish_reason": "length", "not": True}]),
    )

    project.bench(*workers).assert_outcomes(passed=2)


def test_all_turns_count_together(project: Project, workers: tuple[str, ...]) -> None:
    with billing({"a": [(200, COUNTED, Fraction(2))], "b": [(200, COUNTED, Fraction(2))]}) as books:
        model(project, books)
        turns = [{"prompt": "a", "checks": [{"max_output_tokens": 1000}]}, {"prompt": "b"}]
        checks: list[dict[str, object]] = [
            {"max_cost": 4.01},
            {"max_cost": 3.99, "not": True},
            {"max_output_tokens": 2000},
        ]
        suite: dict[str, object] = {"id": "talk", "turns": turns, "checks": checks}
        project.suite(suite, models=["m"])
        result = project.bench(JSON, *workers)

    result.assert_outcomes(passed=1)
