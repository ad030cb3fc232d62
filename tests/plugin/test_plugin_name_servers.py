"""A name server that never answers for one model: the others' runs go on, and nobody waits for it at the end."""

from __future__ import annotations

from tests.plugin.plugin_parts import Project, json_report, right

# As a resolver that waits for a server: the threads that wait in it are never let go.
NEVER_ANSWERS = """
import socket, threading
real = socket.getaddrinfo

def getaddrinfo(host, *arguments, **options):
    if host in ("lost.test", b"lost.test"):
        threading.Event().wait()
    return real(host, *arguments, **options)

socket.getaddrinfo = getaddrinfo
"""


def test_a_name_server_that_never_answers_holds_nobody_else(project: Project, workers: tuple[str, ...]) -> None:
    project.suite(*(right(name) for name in "abcdef"), models=["lost", "sim/steady"])
    project.watch("http://lost.test/v1", "lost", timeout=0.5)
    project.write("conftest.py", NEVER_ANSWERS)

    result = project.bench_process("--bench-json=b.json", "--bench-retries=0", *workers)

    assert result.parseoutcomes() == {"passed": 6, "failed": 6}
    found = json_report(project.path / "b.json")["results"]
    assert {(each["model"], each["status"]) for each in found} == {("lost", "timeout"), ("sim/steady", "passed")}
