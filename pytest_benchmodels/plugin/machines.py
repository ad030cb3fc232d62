"""Workers on other machines (`--tx ssh=...`), and what a session cannot do with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_benchmodels.core.model import Model

    from .bench import Bench

__all__ = ["distant", "needs_one_machine"]

_WAYS = ("ssh", "vagrant_ssh", "socket")
_LOCAL = "use workers of this machine (-n)"


def distant(specs: Iterable[Any]) -> list[str]:
    """Where those of execnet's specifications lead that start no process of this machine's: `ssh=host`."""
    ways = (f"{way}={getattr(spec, way)}" for spec in specs for way in _WAYS if getattr(spec, way, None))
    return list(dict.fromkeys(ways))


def needs_one_machine(bench: Bench, models: Collection[Model]) -> Iterator[str]:
    """What would silently go wrong there, each with its remedy."""
    simulated = sorted(model.id for model in models if model.base_url == bench.sim_url)
    if simulated:
        yield f"{', '.join(simulated)}: the simulated provider answers on its own machine only; {_LOCAL}"
    limited = sorted(model.id for model in models if model.limits)
    if limited and bench.file.limits is None:
        yield (
            f"{', '.join(limited)}: each machine would count rpm and tpm by itself; "
            f'share them by limits = "redis://..." in bench.toml'
        )
    if bench.settings.reuse:
        yield f"stored answers cannot be reused: the store is a file of this machine; {_LOCAL}"
