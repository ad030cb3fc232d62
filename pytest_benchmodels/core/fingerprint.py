"""What makes two runs the same question."""

from __future__ import annotations

import hashlib
import json

from .run import Run

__all__ = ["fingerprint"]


def fingerprint(run: Run) -> str:
    """SHA-256, in hex, of what is sent (address, model, messages of all turns, params) and of the trial.

    Two models, two addresses or two trials never share one.
    """
    model, scenario = run.model, run.scenario
    sent = {
        "provider": model.provider,
        "address": model.base_url,
        "model": model.name,
        "system": scenario.system,
        "turns": [[[message.role, message.content] for message in turn.messages] for turn in scenario.turns],
        "params": {**model.params, **scenario.params},
        "trial": run.trial,
    }
    text = json.dumps(sent, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
