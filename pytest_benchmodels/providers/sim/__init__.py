"""The simulated provider: a real HTTP server on loopback, deterministic, in a process of its own."""

from __future__ import annotations

from pytest_benchmodels.providers.sim.server import SimServer

__all__ = ["SimServer"]
