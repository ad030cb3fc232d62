"""Who really answered, where that is not who was asked: in the summary, in reports and in comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest

from pytest_benchmodels.cli import main
from tests.plugin.billing_server import Reply, billing, openai
from tests.plugin.plugin_parts import Project, json_report, right

USAGE = {"prompt_tokens": 5, "completion_tokens": 1}
OUT = ("--bench-json=b.json", "--bench-html=b.html", "--bench-markdown=b.md")


def served(**told: object) -> Reply:
    return 200, {**openai(USAGE), **told}, Fraction(0)


def bench(project: Project, replies: Sequence[Reply], *options: str) -> list[str]:
    """A session in which each of these is the reply to one scenario."""
    names = [f"s{number}" for number in range(len(replies))]
    project.suite(*(right(name, prompt=name) for name in names), models=["m"])
    with billing({name: [reply] for name, reply in zip(names, replies, strict=True)}) as server:
        table = ("[model.m]", 'provider = "vllm"', 'name = "gpt-4o"', f'base_url = "{server.url}"', "")
        project.write("bench.toml", "\n".join(table))
        return project.bench(*OUT, *options).outlines


def test_others_are_told_by_how_often_they_answered(project: Project, workers: tuple[str, ...]) -> None:
    replies = [served(model="y", provider="Groq"), served(model="z"), served(model="z"), served(model="gpt-4o")]

    said = bench(project, replies, *workers)

    line = "m: answered by z (2), y by Groq (1)"
    assert line in said
    assert f"<li>{line}</li>" in (project.path / "b.html").read_text("utf-8")
    assert f"\n{line}\n" in (project.path / "b.md").read_text("utf-8")
    document = json_report(project.path / "b.json")
    assert document["models"][0]["answered_by"] == {"z": 2, "y by Groq": 1}
    first = next(result for result in document["results"] if result["scenario"] == "s0")
    assert (first["response"]["asked_model"], first["response"]["served_model"]) == ("gpt-4o", "y")


def test_a_date_is_told_in_the_details_only(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    said = bench(project, [served(model="gpt-4o-2024-08-06")])

    assert not [line for line in said if "answered by" in line]
    assert '"served":"gpt-4o-2024-08-06"' in (project.path / "b.html").read_text("utf-8")
    assert json_report(project.path / "b.json")["models"][0]["answered_by"] == {}
    assert main(["show", "latest", "s0", "--store", str(project.path / ".benchmodels" / "store.sqlite")]) == 0
    assert "5/1 tokens, gpt-4o-2024-08-06): 4" in capsys.readouterr().out


def test_a_hostile_name_is_shown_as_text(project: Project) -> None:
    said = bench(project, [served(model="<script>alert(1)</script>\x1b[2J\n" + "x" * 10_000)])

    (line,) = [line for line in said if "answered by" in line]
    assert "\x1b" not in line
    assert len(line) < 200
    page = (project.path / "b.html").read_text("utf-8")
    assert "answered by &lt;script&gt;" in page
    assert "<script>alert" not in page


def test_a_comparison_warns_of_dates_and_fingerprints(project: Project, workers: tuple[str, ...]) -> None:
    before = served(model="gpt-4o-2024-05-13", system_fingerprint="fp_a")
    now = served(model="gpt-4o-2024-08-06", system_fingerprint="fp_b")
    bench(project, [before, before])

    said = bench(project, [now, now], "--bench-compare=-1", *workers)

    lines = [
        "  another model was served for m: gpt-4o-2024-05-13 before, gpt-4o-2024-08-06 now",
        "  another system_fingerprint was told for m: fp_a before, fp_b now",
    ]
    assert [line for line in lines if line not in said] == []
    changes = json_report(project.path / "b.json")["comparison"]["changes"]
    assert changes["system_fingerprints"] == [{"model": "m", "before": ["fp_a"], "after": ["fp_b"]}]


def test_the_same_fingerprint_or_none_is_no_difference(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    bench(project, [served(model="gpt-4o", system_fingerprint="fp_a")])
    bench(project, [served(model="gpt-4o", system_fingerprint="fp_a")])
    bench(project, [served(model="gpt-4o")])

    for one, other in (("-3", "-2"), ("-2", "-1")):
        main(["compare", one, other, "--store", str(project.path / ".benchmodels" / "store.sqlite")])
        told = capsys.readouterr().out
        assert "compared with" in told
        assert "was served" not in told
        assert "system_fingerprint" not in told


JUDGED = """
from pytest_benchmodels import Grade, Grader, Response


class Judged(Grader, frozen=True):
    judged: str

    def asked_models(self):
        return ("my/judge",)

    async def grade(self, context):
        answer = await context.ask("my/judge", context.text)
        return Grade(1.0, passed=True, explanation=answer.text)


def judge(request):
    return Response("fine", served_model="{served}")


def pytest_bench_graders():
    return [Judged]


def pytest_bench_models():
    return {{"my/judge": judge}}
"""


def test_a_comparison_warns_of_another_judge(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(right("a", checks=[{"judged": "?"}]), models=["sim/steady"])
    project.write("conftest.py", JUDGED.format(served="judge-1"))
    project.bench()
    project.write("conftest.py", JUDGED.format(served="judge-2"))

    said = project.bench("--bench-compare=-1", *workers).outlines

    assert "  another model was served for my/judge: judge-1 before, judge-2 now" in said
