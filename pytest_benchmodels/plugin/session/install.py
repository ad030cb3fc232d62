"""Which plugin objects a process gets: it runs, or it reports, or (alone) both."""

from __future__ import annotations

import atexit
import gc
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from pytest_benchmodels.plugin.session.bench import BENCH, Bench
from pytest_benchmodels.plugin.session.user_models import UserModels, usage_errors
from pytest_benchmodels.plugin.workers.messages import WorkerConfig

if TYPE_CHECKING:
    from pytest_benchmodels.core.label import Labels
    from pytest_benchmodels.plugin.session.result_writer import ResultWriter
    from pytest_benchmodels.plugin.session.verdicts import Verdicts

__all__ = ["install"]

_YOUNG_OBJECTS = 50_000
"""So many more objects than before make Python look for garbage among the youngest; 700 by default."""


def install(config: pytest.Config) -> None:
    """Register what this process needs."""
    _look_for_garbage_less_often(config)
    worker_config = WorkerConfig.of(config)
    if worker_config is not None:
        bench = Bench.of(config, worker_config.sim_url, worker_config)
        _register(config, bench)
        _register_runner(config, bench)
        from pytest_benchmodels.plugin.loop.runner import UnseenTerminal  # noqa: PLC0415 - a worker's

        config.pluginmanager.register(UnseenTerminal(config), "benchmodels-terminal")
        return
    plans_only = config.option.bench_plan
    if plans_only:
        # Nothing is going to run: no workers, no server.
        config.option.dist, config.option.tx = "no", []
    from pytest_benchmodels.plugin.session.result_writer import ResultWriter  # noqa: PLC0415 - the same
    from pytest_benchmodels.providers.sim import SimServer  # noqa: PLC0415 - a worker owns none

    server = SimServer.reserve()
    config.add_cleanup(server.stop)
    bench = Bench.of(config, server.url)
    if not plans_only:
        bench = replace(bench, start_sim=server.start)
    writer = ResultWriter(config, bench)
    verdicts = _verdicts(config, bench)
    bench = replace(bench, resumed=writer.resumed, keep_ahead=writer.keep_ahead, keep_begun=writer.keep_begun)
    if not bench.settings.is_part:
        bench = replace(bench, foresee=verdicts.foresee)
    _register(config, bench)
    _register_reporters(config, bench, writer, verdicts)
    if _distributes(config):
        from pytest_benchmodels.plugin.workers.controller import Controller  # noqa: PLC0415 - xdist may be absent

        config.pluginmanager.register(Controller(config, bench), "benchmodels-controller")
    else:
        _register_runner(config, bench)


def _look_for_garbage_less_often(config: pytest.Config) -> None:
    """Let Python not look again and again among what stays to the session's end: items, results, reports.

    At 100,000 runs that takes a tenth of the session. Its end takes seconds more: pytest looks ten times for what is to
    be told of garbage, of which the first look finds all, and then Python would take what the process holds apart piece
    by piece, that is about to let its memory go.
    """
    young, *older = gc.get_threshold()
    if 0 < young < _YOUNG_OBJECTS:
        gc.set_threshold(_YOUNG_OBJECTS, *older)
        config.add_cleanup(partial(gc.set_threshold, young, *older))
    config.pluginmanager.register(_LastLook(), "benchmodels-garbage")
    # A process that has further sessions (`pytest.main`) is to get back what this one held. Last of all: pytest looks
    # for garbage when its own part is over, which was to be configured after ours.
    config.add_cleanup(gc.unfreeze)
    atexit.register(gc.freeze)


class _LastLook:
    """The plugin object that looks for garbage once, before pytest does, and keeps it from looking through the rest."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self) -> None:
        gc.collect()
        gc.freeze()


def _register(config: pytest.Config, bench: Bench) -> None:
    config.stash[BENCH] = bench
    config.pluginmanager.register(bench.files, "benchmodels-files")
    config.pluginmanager.register(UserModels(config, bench.models), "benchmodels-user-models")


def _register_runner(config: pytest.Config, bench: Bench) -> None:
    from pytest_benchmodels.plugin.loop.runner import Runner  # noqa: PLC0415 - a controller runs nothing

    config.pluginmanager.register(Runner(bench), "benchmodels-runner")
    if getattr(config.option, "allure_report_dir", None):
        from pytest_benchmodels.plugin.items.protocol import AllureTimes  # noqa: PLC0415 - where it is used only

        config.pluginmanager.register(AllureTimes(), "benchmodels-allure")


def _verdicts(config: pytest.Config, bench: Bench) -> Verdicts:
    """What the session is held against; whatever could not be written or judged in the end is told now."""
    from pytest_benchmodels.plugin.session.report_files import check_outputs  # noqa: PLC0415 - a worker writes nothing
    from pytest_benchmodels.plugin.session.verdicts import Verdicts, read_baseline  # noqa: PLC0415 - the same
    from pytest_benchmodels.statistics.changes import Conditions  # noqa: PLC0415 - a worker judges nothing
    from pytest_benchmodels.statistics.gates import parse_gates  # noqa: PLC0415 - the same

    settings = bench.settings
    # To collect alone calls nothing, and judges nothing.
    is_wanting = settings.compare is None and not config.option.collectonly
    labels = None
    with usage_errors():
        if not config.option.collectonly:
            check_outputs(settings.outputs)
            labels = _labels(bench)
        gates = parse_gates((*bench.file.gates, *settings.gates), "--bench-compare" if is_wanting else None)
    conditions = Conditions(version("pytest-benchmodels"), str(settings.shard) if settings.shard else None)
    return Verdicts(gates, read_baseline(settings, config.invocation_params.dir), conditions, labels)


def _labels(bench: Bench) -> Labels | None:
    """What people say of judged answers, read before anything is paid for; None where bench.toml names no file."""
    folder = bench.settings.config_file.parent if bench.settings.config_file is not None else bench.rootdir
    paths = bench.file.judge.label_files(folder)
    if not paths:
        return None
    from pytest_benchmodels.formats.label_file import read_labels  # noqa: PLC0415 - few sessions have any

    return read_labels(paths)


def _register_reporters(config: pytest.Config, bench: Bench, writer: ResultWriter, verdicts: Verdicts) -> None:
    from pytest_benchmodels.plugin.session.progress import Live  # noqa: PLC0415 - a worker has no terminal
    from pytest_benchmodels.plugin.session.reporter import Reporter  # noqa: PLC0415 - the same

    config.pluginmanager.register(Reporter(config, bench, writer, verdicts), "benchmodels-reporter")
    config.pluginmanager.register(Live(config, bench.progress), "benchmodels-live")


def _distributes(config: pytest.Config) -> bool:
    """Whether xdist is going to run the items elsewhere."""
    option = config.option
    return getattr(option, "dist", "no") != "no" and bool(getattr(option, "tx", None)) and not option.collectonly
