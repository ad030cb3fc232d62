"""Messages of parts in scenario files: what reaches the server, what is kept, and what is refused before a call."""

from __future__ import annotations

import base64
import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pytest_benchmodels.store import Store
from tests.plugin.plugin_parts import Project, scenario
from tests.plugin.plugin_results import JSON, results

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
JPEG, GIF, WEBP = b"\xff\xd8\xff\xe0 jpeg", b"GIF89a gif", b"RIFF\x04\x00\x00\x00WEBPVP8 "
PDF = b"%PDF-1.7 a document"
ECHO = """
from pytest_benchmodels import Request

def ask(request: Request) -> str:
    parts = request.messages[-1].parts
    return " | ".join(f"{type(part).__name__} {getattr(part, 'text', '') or part.media_type}" for part in parts)

def pytest_bench_models():
    return {"my/eyes": ask}
"""


def asking(parts: list[dict[str, str]], **keys: Any) -> dict[str, Any]:
    return {**scenario("a", models=["my/eyes"], **keys), "prompt": parts}


@pytest.fixture
def seeing(project: Project) -> Project:
    project.write("conftest.py", ECHO)
    for name, content in (("a.png", PNG), ("b.jpg", JPEG), ("c.gif", GIF), ("d.webp", WEBP), ("e.pdf", PDF)):
        (project.path / name).write_bytes(content)
    project.write("f.txt", "a note")
    return project


def test_parts_reach_the_model(seeing: Project, workers: tuple[str, ...]) -> None:
    data_url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    images = [{"image": name} for name in ("a.png", "b.jpg", "c.gif", "d.webp", data_url)]
    wanted = (
        "TextPart See: | ImagePart image/png | ImagePart image/jpeg | ImagePart image/gif | ImagePart image/webp | "
        "ImagePart image/png | FilePart application/pdf | TextPart a note"
    )
    parts = [{"text": "See:"}, *images, {"file": "e.pdf"}, {"file": "f.txt"}]
    seeing.suite(asking(parts, checks=[{"equals": wanted}]))

    assert seeing.bench(JSON, *workers).ret == 0


def test_names_and_texts_are_templates_and_the_picture_is_a_part_of_the_question(seeing: Project) -> None:
    seeing.write("data.jsonl", "\n".join(json.dumps({"picture": name, "what": name}) for name in ("a.png", "b.jpg")))
    parts = [{"text": "This is {{ what }}"}, {"image": "{{ picture }}"}]
    seeing.suite(asking(parts, checks=[{"contains": "This is {{ what }}"}], dataset="data.jsonl"))

    assert seeing.bench(JSON).parseoutcomes() == {"passed": 2}
    before = {run["scenario"]: run["fingerprint"] for run in results(seeing).values()}
    (seeing.path / "a.png").write_bytes(PNG + b"another")
    seeing.bench(JSON, "--bench-cache")

    after = {run["scenario"]: run for run in results(seeing).values()}
    assert {name: run["cached"] for name, run in after.items()} == {"a-1": False, "a-2": True}
    assert after["a-1"]["fingerprint"] != before["a-1"]


def test_the_store_keeps_what_a_picture_is_and_not_its_bytes(seeing: Project) -> None:
    seeing.suite(asking([{"text": "See:"}, {"image": "a.png"}], checks=[{"contains": "image/png"}]))
    seeing.bench(JSON)

    with Store.open_to_read(seeing.path / ".benchmodels" / "store.sqlite") as store:
        ((_, kept),) = store.responses.each()
    (message,) = kept.asked[0]
    digest = sha256((seeing.path / "a.png").read_bytes()).hexdigest()[:16]
    assert f"image/png, 10 kB, sha256:{digest}" in str(message)
    assert len(str(message)) < 500


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([{"image": "none.png"}], "image 'none.png' does not exist, or is no file"),
        ([{"image": "../out.png"}], "image '../out.png' lies outside the scenario file's folder"),
        ([{"image": "link.png"}], "image 'link.png' lies outside the scenario file's folder"),
        ([{"image": "f.txt"}], "image 'f.txt' is not a PNG, JPEG, WebP or GIF: convert it to one"),
        ([{"image": "http://host/a.png"}], "is no file in the scenario file's folder and no data URL"),
        ([{"image": "data:image/png;base64,AAAA"}], "is not a PNG, JPEG, WebP or GIF"),
        ([{"image": "e.pdf"}], "is not a PNG, JPEG, WebP or GIF: convert it to one; a PDF is a `file:`"),
        ([{"file": "a.png"}], "file 'a.png' is neither a PDF nor a text in UTF-8: convert it to one; a picture is an"),
        ([{"file": "https://host/a.pdf"}], "is no file in the scenario file's folder and no data URL of an image"),
        ([{"file": "data:application/pdf;base64,AAAA"}], "save it there, or write an image as data:image/png;base64,"),
        ([{"file": "empty.txt"}], "file 'empty.txt' is empty"),
        ([{"file": ".env"}], "file '.env' is hidden, or in a hidden folder"),
        ([{"image": ".git/a.png"}], "image '.git/a.png' is hidden, or in a hidden folder"),
        ([{"file": "link.txt"}], "file 'link.txt' is hidden, or in a hidden folder"),
        ([{"file": "open/notes.txt"}], "file 'open/notes.txt' is hidden, or in a hidden folder"),
        ([{"image": "large.png"}], "image 'large.png' is larger than 20 MB"),
        ([{"text": "a", "image": "a.png"}], "a part of a message is one of text, image and file, got text, image"),
        ([{}], "a part of a message is one of text, image and file, got none"),
        ([{"picture": "a.png"}], "picture"),
        ([], "prompt"),
    ],
)
def test_what_cannot_be_a_part_is_told_with_its_line(
    seeing: Project, tmp_path: Path, parts: list[dict[str, str]], said: str
) -> None:
    outside = tmp_path / "outside.png"
    outside.write_bytes(PNG)
    (seeing.path / "link.png").symlink_to(outside)
    seeing.write("empty.txt", "")
    seeing.write(".env", "KEY=1")
    (seeing.path / "link.txt").symlink_to(".env")
    (seeing.path / ".closed").mkdir()
    seeing.write(".closed/notes.txt", "secret")
    (seeing.path / "open").symlink_to(".closed")
    with (seeing.path / "large.png").open("wb") as file:
        file.write(PNG)
        file.truncate(20_000_001)
    seeing.suite(asking(parts))

    result = seeing.bench("--collect-only")

    assert result.ret != 0
    assert said in result.stdout.str()
    assert "suite.yaml:1: " in result.stdout.str()


def test_a_link_to_a_file_that_is_not_hidden_is_followed_wherever_the_suite_lies(seeing: Project) -> None:
    """Of the folder's own way only what is below it counts: a suite may lie in a hidden folder."""
    (seeing.path / ".suites").mkdir()
    seeing.write(".suites/notes.txt", "4")
    (seeing.path / ".suites" / "link.txt").symlink_to("notes.txt")
    seeing.write(".suites/suite.json", json.dumps(asking([{"file": "link.txt"}])))

    result = seeing.bench("--collect-only", "-q", ".suites/suite.json")

    assert result.ret == 0


ON_DISK = """
from dataclasses import replace
from msgspec.structs import replace as with_fields
from pytest_benchmodels import GradingContext, Message

def ask(request):
    return request.messages[-1].parts[0].data

def pytest_bench_models():
    return {"my/eyes": ask}

def not_held(context: GradingContext, name: str) -> bool:
    told = [context.transcript.messages[0], context.scenario.turns[0].messages[0]]
    return all(not part.data and part.path.endswith(name) for message in told for part in message.parts)

def pytest_bench_graders():
    return [not_held]

def pytest_collection_modifyitems(items):
    for item in items:
        if (other := item.scenario.metadata.get("becomes")) is not None:
            (turn,) = item.scenario.turns
            (part,) = turn.messages[0].parts
            part = with_fields(part, path=part.path.replace("a.png", other))
            item.scenario = replace(item.scenario, turns=(replace(turn, messages=(Message("user", (part,)),)),))
"""


def test_a_picture_is_read_when_it_is_sent(seeing: Project, workers: tuple[str, ...]) -> None:
    seeing.write("conftest.py", ON_DISK)
    checks = [{"equals": base64.b64encode(PNG).decode()}, {"not_held": "a.png"}]
    seeing.suite(asking([{"image": "a.png"}], checks=checks))

    assert seeing.bench(JSON, *workers).ret == 0


@pytest.mark.parametrize(
    ("becomes", "said"),
    [
        ("gone.png", "image 'gone.png' cannot be read any more: No such file or directory; put it back"),
        ("c.gif", "image 'c.gif' has changed since it was collected: leave it as it is until the session ends"),
        ("longer.png", "image 'longer.png' has changed since it was collected"),
        ("pipe.png", "image 'pipe.png' has changed since it was collected"),
    ],
)
def test_a_picture_that_is_not_what_it_was_is_an_error_of_its_run(
    seeing: Project, becomes: str, said: str, workers: tuple[str, ...]
) -> None:
    """What takes the picture's place after collection is another file: to change it would race with other workers."""
    seeing.write("conftest.py", ON_DISK)
    (seeing.path / "longer.png").write_bytes(PNG + b"more")
    os.mkfifo(seeing.path / "pipe.png")
    checks = [{"contains": "iVBOR"}]
    first = asking([{"image": "a.png"}], metadata={"becomes": becomes}, checks=checks)
    seeing.suite(first, {**asking([{"image": "a.png"}], checks=checks), "id": "b"})

    seeing.bench(JSON, *workers).assert_outcomes(errors=1, passed=1)

    (error,) = [run["error"] for run in results(seeing).values() if run["error"]]
    assert error["kind"] == "file"
    assert said in error["message"]


def test_it_does_not_matter_where_a_picture_lies(seeing: Project) -> None:
    seeing.suite(asking([{"image": "a.png"}]))
    seeing.bench(JSON)
    data_url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    (seeing.path / "sub").mkdir()
    (seeing.path / "a.png").rename(seeing.path / "sub" / "b.png")

    for image in (data_url, "sub/b.png"):
        seeing.suite(asking([{"image": image}]))
        seeing.bench(JSON, "--bench-cache")
        assert [run["cached"] for run in results(seeing).values()] == [True]


@pytest.mark.parametrize("part", [{"image": "a.png"}, {"file": "e.pdf"}])
def test_the_system_message_holds_texts_only(seeing: Project, part: dict[str, str]) -> None:
    said = [{"role": "system", "content": [{"file": "f.txt"}, part]}, {"role": "user", "content": "Hi"}]
    seeing.suite({"id": "a", "models": ["my/eyes"], "messages": said})
    (kind, name) = next(iter(part.items()))

    shown = seeing.bench("--collect-only").stdout.str()

    told = f"{kind} '{name}' stands in a message of role system, where no API has a place for it: give it role user"
    assert f"suite.yaml:1: {told}" in shown
    assert "f.txt" not in shown


JUDGE = """
from pytest_benchmodels import Grade, Grader

class Seen(Grader, frozen=True):
    seen: str

    def asked_models(self):
        return ["my/eyes"]

    async def grade(self, context):
        answer = await context.ask("my/eyes", context.transcript.messages[:1])
        return Grade.of(self.seen in answer.text)

def pytest_bench_graders():
    return [Seen]
"""


def test_a_judge_sees_the_picture_and_the_store_keeps_its_digest(seeing: Project, workers: tuple[str, ...]) -> None:
    seeing.write("conftest.py", ECHO + JUDGE)
    seeing.suite(asking([{"image": "a.png"}], checks=[{"seen": "ImagePart image/png"}]))

    assert seeing.bench(JSON, *workers).ret == 0
    with Store.open_to_read(seeing.path / ".benchmodels" / "store.sqlite") as store:
        (call,) = store.calls.each()
    assert f"image/png, 10 kB, sha256:{sha256(PNG).hexdigest()[:16]}" in str(call.messages)
    assert len(str(call.messages)) < 500
