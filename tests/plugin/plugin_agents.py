"""Agents for tests: functions of the user's that work in the run's workspace by commands."""

from __future__ import annotations

from typing import Any

from tests.plugin.plugin_parts import Project

__all__ = ["ALLOW", "agents", "task"]

ALLOW = "--bench-allow-commands"

_CONFTEST = """
from typing import ClassVar
from pytest_benchmodels import Grade, Grader, Response
from pytest_benchmodels.core.workspace import Command

async def agent(request):
    script = request.messages[-1].content
    with open("asked.txt", "a") as file:
        file.write(request.model.id + "\\n")
    ended = await request.workspace.run(Command(script, {limits}), "agent")
    return Response(f"status {{ended.status}}: {{ended.output}}{{ended.errors}}")

class Shell(Grader, frozen=True):
    needs_workspace: ClassVar[bool] = True
    shell: str

    async def grade(self, context):
        ended = await context.workspace.run(Command(self.shell), "check")
        return Grade.of(ended.status == 0, f"status {{ended.status}}: {{ended.output}}{{ended.errors}}")

def pytest_bench_models():
    return {{"my/agent": agent}}

def pytest_bench_graders():
    return [Shell]
"""


def agents(project: Project, limits: str = "") -> None:
    """Write a conftest.py with the model `my/agent`, which runs its prompt, and the check `shell`."""
    project.write("conftest.py", _CONFTEST.format(limits=limits))
    folder = project.path / "fixture"
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_text("one\ntwo\n", "utf-8")


def task(name: str, script: str, *checks: str, **keys: object) -> dict[str, Any]:
    """A scenario in a copy of the folder `fixture`, whose agent runs a script; each check is a command."""
    made = [{"shell": check} for check in checks]
    return {"id": name, "prompt": script, "workspace": "fixture", "models": ["my/agent"], "checks": made, **keys}
