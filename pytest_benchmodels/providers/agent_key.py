"""What a command-line agent sees of the environment, and what is hidden in all that it prints."""

from __future__ import annotations

import os

from pytest_benchmodels.core.agent import Agent
from pytest_benchmodels.providers.key import Key

__all__ = ["agent_environment", "agent_key"]

_SECRET_ENDINGS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIALS")


def agent_environment(agent: Agent) -> dict[str, str]:
    """The variables of its table, those that its preset passes where they are set, and nothing else."""
    passed = {name: os.environ[name] for name in agent.passed if os.environ.get(name)}
    read = {name: os.environ.get(variable, "") for name, variable in agent.variables}
    written = {name: value for name, value in agent.environment if not value.startswith("env:")}
    return {**passed, **written, **read}


def agent_key(agent: Agent) -> Key:
    """The keys that it sees, and what looks like one in the environment: whatever it prints holds none of them.

    A variable that a preset passes on is a key if it is named as keys are, one of its table in any case.
    """
    secret = [os.environ.get(name, "") for name in agent.passed if name.upper().endswith(_SECRET_ENDINGS)]
    secret += [os.environ.get(variable, "") for _, variable in agent.variables]
    return Key(None, "", others=secret).and_surroundings()
