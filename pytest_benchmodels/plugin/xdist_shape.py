"""Whether this pytest-xdist is as we know it.

Our loop in a worker and our scheduler on the controller belong together: one without the other would wait for ever. So
both ask here, of the classes and not of what runs, and get the same answer in every process. Unknown means that xdist
does all of it in its own way: right results, one run at a time in each worker.
"""

from __future__ import annotations

__all__ = ["is_known"]

_WORKER = ("sendevent", "run_one_test", "pytest_runtestloop")
_SESSION = ("worker_unscheduled", "worker_runtest_protocol_complete", "triggershutdown", "_clone_node")


def is_known() -> bool:
    """True for the versions that were tested, and those that kept what we need."""
    try:
        from xdist.dsession import DSession  # noqa: PLC0415 - xdist may be another one
        from xdist.remote import WorkerInteractor  # noqa: PLC0415 - the same
    except ImportError:
        return False
    return all(hasattr(WorkerInteractor, name) for name in _WORKER) and all(
        hasattr(DSession, name) for name in _SESSION
    )
