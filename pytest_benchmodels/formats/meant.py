"""Whether a YAML file was meant to hold scenarios: an ordinary repository has many that were not."""

from __future__ import annotations

import difflib
import re

from .authored import Authored, ScenarioFile

__all__ = ["has_own_keys", "mentions_own_keys"]

_OWN = frozenset({*Authored.__struct_fields__, *ScenarioFile.__struct_fields__})
_EVERYBODYS = frozenset({"defaults", "id", "metadata", "models", "params", "skip", "tags", "timeout", "vars"})
"""Which of them other tools have as well: Kubernetes, GitHub Actions, OpenAPI, Ansible, dbt."""

_TELLING = tuple(sorted(_OWN - _EVERYBODYS))
_NEAR = 0.8
_LONGEST = 30
_MOST = 100
_MENTIONED = re.compile(rb"^[ \t-]*[\"']?(?:scenarios|prompt|messages|turns|checks)[\"']?[ \t]*:", re.MULTILINE)


def has_own_keys(value: object) -> bool:
    """Tell by the top level's keys, or by those of a list's first entry, where `scenarios:` was forgotten.

    A key that only we have tells, also with a slip of the pen in it; of keys that others have too, half of all do.
    """
    is_list = isinstance(value, list)
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict) or not value:
        return False
    if not is_list and len(_OWN & value.keys()) * 2 >= len(value):
        return True
    return any(key in _TELLING or _is_slip(key) for key in list(value)[:_MOST])


def mentions_own_keys(content: bytes) -> bool:
    """Tell by its lines, for a file that cannot be read as YAML."""
    return _MENTIONED.search(content) is not None


def _is_slip(key: str) -> bool:
    return len(key) <= _LONGEST and bool(difflib.get_close_matches(key, _TELLING, n=1, cutoff=_NEAR))
