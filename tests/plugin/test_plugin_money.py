"""What we print against the books of a provider that bills by itself."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pytest_benchmodels.reports.bench_json import read_bench_json
from tests.plugin.billing_server import Books, Reply, anthropic, billing, google, openai
from tests.plugin.plugin_parts import Project, json_report, junit_cases, properties, right

OUT = ("--bench-json=b.json", "--junitxml=j.xml")
# One dollar for a thousand tokens, so that money can be told at sight.
PRICE = "price = {input = 1000, output = 1000, cached_input = 100, cache_write = 2000}"
ANSWER = openai({"prompt_tokens": 1000, "completion_tokens": 1000})
TWO_DOLLARS: Reply = (200, ANSWER, Fraction(2))


def project_with(project: Project, books: Books, *names: str, price: str = PRICE) -> None:
    entry = f'[model.m]\nprovider = "openai"\nname = "x"\nbase_url = "{books.url}/v1"\n{price}\n'
    project.write("bench.toml", entry)
    project.suite(*(right(name, prompt=name) for name in names), models=["m"])


def summary_row(result: pytest.RunResult, model: str = "m") -> str:
    (row,) = [line for line in result.outlines if line.startswith(f"{model} ")]
    return row


def results(project: Project) -> dict[str, dict[str, object]]:
    return {run["scenario"]: run for run in json_report(project.path / "b.json")["results"]}


def test_failed_attempts_that_were_billed_are_paid(project: Project, workers: tuple[str, ...]) -> None:
    unusable: Reply = (200, {"usage": ANSWER["usage"], "choices": []}, Fraction(2))
    refused: Reply = (500, {"error": {"message": "no"}}, Fraction(0))
    project.waits("0.001")
    with billing({"a": [unusable, unusable, refused, unusable, TWO_DOLLARS]}) as books:
        project_with(project, books, "a")
        result = project.bench(*OUT, *workers)

    assert books.total == 8
    assert summary_row(result).endswith("4.0k/4.0k  $8.00")
    assert results(project)["a"]["cost_usd"] == books.total
    facts = properties(junit_cases(project.path / "j.xml")["a[m]"])
    assert (facts["bench.cost_usd"], facts["bench.input_tokens"]) == ("8.0", "4000")


def test_an_answer_without_usage_leaves_at_least(project: Project) -> None:
    with billing({"a": [TWO_DOLLARS], "b": [(200, openai(None), Fraction(5))]}) as books:
        project_with(project, books, "a", "b")
        result = project.bench(*OUT, "--bench-html=b.html", "--bench-markdown=b.md")

    assert summary_row(result).endswith(">=1.0k/>=1.0k  >= $2.00")
    result.stdout.fnmatch_lines(["cost known in part: m, >= $2.00: 1 run had requests whose tokens nobody told"])
    runs = results(project)
    assert [(runs[name]["cost_usd"], runs[name]["known_cost_usd"]) for name in "ab"] == [(2.0, 2.0), (None, 0.0)]
    (model,) = json_report(project.path / "b.json")["models"]
    assert (model["cost_usd"], model["known_cost_usd"], model["input_tokens"]) == (None, 2.0, None)
    assert (model["known_input_tokens"], model["cost_per_passed_usd"], model["unpriced"]) == (1000, None, 1)
    assert "bench.cost_usd" not in properties(junit_cases(project.path / "j.xml")["b[m]"])
    page = (project.path / "b.html").read_text(encoding="utf-8")
    assert "<dt>Cost per passed run</dt><dd>&gt;= $1.00</dd>" in page
    assert "cost per passed run: m: >= $1.00" in (project.path / "b.md").read_text(encoding="utf-8")


def test_a_timeout_keeps_what_was_spent_before(project: Project, workers: tuple[str, ...]) -> None:
    turns = ["one", "two"]
    with billing({"one": [TWO_DOLLARS], "two": [None]}) as books:
        project_with(project, books)
        project.suite({"id": "talk", "turns": turns, "timeout": 1, "checks": [{"contains": "4"}]}, models=["m"])
        result = project.bench(*OUT, *workers)

    run = results(project)["talk"]
    assert (run["status"], run["cost_usd"], run["known_cost_usd"]) == ("timeout", None, 2.0)
    assert summary_row(result).endswith(">= $2.00")


def test_a_timeout_of_the_first_request_is_not_free(project: Project) -> None:
    with billing({"a": [None]}) as books:
        project_with(project, books)
        project.suite(right("a", prompt="a", timeout=0.5), models=["m"])
        result = project.bench(*OUT)

    assert results(project)["a"]["cost_usd"] is None
    assert summary_row(result).endswith("  -      -")


def test_what_was_refused_is_free(project: Project) -> None:
    with billing({"a": [(400, {"error": {"message": "no"}}, Fraction(0))], "b": [TWO_DOLLARS]}) as books:
        project_with(project, books, "a", "b")
        result = project.bench(*OUT)

    assert (results(project)["a"]["cost_usd"], books.total) == (0.0, 2.0)
    assert summary_row(result).endswith("$2.00")


def test_a_connection_that_is_refused_is_free_one_that_ends_early_is_not_known(project: Project) -> None:
    with billing({}) as books:
        pass
    project_with(project, books, "a")
    project.bench(*OUT, "--bench-retries=0")
    assert (results(project)["a"]["cost_usd"], results(project)["a"]["error"]["kind"]) == (0.0, "connection")  # type: ignore[index] # JSON


def test_a_gate_on_cost_is_judged_as_far_as_it_is_known(project: Project) -> None:
    def verdict(gate: str) -> tuple[object, int | pytest.ExitCode, str]:
        with billing({"a": [TWO_DOLLARS], "b": [(200, openai(None), Fraction(5))]}) as books:
            project_with(project, books, "a", "b")
            result = project.bench(*OUT, f"--bench-gate={gate}")
        (told,) = [gate for gate in json_report(project.path / "b.json")["gates"] if "cost" in gate["gate"]]
        lines = {line for line in result.outlines if line.startswith("gate ") and "cost" in line}
        assert len(lines) == 1
        return told["held"], result.ret, lines.pop()

    assert verdict("cost <= $1.50") == (False, 1, "gate failed cost <= $1.50: >= $2.00, over 2 of 2 runs")
    held, status, line = verdict("cost <= $3")
    assert (held, status) == (None, 1)
    # The model has its price: to set it would help nobody.
    assert "cannot be judged: the cost of an answer is not known: its model has no price in bench.toml, or " in line
    assert verdict("cost >= $2")[:2] == (True, 0)


def test_the_budget_counts_what_is_known(project: Project) -> None:
    unusable: Reply = (200, {"usage": ANSWER["usage"]}, Fraction(2))
    plan: dict[str, list[Reply | None]] = {"a": [unusable], "b": [(200, b"{", Fraction(2))], "c": [unusable], "d": []}
    with billing(plan) as books:
        project_with(project, books, *"abcd")
        result = project.bench("--bench-budget=3", "--bench-concurrency=1", "--bench-retries=0", *OUT)

    assert books.requests == 3
    assert results(project)["d"]["status"] == "skipped"
    assert summary_row(result).endswith(">= $4.00")
    result.stdout.fnmatch_lines(["cost known in part: m, >= $4.00: 1 run * the budget counts what is known"])


@pytest.mark.parametrize(
    ("provider", "name", "answer", "billed"),
    [
        (
            "openai",
            "gpt-4o-mini",
            openai(
                {
                    "prompt_tokens": 100_000,
                    "completion_tokens": 1000,
                    "prompt_tokens_details": {"cached_tokens": 90_000},
                    "completion_tokens_details": {"reasoning_tokens": 400},
                }
            ),
            "0.0088500",  # 10,000 at 0.15, 90,000 at 0.075, 1,000 at 0.60
        ),
        (
            "anthropic",
            "claude-haiku-4-5",
            anthropic(
                {
                    "input_tokens": 1000,
                    "cache_read_input_tokens": 50_000,
                    "cache_creation_input_tokens": 20_000,
                    "cache_creation": {"ephemeral_5m_input_tokens": 15_000, "ephemeral_1h_input_tokens": 5000},
                    "output_tokens": 100,
                }
            ),
            "0.0352500",  # 1,000 at 1, 50,000 at 0.10, 15,000 at 1.25, 5,000 at 2, 100 at 5
        ),
        (
            "google",
            "gemini-2.5-pro",
            google(
                {
                    "promptTokenCount": 299_000,
                    "toolUsePromptTokenCount": 1000,
                    "cachedContentTokenCount": 100_000,
                    "candidatesTokenCount": 500,
                    "thoughtsTokenCount": 1500,
                }
            ),
            "0.555",  # 200,000 at 2.50, 100,000 at 0.25, 2,000 at 15
        ),
        (
            "openrouter",
            "openai/gpt-4o-mini",
            openai({"prompt_tokens": 1000, "completion_tokens": 1000, "cost": 0.0123, "is_byok": False}),
            "0.0123",
        ),
    ],
)
def test_each_provider_is_billed_as_its_price_page_says(  # noqa: PLR0913, PLR0917 - a table of cases
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
    name: str,
    answer: dict[str, object],
    billed: str,
) -> None:
    with billing({"a": [(200, answer, Fraction(billed))]}) as books:
        prefix = "GEMINI" if provider == "google" else provider.upper()
        monkeypatch.setenv(f"{prefix}_API_KEY", "sk-0123456789abcdef")
        monkeypatch.setenv(f"{prefix}_BASE_URL", books.url)
        project.suite(right("a", prompt="a"), models=[f"{provider}/{name}"])
        project.bench(*OUT)

    (run,) = read_bench_json(project.path / "b.json").results()
    assert run.cost_usd == pytest.approx(books.total, rel=1e-9)


def test_prices_of_the_cache_may_be_given(project: Project) -> None:
    details = {"cached_tokens": 500, "cache_write_tokens": 200}
    usage = {"prompt_tokens": 1000, "completion_tokens": 1000, "prompt_tokens_details": details}
    # 300 at $1 a thousand, 500 at $0.10, 200 at $2, 1,000 at $1.
    with billing({"a": [(200, openai(usage), Fraction("1.75"))]}) as books:
        project_with(project, books, "a")
        result = project.bench(*OUT)
    assert results(project)["a"]["cost_usd"] == pytest.approx(books.total)
    result.stdout.no_fnmatch_line("cost *m*")

    with billing({"a": [(200, openai(usage), Fraction(0))]}) as books:
        project_with(project, books, "a", price="price = {input = 1000, output = 1000}")
        result = project.bench(*OUT)
    # What a write costs nobody knows; it is no less than other input.
    assert (results(project)["a"]["cost_usd"], results(project)["a"]["known_cost_usd"]) == (None, 2.0)
    result.stdout.fnmatch_lines(
        ["cost known in part: m, >= $2.00: 1 run *no cache_write in price", "cost at most: m: *"]
    )


def test_the_plan_knows_tiers_and_the_cache(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"promptTokenCount": 300_000, "cachedContentTokenCount": 200_000, "candidatesTokenCount": 1000}
    with billing({"a": [(200, google(said), Fraction("0.315"))]}) as books:
        monkeypatch.setenv("GEMINI_API_KEY", "sk-0123456789abcdef")
        monkeypatch.setenv("GEMINI_BASE_URL", books.url)
        project.suite(right("a", prompt="a"), models=["google/gemini-2.5-pro"])
        ran = project.bench()
        planned = project.bench("--bench-plan")

    # With the cache as it was, what was billed; without it, 300,000 at 2.50 and 1,000 at 15.
    assert summary_row(ran, "google/gemini-2.5-pro").endswith("$0.32")
    planned.stdout.fnmatch_lines(["google/gemini-2.5-pro *300k *1.0k *$0.32-$0.77 *"])
