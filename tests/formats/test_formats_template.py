from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_benchmodels.formats.dataset import Budget, TemplateError, render, render_text
from tests.formats.formats_loading import Loader, Number

NAMES = {
    "n": 3,
    "flag": True,
    "none": None,
    "text": "{{ n }}",
    "a": {"b": ["x", {"c": 1.5}]},
    "a.b": "dotted",
    "ü": "u",
}

RENDERED = [
    ("plain", "plain"),
    ("{{n}}", 3),
    ("{{ n }} ", "3 "),
    ("{{\tn\n}}", 3),
    ("{{ n }}{{ n }}", "33"),
    ("{{ flag }}", True),
    ("is {{ flag }}, {{ none }}", "is true, null"),
    ("{{ text }}", "{{ n }}"),
    ("<{{ text }}>", "<{{ n }}>"),
    ("{{ a }}!", '{"b": ["x", {"c": 1.5}]}!'),
    ("{{ a.b }}", "dotted"),
    ("{{ a.b.1.c }}", 1.5),
    ("{{ ü }}", "u"),
    ("} }} {", "} }} {"),
    (["{{ n }}", {"{{ n }}": "{{ n }}"}, 1, None], [3, {"{{ n }}": 3}, 1, None]),
]


@pytest.mark.parametrize(("template", "expected"), RENDERED)
def test_rendering(template: object, expected: object) -> None:
    assert render(template, NAMES, Budget()) == expected


def test_a_text_stays_a_text() -> None:
    assert render_text("{{ n }}", NAMES, Budget()) == "3"


REMEDY = "write {{ name }} or {{ name.part }}; braces that are meant as such can come from a variable"
REFUSED = [
    ("{{ m }}", "undefined name 'm' (known: a, a.b, flag, n, none, text, ü)"),
    ("{{ flg }}", "undefined name 'flg'; did you mean 'flag'? (known: a, a.b, flag, n, none, text, ü)"),
    ("{{ a.c }}", "undefined name 'a.c': there is no 'c' in {'b': ['x', {'c': 1.5}]}"),
    ("{{ a.b.2 }}", "undefined name 'a.b.2': there is no '2' in ['x', {'c': 1.5}]"),
    ("{{ n.real }}", "undefined name 'n.real': there is no 'real' in 3"),
    ("{{ text.upper }}", "undefined name 'text.upper': there is no 'upper' in '{{ n }}'"),
    ("{{ n + 1 }}", f"'{{{{ n + 1 }}}}' is no name: {REMEDY}"),
    ("{{ text() }}", f"'{{{{ text() }}}}' is no name: {REMEDY}"),
    ("{{ n|upper }}", f"'{{{{ n|upper }}}}' is no name: {REMEDY}"),
    ("{{}}", f"'{{{{}}}}' is no name: {REMEDY}"),
    ("{{ {{ n }} }}", f"'{{{{ {{{{ n }}}}' is no name: {REMEDY}"),
    ("a {{ n }", "'{{ n }' has no '}}' after its '{{'"),
]


@pytest.mark.parametrize(("template", "expected"), REFUSED)
def test_anything_but_a_known_name_is_an_error(template: str, expected: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(template, NAMES, Budget())
    assert str(caught.value) == expected


def test_templates_make_only_so_much_text() -> None:
    budget = Budget(30)
    assert render("{{ n }}{{ n }}", NAMES, budget) == "33"
    with pytest.raises(TemplateError, match=r"^templates make more than 30 characters of text: split the file$"):
        render("{{ n }}{{ n }}", NAMES, budget)


@given(text=st.text() | st.text(alphabet="{} na.|"))
def test_any_template_is_rendered_or_refused(text: str) -> None:
    refusal = ""
    rendered: object = None
    try:
        rendered = render(text, NAMES, Budget())
    except TemplateError as error:
        refusal = str(error)
    assert "{{" in text or rendered == text
    assert "\n" not in refusal


@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_a_value_keeps_its_type_or_is_written_as_json(value: object) -> None:
    assert render("{{ v }}", {"v": value}, Budget()) == value
    rest = render_text("={{ v }}", {"v": value}, Budget())[1:]
    assert (rest if isinstance(value, str) else json.loads(rest)) == value


def test_only_scenarios_with_variables_are_templates(files: Loader) -> None:
    plain, filled = files.scenarios(
        """
defaults: {checks: [{contains: "{{ n }}"}]}
scenarios:
  - {id: a, prompt: "{{ n }"}
  - {id: b, prompt: "{{ n }}", vars: {n: 3}, checks: [{number: "{{ n }}"}], tags: [x]}
""".replace('"{{ n }}"}]}\nscen', '"{{ n }}!"}]}\nscen')
    )
    assert plain.turns[0].messages[0].content == "{{ n }"
    assert plain.checks[0].summary == "contains '{{ n }}!'"
    assert filled.turns[0].messages[0].content == "3"
    assert filled.checks[0].summary == "contains '3!'"
    assert filled.checks[1].grader == Number(3)


def test_each_place_of_a_scenario_is_rendered(files: Loader) -> None:
    scenario = files.one("""
vars: {n: 3}
system: s{{ n }}
turns:
  - t{{ n }}
  - prompt: p{{ n }}
    checks: [{equals: "c{{ n }}"}]
  - messages: [{role: user, content: "{{ n }}"}]
target: "{{ n }}"
metadata: {m: ["{{ n }}"]}
""")
    assert scenario.system == "s3"
    assert [turn.messages[0].content for turn in scenario.turns] == ["t3", "p3", "3"]
    assert scenario.turns[1].checks[0].summary == "equals 'c3'"
    assert scenario.target == "3"
    assert scenario.metadata == {"m": [3]}


def test_a_placeholder_without_a_value_is_told_for_each_place(files: Loader) -> None:
    content = """\
vars: {n: 3}
system: "{{ a }}"
messages:
  - {role: user, content: "{{ b }}"}
target: "{{ c }}"
checks:
  - {equals: "{{ d }}", weight: 2}
metadata: {m: "{{ e }}"}
"""
    assert files.problems(content) == [
        "suite.yaml:2: system: undefined name 'a' (known: n)",
        "suite.yaml:4: content: undefined name 'b' (known: n)",
        "suite.yaml:5: target: undefined name 'c' (known: n)",
        "suite.yaml:7: check 'equals': undefined name 'd' (known: n)",
        "suite.yaml:8: metadata: undefined name 'e' (known: n)",
    ]


def test_a_value_of_the_wrong_type_is_told_like_any_other(files: Loader) -> None:
    problems = files.problems('vars: {n: "3"}\nprompt: x\nchecks:\n  - number: "{{ n }}"')
    assert problems == ["suite.yaml:4: number must be a whole number or a number, got '3'"]
