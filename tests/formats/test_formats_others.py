"""Other people's YAML, keys of other tools, links, and files that are large or wrong in many places."""

from __future__ import annotations

import pytest

from pytest_benchmodels.core.errors import ScenarioFileError
from pytest_benchmodels.formats import LoadOptions, load
from tests.formats.formats_loading import GRADERS, OPTIONS, Loader

OTHERS = {
    "docker-compose.yml": "version: '3'\nservices: {a: {image: x}}\n",
    "mkdocs.yml": "site_name: x\nnav: []\nmarkdown_extensions:\n  - x: {y: !!python/name:a.b }\n",
    "k8s.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {}\n---\nkind: b\n",
    "workflow.yml": "name: x\non: push\ndefaults: {run: {shell: sh}}\njobs: {}\n",
    "play.yml": "- hosts: all\n  vars: {a: 1}\n",
    "helm.yaml": "name: {{ .Values.name }}\n{{- if x }}\nfoo: 1\n",
    "empty.yaml": "",
    "words.yaml": "just words",
}
MEANT = {
    "a slip in the only key": "scenaros: []\n",
    "a slip beside an id": "id: a\npromt: x\n",
    "a list without scenarios": "- id: a\n  prompt: x\n",
    "broken in the first line": "\tx\nscenarios:\n  - id: a\n",
    "half of the keys": "id: a\nnote: x\n",
}


@pytest.mark.parametrize("name", OTHERS)
def test_yaml_of_others_is_left_out_unless_it_is_named(files: Loader, name: str) -> None:
    assert files.maybe(OTHERS[name], name) is None
    assert files.problems(OTHERS[name], name, named=True)


@pytest.mark.parametrize("name", MEANT)
def test_yaml_that_was_meant_for_scenarios_is_told_of(files: Loader, name: str) -> None:
    assert files.problems(MEANT[name], named=False)


@pytest.mark.parametrize("name", ["suite.yaml", "suite.json", "suite.jsonl"])
def test_a_link_out_of_its_folder_is_not_told_of(files: Loader, name: str) -> None:
    outside = files.write(f"outside/{name}", '{"id": "a", "prompt": "hidden", "secret": 1}')
    link = files.folder / "inside" / name
    link.parent.mkdir()
    link.symlink_to(outside)
    if name == "suite.yaml":
        with pytest.raises(ScenarioFileError, match="is a link that leads out of its folder") as caught:
            load(link, name, OPTIONS)
        assert "secret" not in str(caught.value)
    outside.write_text('{"id": "a", "prompt": "hidden", "models": ["sim/steady"]}')
    with pytest.raises(ScenarioFileError, match="is a link that leads out of its folder"):
        load(link, name, OPTIONS)
    assert load(link, name, OPTIONS, named=True)
    assert load(link, name, LoadOptions(GRADERS, allowed=(outside.parent,)))


def test_a_linked_folder_leads_out_of_what_the_session_is_about(files: Loader) -> None:
    files.write("outside/suite.yaml", "id: a\nprompt: x\n")
    root = files.folder / "root"
    root.mkdir()
    (root / "folder").symlink_to(files.folder / "outside")
    with pytest.raises(ScenarioFileError, match="is a link that leads out"):
        load(root / "folder" / "suite.yaml", "suite.yaml", LoadOptions(GRADERS, roots=(root,)))
    assert load(
        root / "folder" / "suite.yaml", "suite.yaml", LoadOptions(GRADERS, roots=(root, files.folder / "outside"))
    )


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("id: a\n\tprompt: x\n", "indent with blanks: YAML takes no tab there"),
        ("id: a\nprompt: Q: what is it\n", "a text with a colon and a blank in it needs quotes"),
        ('id: a\nprompt: "\\ud83d\\ude00"\n', r"write \U0001F600 or the character itself"),
        ('id: a\nprompt: "C:\\dir"\n', "a backslash in"),
        ("id: a\nprompt: @x\n", "put the text in quotes if it begins with '@'"),
        ("id: a\nprompt: 'it's'\n", "a quoted text ends before its line does"),
        ("id: a\nprompt: x\nfoo\nmodels: []\n", "a line that is no `key: value`"),
        ("prompt: - x\n", "a list begins on the line below its key"),
        ("prompt: |x\n  a\n", "text after `|` or `>` begins on the next line"),
    ],
)
def test_what_yaml_refuses_is_told_with_a_remedy(files: Loader, text: str, remedy: str) -> None:
    assert remedy in files.problems(text)[-1]


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        ("assert", "write what the answer has to satisfy under `checks:`"),
        ("expected", "write `target:` for the right answer"),
        ("rubric", "a model that judges is a check"),
        ("llm_judge", "a model that judges is a check"),
        ("url", "an address belongs into bench.toml"),
        ("temperature", "write `params: {temperature: ...}`"),
        ("input", "write `prompt:`"),
    ],
)
def test_keys_of_other_tools_name_ours(files: Loader, key: str, remedy: str) -> None:
    (problem,) = files.problems(f"id: a\nprompt: x\n{key}: y\n")
    assert problem.startswith(f"suite.yaml:3: unknown key '{key}' in scenario 'a'; ")
    assert remedy in problem


@pytest.mark.parametrize(
    ("check", "remedy"),
    [
        ("icontains: x", "`ignore_case: true`"),
        ("type: contains", "the key"),
        ("is-xml: true", "write `valid: xml`"),
        ("assert-set: []", "write `all_of:`"),
        ("or: []", "write `any_of:`"),
    ],
)
def test_checks_of_other_tools_name_ours(files: Loader, check: str, remedy: str) -> None:
    (problem,) = files.problems(f"id: a\nprompt: x\nchecks:\n  - {{{check}, value: y}}\n")
    assert remedy in problem


def test_a_csv_names_the_separator_that_it_seems_to_have(files: Loader) -> None:
    files.write("data.csv", "word;number\na;1\n")
    suite = "id: q\nprompt: '{{ word }}'\ndataset: {file: data.csv%s}\n"
    assert "seems to be parted by ';': write `delimiter: ';'`" in files.problems(suite % "")[-1]
    assert [scenario.asked[0][0].content for scenario in files.scenarios(suite % ', delimiter: ";"')] == ["a"]
    files.write("data.csv", "word\tnumber\na\t1\n")
    assert files.one(suite % ', delimiter: "\\t"').asked[0][0].content == "a"
    assert "delimiter" in files.problems(suite % ", delimiter: xx")[-1]


def test_long_cells_of_a_csv_are_read_and_an_endless_line_is_not(files: Loader) -> None:
    suite = "id: q\nprompt: '{{ word }}'\ndataset: data.csv\n"
    files.write("data.csv", "word\n" + "x" * 1_000_000 + "\n")
    assert len(files.one(suite).asked[0][0].content) == 1_000_000
    files.write("data.csv", "word\n" + "x" * 30_000_000)
    assert "data.csv:2: the line has more than 20 million characters" in files.problems(suite)[-1]
    files.write("data.csv", ",".join(f"c{number}" for number in range(200_000)) + "\nx\n")
    assert "1 values for 200000 columns" in files.problems(suite)[-1]


def test_of_many_wrong_scenarios_the_first_hundred_are_told_with_their_count(files: Loader) -> None:
    entries = "".join(f"  - {{id: s{number}, prompt: x, sytem: y}}\n" for number in range(5_000))
    problems = files.problems(f"scenarios:\n{entries}")
    assert len(problems) == 101
    assert problems[99] == "suite.yaml:101: unknown key 'sytem' in scenario 's99'; did you mean 'system'?"
    assert problems[-1] == "suite.yaml:102: and 4,900 further problems"


def test_defaults_are_not_copied_without_end(files: Loader) -> None:
    params = ", ".join(f"p{number}: 1" for number in range(3_000))
    entries = "".join(f"  - {{id: s{number}, prompt: x}}\n" for number in range(4_000))
    assert (
        "more than 10,000,000 of the defaults' checks"
        in files.problems(f"defaults: {{params: {{{params}}}}}\nscenarios:\n{entries}")[-1]
    )


def test_a_message_is_not_as_long_as_what_it_is_about(files: Loader) -> None:
    for text in ("scenarios: *" + "a" * 1_000_000, "scenarios: !" + "a" * 1_000_000 + " x"):
        assert max(map(len, files.problems(text))) < 1_100
