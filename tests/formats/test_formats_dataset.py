from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import ScenarioFileError
from pytest_benchmodels.core.message import Message
from pytest_benchmodels.core.scenario import Scenario
from pytest_benchmodels.formats import LoadOptions, load
from tests.formats.formats_loading import GRADERS, Equals, Loader, Number

# Three records in the shape of GSM8K's (MIT licence), shortened.
SUMS = [
    {
        "question": "Janet's ducks lay 16 eggs, she eats 7. How many are left?",
        "answer": "16 - 7 = 9\n#### 9",
        "result": 9,
    },
    {"question": "A robe takes 2 bolts of blue and half as much white. How many?", "answer": "#### 3", "result": 3},
    {"question": "James runs 3 sprints 3 times a week. How many sprints?", "answer": "#### 9", "result": 9},
]
JSONL = "".join(json.dumps(record) + "\n" for record in SUMS)
SUITE = """\
id: sums
dataset: {dataset}
prompt: "Q: {{{{ question }}}}"
target: "{{{{ answer }}}}"
checks:
  - number: "{{{{ result }}}}"
  - equals: constant
metadata: {{raw: "{{{{ result }}}}"}}
"""


def suite(dataset: str) -> str:
    return SUITE.format(dataset=dataset)


def ids(scenarios: object) -> list[str]:
    assert isinstance(scenarios, tuple)
    return [scenario.id for scenario in scenarios]


def test_each_record_makes_a_scenario(files: Loader) -> None:
    files.write("sums.jsonl", JSONL)
    scenarios = files.scenarios(suite("sums.jsonl"))
    assert ids(scenarios) == ["sums-1", "sums-2", "sums-3"]
    for scenario, record in zip(scenarios, SUMS, strict=True):
        assert scenario.turns[0].messages == (Message("user", f"Q: {record['question']}"),)
        assert scenario.target == record["answer"]
        assert [check.grader for check in scenario.checks] == [Number(record["result"]), Equals("constant")]  # type: ignore[arg-type]  # the records' values are of two types
        assert scenario.metadata == {"raw": record["result"]}
        assert scenario.source == "suite.yaml:1"


JSON_SHAPES = [
    (json.dumps(SUMS, indent=1), "sums.json"),
    (json.dumps({"canary": "x", "tags": ["a"], "examples": SUMS}), "sums.json"),
    (json.dumps({"train": SUMS[:1], "test": SUMS}), "{file: sums.json, records: test}"),
]


@pytest.mark.parametrize(("content", "dataset"), JSON_SHAPES)
def test_json_datasets(files: Loader, content: str, dataset: str) -> None:
    files.write("sums.json", "\ufeff" + content)
    assert ids(files.scenarios(suite(dataset))) == ["sums-1", "sums-2", "sums-3"]


def test_csv_datasets(files: Loader) -> None:
    files.write("data/capitals.CSV", '\ufeffcountry,Best Answer\r\nFrance,Paris\r\n\r\n"Korea, South","Se\noul"\r\n')
    france, korea = files.scenarios('id: c\ndataset: data/capitals.CSV\nprompt: "{{ country }}? {{ Best Answer }}"')
    assert france.turns[0].messages[0].content == "France? Paris"
    assert korea.turns[0].messages[0].content == "Korea, South? Se\noul"


def test_limit_takes_the_first_and_sample_draws_the_same_each_time(files: Loader) -> None:
    files.write("n.jsonl", "".join(f'{{"n": {n}}}\n' for n in range(1, 101)))

    def drawn(options: str) -> list[str]:
        return ids(files.scenarios(f'id: n\ndataset: {{file: n.jsonl, {options}}}\nprompt: "{{{{ n }}}}"'))

    assert drawn("limit: 2") == ["n-1", "n-2"]
    assert drawn("sample: 3") == ["n-15", "n-46", "n-87"]
    assert drawn("sample: 3, seed: 0") == ["n-15", "n-46", "n-87"]
    assert drawn("sample: 3, seed: 1") != drawn("sample: 3")
    assert set(drawn("sample: 3")) < set(drawn("sample: 4"))
    assert drawn("sample: 5, limit: 5") == [f"n-{n}" for n in range(1, 6)]
    assert len(drawn("sample: 500")) == 100


def test_ids_may_come_from_the_records(files: Loader) -> None:
    files.write("n.jsonl", '{"id": "a", "n": 1}\n{"id": "b", "n": 2}\n')
    content = 'id: x\ndataset: {file: n.jsonl, id: "{{ id }}-{{ n }}"}\nprompt: "{{ n }}"'
    assert ids(files.scenarios(content)) == ["a-1", "b-2"]


def test_a_records_field_wins_over_a_variable(files: Loader) -> None:
    files.write("n.jsonl", '{"n": 1}\n')
    (scenario,) = files.scenarios('id: x\nvars: {n: 2, m: 3}\ndataset: n.jsonl\nprompt: "{{ n }}{{ m }}"')
    assert scenario.turns[0].messages[0].content == "13"


def dataset_problems(files: Loader, dataset: str, prompt: str = "x") -> list[str]:
    return files.problems(f'id: x\ndataset: {dataset}\nprompt: "{prompt}"')


ONE_A_LINE = " (a line holds one whole object; a list over several lines is a .json file)"
CONTENTS = {
    "a broken line": (
        "a.jsonl",
        '{"a": 1}\n{"a": \n[1]\n',
        [
            f"suite.yaml:2: a.jsonl:2: not readable as JSON: Input data was truncated{ONE_A_LINE}",
            "suite.yaml:2: a.jsonl:3: a record has to be an object, got [1]",
        ],
    ),
    "deep nesting": (
        "a.jsonl",
        '{"a": ' + "[" * 100_000,
        ["suite.yaml:2: a.jsonl:1: not readable as JSON: nested too deep"],
    ),
    "records that are none": (
        "a.json",
        '[\n{"a": 1},\n3]',
        ["suite.yaml:2: a.json:3: a record has to be an object, got 3"],
    ),
    "no list": (
        "a.json",
        "3",
        ["suite.yaml:2: dataset 'a.json' is neither a list of objects nor an object that holds one"],
    ),
    "two lists": (
        "a.json",
        '{"a": [{}], "b": [{}]}',
        ["suite.yaml:2: dataset 'a.json' holds several lists of objects or none ('a', 'b'): name it by `records:`"],
    ),
    "a CSV file with a row too short": (
        "a.csv",
        "a,b\n1,2\n3\n",
        ["suite.yaml:2: a.csv:3: 1 values for 2 columns: put values that hold a comma in double quotes"],
    ),
    "a CSV file with a column twice": (
        "a.csv",
        "a,a\n1,2\n",
        ["suite.yaml:2: a.csv:1: the header row names a column twice: 'a'"],
    ),
    "an empty CSV file": ("a.csv", "", ["suite.yaml:2: a.csv:1: the header row is empty"]),
    "a CSV file with an open quote": (
        "a.csv",
        'a\n"b',
        ["suite.yaml:2: a.csv:2: not readable as CSV: unexpected end of data"],
    ),
    "no records": ("a.jsonl", "\n", ["suite.yaml:2: dataset 'a.jsonl' holds no records"]),
    "text": ("a.txt", "", ["suite.yaml:2: dataset 'a.txt' is none of .jsonl, .csv, .json: convert it to JSONL"]),
}


@pytest.mark.parametrize(("name", "content", "expected"), CONTENTS.values(), ids=CONTENTS)
def test_a_dataset_that_cannot_be_used(files: Loader, name: str, content: str, expected: list[str]) -> None:
    files.write(name, content)
    assert dataset_problems(files, name) == expected


def test_a_list_that_is_not_there(files: Loader) -> None:
    files.write("a.json", '{"a": [{}], "b": 3}')
    expected = ["suite.yaml:2: dataset 'a.json' has no list 'b'; its lists are 'a'"]
    assert dataset_problems(files, "{file: a.json, records: b}") == expected


def test_a_key_is_for_json_files(files: Loader) -> None:
    files.write("a.jsonl", "{}")
    expected = "suite.yaml:2: dataset 'a.jsonl' has no keys that `records` could name: that is for JSON files"
    assert dataset_problems(files, "{file: a.jsonl, records: b}") == [expected]


def test_a_line_without_end(files: Loader) -> None:
    with files.write("a.jsonl", "{}\n").open("r+b") as sparse:
        sparse.truncate(20_000_010)
    assert dataset_problems(files, "a.jsonl") == ["suite.yaml:2: a.jsonl:2: the line has more than 20 MB"]


def test_a_file_makes_only_so_many_scenarios(files: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_benchmodels.formats.native.MAX_SCENARIOS", 3)
    files.write("a.jsonl", "{}\n" * 4)
    assert dataset_problems(files, "a.jsonl") == ["suite.yaml:2: more than 3 scenarios in one file: split it"]
    assert files.problems("scenarios:\n" + "".join(f"- {{id: {n}x, prompt: x}}\n" for n in range(4))) == [
        "suite.yaml:5: more than 3 scenarios in one file: split it"
    ]


def test_csv_that_is_no_utf8(files: Loader) -> None:
    files.write("a.csv", b"a\n\xe9\n")
    assert dataset_problems(files, "a.csv") == ["suite.yaml:2: a.csv:1: the file is no UTF-8: save it as UTF-8"]


def test_a_name_that_is_nearly_right(files: Loader) -> None:
    files.write("questions.jsonl", "{}")
    expected = "suite.yaml:2: dataset 'question.jsonl' does not exist; did you mean 'questions.jsonl'?"
    assert dataset_problems(files, "question.jsonl") == [expected]


def test_a_pipe_is_not_waited_for(files: Loader) -> None:
    os.mkfifo(files.folder / "pipe.jsonl")
    assert dataset_problems(files, "pipe.jsonl") == ["suite.yaml:2: dataset 'pipe.jsonl' is not a regular file"]


def test_a_dataset_that_is_too_large_for_its_format(files: Loader) -> None:
    with files.write("a.json", "[").open("r+b") as sparse:
        sparse.truncate(100_000_001)
    expected = "suite.yaml:2: dataset 'a.json' has 100 MB, more than 100: split it, or convert it to JSONL"
    assert dataset_problems(files, "a.json") == [expected]


def test_a_record_that_lacks_a_name_is_told_with_its_line(files: Loader) -> None:
    files.write("a.json", '[{"nam": 1},\n\n{"name": 2},\n{"nam": 3}]')
    assert dataset_problems(files, "a.json", "{{ name }}") == [
        "suite.yaml:3: a.json:1: prompt: undefined name 'name'; did you mean 'nam'? (known: nam)",
        "suite.yaml:3: a.json:4: prompt: undefined name 'name'; did you mean 'nam'? (known: nam)",
    ]


def test_three_bad_records_are_enough(files: Loader) -> None:
    files.write("a.jsonl", "{}\n" * 1000)
    problems = dataset_problems(files, "a.jsonl", "{{ name }}")
    assert problems[0] == "suite.yaml:2: dataset 'a.jsonl': reading stopped at the third bad record"
    assert [problem[:24] for problem in problems[1:]] == [f"suite.yaml:3: a.jsonl:{n}:" for n in (1, 2, 3)]


def test_what_is_wrong_with_every_record_is_told_once(files: Loader) -> None:
    files.write("a.jsonl", '{"a": 1}\n' * 5)
    content = 'id: x\nprompt: x\ndataset: a.jsonl\nchecks:\n  - exat: "{{ a }}"\n  - nmber: 3'
    assert files.problems(content) == [
        "suite.yaml:5: unknown check 'exat'",
        "suite.yaml:6: unknown check 'nmber'; did you mean 'number'?",
    ]


def test_ids_stay_unique_and_well_formed_over_a_dataset(files: Loader) -> None:
    files.write("a.jsonl", '{"n": "a"}\n{"n": "a"}\n{"n": "b::c"}\n')
    content = 'scenarios:\n- id: x\n  prompt: x\n  dataset: {file: a.jsonl, id: "{{ n }}"}\n- {id: a, prompt: y}'
    assert files.problems(content) == [
        "suite.yaml:2: a.jsonl:2: id 'a' is taken already, by line 2: ids are unique in a file",
        "suite.yaml:2: a.jsonl:3: id 'b::c' holds '::', which node ids need for themselves: leave it out",
        "suite.yaml:5: id 'a' is taken already, by line 2: ids are unique in a file",
    ]


def load_outside(folder: Path, dataset: Path | str, *allowed: Path) -> tuple[Scenario, ...] | None:
    suite_file = folder / "suite.yaml"
    suite_file.write_text(f"id: x\ndataset: {json.dumps(str(dataset))}\nprompt: x")
    return load(suite_file, "suite.yaml", LoadOptions(GRADERS, allowed=allowed))


@pytest.mark.parametrize("way", ["up", "absolute", "link", "linked folder"])
def test_a_dataset_outside_needs_the_users_word(tmp_path: Path, way: str) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    secret = outside / "secret.jsonl"
    secret.write_text("{}")
    (inside / "link.jsonl").symlink_to(secret)
    (inside / "folder").symlink_to(outside)
    ways: dict[str, Path | str] = {
        "up": "../outside/secret.jsonl",
        "absolute": secret,
        "link": "link.jsonl",
        "linked folder": "folder/secret.jsonl",
    }
    with pytest.raises(ScenarioFileError, match="lies outside the scenario file's folder: move it there, or allow"):
        load_outside(inside, ways[way])
    assert ids(load_outside(inside, ways[way], outside)) == ["x-1"]


@pytest.mark.parametrize("name", ["a\0b.jsonl", "x" * 5000 + ".jsonl", "loop.jsonl"])
def test_a_path_that_cannot_be(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    with pytest.raises(ScenarioFileError, match=r"suite\.yaml:2: dataset '.*' cannot be found: "):
        load_outside(tmp_path, name)
