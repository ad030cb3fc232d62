from __future__ import annotations

from textwrap import dedent

import pytest

from tests.formats.formats_loading import GRADERS, Loader

PROBLEMS: list[tuple[str, str, list[str]]] = [
    (
        "an unknown check",
        "prompt: x\nchecks:\n  - equal: a\n  - zzz: a\n  - jsn",
        [
            "suite.yaml:3: unknown check 'equal'; did you mean 'equals'?",
            "suite.yaml:4: unknown check 'zzz'",
            "suite.yaml:5: unknown check 'jsn'; did you mean 'json'?",
        ],
    ),
    (
        "an unknown key",
        "scenarios:\n- id: add-two\n  promt: x\n  prompt: y",
        ["suite.yaml:3: unknown key 'promt' in scenario 'add-two'; did you mean 'prompt'?"],
    ),
    (
        "an unknown key of the file",
        "scenarois: [{id: a, prompt: x}]",
        [
            "suite.yaml:1: the file lacks 'scenarios': a list of what is to be run",
            "suite.yaml:1: unknown key 'scenarois' in the file; did you mean 'scenarios'?",
        ],
    ),
    (
        "an unknown default",
        "defaults: {id: x, theshold: 1}\nscenarios: [{id: a, prompt: x}]",
        [
            "suite.yaml:1: unknown key 'id' in the defaults",
            "suite.yaml:1: unknown key 'theshold' in the defaults; did you mean 'threshold'?",
        ],
    ),
    ("a number too small", "prompt: x\ntimeout: -3", ["suite.yaml:2: timeout must be a number >= 0, got -3"]),
    ("a number too large", "prompt: x\nthreshold: 1.5", ["suite.yaml:2: threshold must be a number <= 1, got 1.5"]),
    ("a fraction", "prompt: x\nrepeat: 1.5", ["suite.yaml:2: repeat must be a whole number, got 1.5"]),
    ("no list", "prompt: x\nmodels: a/b", ["suite.yaml:2: models must be a list, got 'a/b'"]),
    ("an empty list", "prompt: x\nmodels: []", ["suite.yaml:2: models must not be empty"]),
    ("an empty text", 'prompt: ""', ["suite.yaml:1: prompt must not be empty"]),
    ("a number for a text", "prompt: 3", ["suite.yaml:1: prompt must be text or a list, got 3: put it in quotes"]),
    ("nothing for a text", "prompt: x\nsystem:", ["suite.yaml:2: system must be text, got None"]),
    ("no mapping", "prompt: x\nparams: 3", ["suite.yaml:2: params must be a mapping, got 3"]),
    ("no reason", "prompt: x\nskip: 3", ["suite.yaml:2: skip must be true or false or text, got 3: put it in quotes"]),
    (
        "messages",
        "messages:\n  - {role: usr, content: x}\n  - {rol: user}\n  - {role: user, content: 3}",
        [
            "suite.yaml:2: role must be one of 'system', 'user', 'assistant', got 'usr'; did you mean 'user'?",
            "suite.yaml:3: this entry of messages lacks 'content'",
            "suite.yaml:3: this entry of messages lacks 'role'",
            "suite.yaml:3: unknown key 'rol' in this entry of messages; did you mean 'role'?",
            "suite.yaml:4: content must be text or a list, got 3: put it in quotes",
        ],
    ),
    (
        "nothing to send",
        "id: a",
        ["suite.yaml:1: scenario 'a' lacks prompt, messages or turns: nothing would be sent"],
    ),
    (
        "two things to send",
        "id: a\nprompt: x\nturns: [y]",
        ["suite.yaml:3: scenario 'a' has prompt and turns: keep one of them"],
    ),
    (
        "turns",
        "turns:\n  - {}\n  - prompt: x\n    messages: [{role: user, content: x}]",
        [
            "suite.yaml:2: turn 1 lacks prompt or messages: nothing would be sent",
            "suite.yaml:4: turn 2 has prompt and messages: keep one of them",
        ],
    ),
    (
        "a turn",
        "turns:\n  - x\n  - 3",
        ["suite.yaml:3: an entry of turns must be text or a mapping, got 3: put it in quotes"],
    ),
    (
        "no id",
        "scenarios:\n  - prompt: x",
        ["suite.yaml:2: this scenario lacks 'id': give it one that is unique in this file"],
    ),
    (
        "an id twice",
        "scenarios:\n  - {id: a, prompt: x}\n  - {id: a, prompt: y}",
        ["suite.yaml:3: id 'a' is taken already, by line 2: ids are unique in a file"],
    ),
    (
        "an id with brackets",
        "id: a[b\nprompt: x",
        ["suite.yaml:1: id 'a[b' holds '[', which node ids need for themselves: leave it out"],
    ),
    (
        "an id with colons",
        "prompt: x\nid: a::b",
        ["suite.yaml:2: id 'a::b' holds '::', which node ids need for themselves: leave it out"],
    ),
    (
        "an id with control characters",
        'prompt: x\nid: "a\\tb"',
        [r"suite.yaml:2: id 'a\tb' has to be printable text without spaces around it"],
    ),
    (
        "an id with spaces around it",
        'prompt: x\nid: " a"',
        ["suite.yaml:2: id ' a' has to be printable text without spaces around it"],
    ),
    (
        "tags",
        "prompt: x\ntags:\n  - 1x\n  - skip\n  - parametrize\n  - not",
        [
            "suite.yaml:3: tag '1x' is no marker name: use letters, digits, '_', '-' and '.', a letter first",
            "suite.yaml:4: tag 'skip' is reserved: write `skip:` in the scenario",
            "suite.yaml:5: tag 'parametrize' is reserved: pytest gives it a meaning of its own",
            "suite.yaml:6: tag 'not' is reserved: no -m expression could name it",
        ],
    ),
    (
        "how much to think",
        "prompt: x\nparams:\n  reasoning_effort: [low]\n  thinking_budget: lots",
        [
            "suite.yaml:3: reasoning_effort ['low']: write one word, such as low, medium or high",
            "suite.yaml:4: thinking_budget 'lots': write a whole number of tokens",
        ],
    ),
    (
        "a budget that is no number",
        "defaults:\n  params: {thinking_budget: true}\nscenarios:\n  - {id: a, prompt: x}",
        ["suite.yaml:2: thinking_budget True: write a whole number of tokens"],
    ),
    (
        "keys that belong elsewhere",
        "prompt: x\nn: 3\nstream: true",
        [
            "suite.yaml:2: unknown key 'n' in scenario 'suite'; write `repeat:`",
            (
                "suite.yaml:3: unknown key 'stream' in scenario 'suite'; streaming belongs into bench.toml: "
                "[model.NAME] with stream = true"
            ),
        ],
    ),
    (
        "a model",
        "prompt: x\nmodels: ['a[b]']",
        ["suite.yaml:2: model 'a[b]' holds brackets, spaces or control characters: write `provider/name` or an alias"],
    ),
    (
        "params",
        (
            "prompt: x\nparams:\n  base_url: y\n  model: z\n  messages: []\n  n: 3\n  stream: true\n  tools: []\n"
            "  tool_choice: auto"
        ),
        [
            "suite.yaml:3: params cannot set 'base_url': it belongs into bench.toml",
            "suite.yaml:4: params cannot set 'model': write `models:` in the scenario",
            "suite.yaml:5: params cannot set 'messages': write `messages:` in the scenario",
            (
                "suite.yaml:6: params cannot set 'n': of several answers the first would count and all be paid; write "
                "`repeat:` in the scenario"
            ),
            "suite.yaml:7: params cannot set 'stream': write stream = true in the model's table of bench.toml",
            (
                "suite.yaml:8: params cannot set 'tools': write `tools:` in the scenario; tools of the provider's own "
                "go into the model's params in bench.toml"
            ),
            "suite.yaml:9: params cannot set 'tool_choice': write `tool_choice:` in the scenario",
        ],
    ),
    (
        "a check's value and options",
        (
            "prompt: x\nchecks:\n  - equals: 4\n  - number: 4\n    tolerence: 1\n"
            "  - number: 4\n    tolerance: -1\n  - any_of: [a, 3]"
        ),
        [
            "suite.yaml:3: equals must be text, got 4: put it in quotes",
            "suite.yaml:5: unknown key 'tolerence' in check 'number'; did you mean 'tolerance'?",
            "suite.yaml:7: tolerance must be a number >= 0, got -1",
            "suite.yaml:8: an entry of any_of must be text, got 3: put it in quotes",
        ],
    ),
    (
        "what is wrong inside of an option",
        (
            "prompt: x\nchecks:\n"
            "  - {rated: a, parts: [tone, {nam: b}, {name: c, weight: -1}]}\n"
            "  - {rated: a, parts: tone, words: [lo]}\n"
            "  - {rated: a, scale: {1: wrong, 5: 3}}"
        ),
        [
            "suite.yaml:3: an entry of parts must be a mapping, got 'tone'",
            "suite.yaml:3: this entry of parts lacks 'name'",
            "suite.yaml:3: unknown key 'nam' in this entry of parts; did you mean 'name'?",
            "suite.yaml:3: weight must be a number > 0, got -1",
            "suite.yaml:4: an entry of words must be one of 'low', 'high', got 'lo'; did you mean 'low'?",
            "suite.yaml:4: parts must be a list, got 'tone'",
            "suite.yaml:5: an entry of scale must be text, got {'1': 'wrong', '5': 3}",
        ],
    ),
    (
        "what stands beside a check",
        "prompt: x\nchecks:\n  - {equals: a, weight: -1}\n  - {equals: a, weight: x}\n  - {equals: a, not: 3}",
        [
            "suite.yaml:3: weight must be a number >= 0, got -1",
            "suite.yaml:4: weight must be a number, got 'x'",
            "suite.yaml:5: not must be true or false, got 3",
        ],
    ),
    (
        "a check's shape",
        "prompt: x\nchecks:\n  - 3\n  - {weight: 3}\n  - {equals: a, contains: b}\n  - equals",
        [
            "suite.yaml:3: a check is a mapping such as `equals: yes`, got 3",
            "suite.yaml:4: this check has no name; known are " + ", ".join(sorted(GRADERS)),
            "suite.yaml:5: a check has one name, got 'equals' and 'contains': write each as an entry of its own",
            "suite.yaml:6: check 'equals' needs a value: write `equals: ...`",
        ],
    ),
    (
        "a check's name",
        "prompt: x\nchecks:\n  - {equals: a, name: 3}",
        ["suite.yaml:3: name must be text, got 3: put it in quotes"],
    ),
    (
        "a check that refuses its value",
        "prompt: x\nchecks:\n  - pattern: (\n  - pattern: '['",
        [
            "suite.yaml:3: check 'pattern': pattern is not closed",
            "suite.yaml:4: check 'pattern' cannot be made: KeyError: 'no such class'",
        ],
    ),
    (
        "no scenario",
        "scenarios:\n  - 3",
        ["suite.yaml:2: a scenario is a mapping with an id and a prompt, got 3"],
    ),
    ("no scenarios", "scenarios: []", ["suite.yaml:1: scenarios must not be empty"]),
    (
        "no mapping at all",
        "- a",
        [
            (
                "suite.yaml:1: a scenario file is a mapping: the keys of one scenario, "
                "or a list of them under 'scenarios', got ['a']"
            )
        ],
    ),
]


@pytest.mark.parametrize(("content", "expected"), [case[1:] for case in PROBLEMS], ids=[case[0] for case in PROBLEMS])
def test_a_problem_says_where_what_and_how_to_mend_it(files: Loader, content: str, expected: list[str]) -> None:
    assert files.problems(content) == expected


def test_all_problems_of_a_file_come_at_once_in_order_of_lines(files: Loader) -> None:
    problems = files.problems(
        dedent("""\
            defaults:
              timeout: soon
              checks: [{exat: a}]
            scenarios:
              - id: a
                promt: x
                checks: [{exat: b}]
              - id: a
                prompt: x
                prompt: y
              - id: b
                dataset: nowhere.jsonl
                prompt: z
            """)
    )
    assert problems == [
        "suite.yaml:2: timeout must be a number, got 'soon'",
        "suite.yaml:3: unknown check 'exat'",
        "suite.yaml:5: scenario 'a' lacks prompt, messages or turns: nothing would be sent",
        "suite.yaml:6: unknown key 'promt' in scenario 'a'; did you mean 'prompt'?",
        "suite.yaml:7: unknown check 'exat'",
        "suite.yaml:8: id 'a' is taken already, by line 5: ids are unique in a file",
        "suite.yaml:10: key 'prompt' stands in line 9 already: remove one of the two",
        "suite.yaml:12: dataset 'nowhere.jsonl' does not exist",
    ]


def test_json_has_the_right_lines_too(files: Loader) -> None:
    content = '{"scenarios": [\n{"id": "a",\n "prompt": "x",\n "checks": [\n{"exat": 1}],\n "timeout": -1}]}'
    assert files.problems(content, "suite.json") == [
        "suite.json:5: unknown check 'exat'",
        "suite.json:6: timeout must be a number >= 0, got -1",
    ]


def test_the_first_hundred_problems_are_enough(files: Loader) -> None:
    problems = files.problems("prompt: x\nchecks:\n" + "  - nope: 1\n" * 150)
    assert len(problems) == 101
    assert problems[-1] == "suite.yaml:103: and 50 further problems"


def test_a_secret_control_sequence_does_not_reach_the_terminal(files: Loader) -> None:
    (problem,) = files.problems('prompt: x\n"\\e[31mred": 1')
    assert problem == r"suite.yaml:2: unknown key '\x1b[31mred' in scenario 'suite'"
