"""The rootdir that the command finds is pytest's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_benchmodels.cli.scenario_files import find_rootdir

FOLDERS = ("top/suite/deep", "top/other")
LAYOUTS: dict[str, dict[str, str]] = {
    "nothing": {},
    "pytest.ini": {"top/pytest.ini": ""},
    "hidden": {"top/suite/.pytest.ini": "[pytest]\n"},
    "nearest": {"top/pytest.ini": "[pytest]\n", "top/suite/pytest.ini": "[pytest]\n"},
    "ini_options": {"top/pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-q'\n"},
    "empty_ini_options": {"top/suite/pyproject.toml": "[tool.pytest.ini_options]\n"},
    "pyproject_of_others": {"top/suite/pyproject.toml": "[tool.ruff]\n"},
    "pyproject_of_others_below": {"top/pytest.ini": "", "top/suite/pyproject.toml": "[project]\nname = 'x'\n"},
    "tox": {"top/tox.ini": "[tox]\nx = 1\n[pytest]\n"},
    "tox_alone": {"top/tox.ini": "[tox]\nx = 1\n"},
    "setup.cfg": {"top/suite/setup.cfg": "[metadata]\nname = x\n[tool:pytest]\n"},
    "setup.cfg_alone": {"top/suite/setup.cfg": "[metadata]\nname = x\n"},
    "setup.py": {"top/setup.py": ""},
    "setup.py_below_a_configuration": {"pytest.ini": "", "top/suite/setup.py": ""},
    "one_of_several_paths": {"top/other/tox.ini": "[pytest]\n"},
}
PATHS = (("top/suite",), ("top/suite/deep", "top/other"), ("top/suite/one.yaml",), (".",))


@pytest.mark.parametrize("paths", PATHS, ids="_".join)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_is_the_one_that_pytest_finds(pytester: pytest.Pytester, layout: str, paths: tuple[str, ...]) -> None:
    for folder in FOLDERS:
        (pytester.path / folder).mkdir(parents=True)
    (pytester.path / "top/suite/one.yaml").touch()
    for name, text in LAYOUTS[layout].items():
        (pytester.path / name).write_text(text)

    assert find_rootdir([Path(path) for path in paths]) == pytester.parseconfig(*paths).rootpath


@pytest.mark.parametrize("content", [b"\xff", b"this is no TOML", b"tool = 1"])
def test_what_cannot_be_read_configures_nothing(folder: Path, content: bytes) -> None:
    (folder / "suite").mkdir()
    (folder / "pytest.ini").touch()
    for name in ("tox.ini", "setup.cfg", "pyproject.toml"):
        (folder / "suite" / name).write_bytes(content)

    assert find_rootdir([Path("suite")]) == folder
