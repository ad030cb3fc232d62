"""What a session does not need it does not import: each of 20 workers would pay for it."""

from __future__ import annotations

import pytest

from tests.plugin.plugin_parts import Project, right

# A fork has imported all before it begins.
pytestmark = pytest.mark.usefixtures("real_processes")

TELLS = """
import sys
OURS = {f"pytest_benchmodels.{name}" for name in ("graders.label_reader", "statistics.verdict")}
DEAR = OURS | {"aiohttp", "attr", "genai_prices", "jinja2", "jsonschema", "redis", "statistics"}
BEFORE = set(sys.modules)
def pytest_sessionfinish(session):
    print("imported:", sorted(DEAR & (set(sys.modules) - BEFORE)))
"""


def test_a_plain_session_imports_nothing_that_takes_long(project: Project) -> None:
    project.write("conftest.py", TELLS)
    project.suite(right("add"))

    result = project.bench_process("-s", "-p", "no:hypothesispytest", "-p", "no:allure_pytest")

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*imported: [[][]]"])
