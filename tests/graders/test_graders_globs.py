"""Patterns of paths and of tests' names."""

from __future__ import annotations

import pytest

from pytest_benchmodels.graders.globs import Globs, NameGlobs, path_fault


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("*.py", ["a.py", ".py"], ["src/a.py", "a.pyc", "py"]),
        ("**/*.py", ["a.py", "src/a.py", "src/deep/a.py", ".hidden/a.py"], ["a.txt", "a.py/b"]),
        ("src/**", ["src/a", "src/b/c", "src/.env"], ["src", "a", "asrc/a"]),
        ("src/", ["src/a", "src/b/c"], ["src", "lib/src/a"]),
        ("./src/*", ["src/a"], ["src/b/c"]),
        ("src/**/test_?.py", ["src/test_a.py", "src/x/y/test_b.py"], ["src/test_ab.py", "test_a.py"]),
        ("**", ["a", "a/b/c"], []),
        ("a/**/b/**/c", ["a/b/c", "a/x/b/y/z/c"], ["a/c", "a/b", "b/c"]),
        ("[ab].txt", ["a.txt", "b.txt"], ["c.txt", "[ab].txt"]),
        ("[!ab].txt", ["c.txt"], ["a.txt"]),
        ("*.{js,ts}", ["a.js", "a.ts"], ["a.jsx", "a.{js,ts}"]),
        ("{src,lib}/{a,b}.c", ["src/a.c", "lib/b.c"], ["src/c.c"]),
        ("{a}.txt", ["{a}.txt"], ["a.txt"]),
        ("package.json", ["package.json"], ["x/package.json", "packageXjson"]),
        ("**/*", ["a", "b/c"], ["node_modules/a", "x/node_modules/y/a", ".git/config"]),
        ("node_modules/**", ["node_modules/a"], ["x/node_modules/a"]),
        ("**/node_modules/*/package.json", ["x/node_modules/y/package.json"], ["x/node_modules/package.json"]),
        ("a\n*", ["a\nb"], ["ab"]),
    ],
)
def test_what_fits_a_pattern(pattern: str, fitting: list[str], others: list[str]) -> None:
    globs = Globs(pattern)

    assert globs.of([*fitting, *others]) == fitting


def test_several_patterns_are_one_or_another() -> None:
    globs = Globs(("*.py", "docs/**"))

    assert globs.of(["a.py", "docs/x", "b.txt"]) == ["a.py", "docs/x"]
    assert globs.told() == "'*.py' or 'docs/**'"
    assert not Globs(()).fit("a")


def test_all_folders_are_looked_at_where_it_is_asked() -> None:
    assert Globs("**", all_folders=True).fit("node_modules/a")


@pytest.mark.parametrize("pattern", ["/etc/passwd", "../a", "a/../../b", "", "a\0b", "a\\b", "{a,../b}", "{a,/b}"])
def test_a_pattern_that_leads_out_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="is no path in the workspace: write it relative to that"):
        Globs(pattern)
    assert path_fault("a/b.txt") is None


def test_braces_cannot_multiply() -> None:
    with pytest.raises(ValueError, match="stands for more than 64 patterns"):
        Globs("{a,b}" * 40)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 100 + "b", "a" * 250),
        ("**/" * 100 + "b", "a/" * 1_000 + "c"),
        ("**/*a*a*a*a*b/" * 20 + "x", f"{'a' * 100}/" * 200 + "y"),
        ("[" * 400, "[" * 250),
    ],
)
def test_no_pattern_takes_exponential_time(pattern: str, path: str) -> None:
    """It would not end before the machine does."""
    assert not Globs(pattern[:500]).fit(path)


@pytest.mark.parametrize(
    ("pattern", "names", "fits"),
    [
        ("test_a", ["test_a"], True),
        ("test_a", ["test_ab"], False),
        ("test_*", ["mod.test_a", "test_a"], True),
        ("test_add[2-3]", ["test_add[2-3]"], True),
        ("test_add[2-3]", ["test_add2"], False),
        ("test_add[*]", ["test_add[a/b::c]"], True),
        ("tests/test_a.py::TestB::test_c", ["tests.test_a.TestB.test_c", "test_c"], True),
        ("tests/test_a.py::test_c[x.py::y]", ["tests.test_a.test_c[x.py::y]"], True),
        ("tests/test_a.py::*", ["tests.test_a.test_c"], True),
        ("outer > inner ?", ["outer > inner 1"], True),
        ("test_?", ["test_"], False),
    ],
)
def test_names_of_tests(pattern: str, names: list[str], fits: bool) -> None:  # noqa: FBT001 - a case's verdict
    assert NameGlobs([pattern]).fit(names) is fits
