from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.label import LabelKey, masked_weight
from pytest_benchmodels.formats.label_file import read_labels

HEAD = "scenario,check,digest,label,labeller"
KEY = LabelKey("s.yaml::a", "judge", "a1")


def written(folder: Path, name: str, *lines: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text("\n".join((*lines, "")), encoding=encoding)
    return path


def said(path: Path, key: LabelKey = KEY) -> list[tuple[str, bool]]:
    return [(label.labeller, label.passed) for label in read_labels([path]).of(key)]


@pytest.mark.parametrize(
    ("word", "passed"),
    [("pass", True), ("FAIL", False), ("yes", True), ("no", False), ("TRUE", True), ("0", False), (" passed ", True)],
)
def test_a_label_may_be_said_in_several_words(tmp_path: Path, word: str, passed: bool) -> None:  # noqa: FBT001 - a case
    assert said(written(tmp_path, "labels.csv", HEAD, f"s.yaml::a,judge,a1,{word},anna")) == [("anna", passed)]
    row = {"scenario": "s.yaml::a", "check": "judge", "digest": "a1", "label": word}
    assert said(written(tmp_path, "labels.jsonl", json.dumps(row))) == [("labels", passed)]


def test_json_may_have_true_and_false(tmp_path: Path) -> None:
    row = {"scenario": "s.yaml::a", "check": "judge", "digest": "a1", "label": False, "labeller": "ben"}
    assert said(written(tmp_path, "labels.jsonl", json.dumps(row), "")) == [("ben", False)]


def test_what_spreadsheets_make_of_a_file_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "labels.csv",
        "Digest;label;note;scenario;check",
        'a1;pass;"two\nlines; and ""quotes""";s.yaml::a;judge',
        ";;;;",
        "a2;fail;;s.yaml::b;'=judge",
        encoding="utf-8-sig",
    )
    assert said(path) == [("labels", True)]
    assert said(path, LabelKey("s.yaml::b", "=judge", "a2")) == [("labels", False)]


def test_rows_without_a_label_are_left_out_and_several_people_may_label_one_answer(tmp_path: Path) -> None:
    first = written(
        tmp_path, "anna.csv", HEAD, "s.yaml::a,judge,a1,pass,", "s.yaml::b,judge,a2,,", "s.yaml::a,judge,a1,pass,"
    )
    second = written(tmp_path, "ben.csv", HEAD, "s.yaml::a,judge,a1,fail,")
    labels = read_labels([first, second])
    assert len(labels) == 1
    assert [(label.labeller, label.passed) for label in labels.of(KEY)] == [("anna", True), ("ben", False)]
    assert labels.checks == {"judge"}


def test_how_many_answers_a_label_stands_for_is_read_where_it_is_there(tmp_path: Path) -> None:
    head, other = f"{HEAD},sample", LabelKey("s.yaml::b", "judge", "a1")
    path = written(
        tmp_path, "labels.csv", head, f"s.yaml::a,judge,a1,pass,,{masked_weight(4.0, KEY)}", "s.yaml::b,judge,a1,pass,,"
    )
    labels = read_labels([path])
    assert [label.weight for label in labels.of(KEY)] == [4.0]
    assert [label.weight for label in labels.of(other)] == [None]
    with pytest.raises(ConfigError, match=r"labels.csv:2: sample = '4': keep what `benchmodels label` wrote there"):
        read_labels([written(tmp_path, "labels.csv", head, "s.yaml::a,judge,a1,pass,,4")])


def test_all_that_is_wrong_is_told_with_its_place_and_what_to_do(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "labels.csv",
        HEAD,
        "s.yaml::a,judge,a1,maybe,anna",
        "s.yaml::a,judge,a1,pass,anna",
        '"s.yaml::\nb",judge,,pass,anna',
        "s.yaml::a,judge,a1,fail,anna",
    )
    with pytest.raises(ConfigError) as raised:
        read_labels([path, tmp_path / "none.csv"])
    assert str(raised.value).splitlines() == [
        "labels.csv:2: label = 'maybe': write pass or fail, or leave it empty",
        "labels.csv:4: digest = '': keep what `benchmodels label` wrote there, by which it fits",
        (
            "labels.csv:6: label = 'fail', and 'anna' said the opposite of the same answer, 'judge' of 's.yaml::a', in "
            "labels.csv:3: keep one of the two, or name another labeller"
        ),
        f"labels '{tmp_path}/none.csv': there is no such file; `benchmodels label RUN -o FILE` makes one",
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("labels.txt", "", "'.txt' is neither .csv nor .jsonl"),
        ("labels.csv", "", "labels.csv:1: no column 'scenario'; keep the columns of `benchmodels label`"),
        ("labels.csv", "scenario,check,digest,lable", "labels.csv:1: no column 'label'; did you mean 'lable'?;"),
        ("labels.csv", f"{HEAD}\n{'x' * 140_000}", "labels.csv:2: field larger than field limit (131072);"),
        ("labels.jsonl", '{"a": 1}\n{"a"', "labels.jsonl:2: no JSON:"),
        ("labels.jsonl", "[1]", "labels.jsonl:1: [1] is no object; write one on each line"),
        ("labels.jsonl", '{"label": 1.5}', "labels.jsonl:1: label = 1.5: write pass or fail"),
        ("labels.jsonl", '{"label": 1, "scenario": 3}', "labels.jsonl:1: scenario = 3: keep what"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_labels([written(tmp_path, name, text)])
    assert message in str(raised.value)


def test_a_file_that_is_no_text_or_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_bytes(b"scenario,\xff\xfe")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigError, match=r"odd\.csv: is no UTF-8 .*save it as CSV UTF-8"):
        read_labels([tmp_path / "odd.csv"])
    with pytest.raises(ConfigError, match=r"folder\.csv' cannot be read: Is a directory"):
        read_labels([tmp_path / "folder.csv"])


def test_of_many_mistakes_the_first_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, "labels.csv", HEAD, *["s.yaml::a,judge,a1,maybe,anna"] * 25)
    with pytest.raises(ConfigError) as raised:
        read_labels([path])
    assert len(str(raised.value).splitlines()) == 21
    assert str(raised.value).endswith("\nand 5 more")
