"""Setting up how a run's tasks are started, and with which environment."""

from __future__ import annotations

import os
import selectors
import sys
from typing import TYPE_CHECKING

from flowc_compiler.syntax.import_root import located
from flowc_targets.local.launch import Launcher, LaunchError
from flowc_targets.local.params import parameter_environment
from flowc_targets.package.code_package import build_package

if TYPE_CHECKING:
    from pathlib import Path

    from flowc_compiler.ir import Flow
    from flowc_compiler.source import SourceFile
    from flowc_targets.local.options import RunOptions
    from flowc_targets.local.run_record import RunRecord
    from flowc_targets.local.run_report import Reporter
    from flowc_targets.local.signal_watch import SignalWatch
    from flowc_targets.local.task_output import TaskOutput


def task_environment(
    flow: Flow, source: SourceFile, options: RunOptions, record: RunRecord, plan: Path
) -> dict[str, str]:
    """The environment of every task of a run."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("FLOWC_PARAM_")}
    env.update(parameter_environment(flow, options.params))
    env["FLOWC_PLAN"] = str(plan)
    env["FLOWC_SOURCE"] = str(located(source.path))
    env["FLOWC_ROOT"] = record.root
    env["FLOWC_RUN_ID"] = record.run_id
    env["FLOWC_ORIGIN_RUN_ID"] = record.origin or ""
    env["FLOWC_REPLAYED"] = "1"  # what can be taken over from there is
    env["FLOWC_TAGS"] = ",".join(options.tags)
    env["FLOWC_GANG_HOST"] = "127.0.0.1"
    env["FLOWC_GANG_PORT"] = "0"  # a free one: on one machine gangs would get in each other's way
    env["FLOWC_GANG_FRESH"] = "1"  # no attempt of a run has a number twice,
    env["FLOWC_GANG_GRACE"] = "0"  # and what is committed does not run again
    if options.python != sys.executable:  # it may not have flowc: give it ours, as a container gets it
        package = plan.with_name("flow.pyz")
        package.write_bytes(build_package(flow, source))
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(package), env.get("PYTHONPATH", ""))))
    return env


def start_launcher(
    options: RunOptions, env: dict[str, str], output: TaskOutput, signals: SignalWatch, reporter: Reporter
) -> Launcher:
    """The launcher that the options ask for. `output` shows what the user's file prints while it is imported."""
    fresh = options.start_method == "spawn"
    launcher = Launcher(options.python, env, output.write_end, fresh=fresh)
    try:
        threads = _wait_ready(launcher, output, signals)
        if threads:
            launcher.close()
            names = ", ".join(threads)
            reporter.note(f"the file starts threads when imported ({names}); each task gets a fresh Python")
            launcher = Launcher(options.python, env, output.write_end, fresh=True)
            _wait_ready(launcher, output, signals)
    except LaunchError:
        launcher.close()
        raise
    finally:
        output.close_write_end()
    return launcher


def _wait_ready(launcher: Launcher, output: TaskOutput, signals: SignalWatch) -> list[str]:
    """Wait for the import of the user's file, showing what it prints."""
    with selectors.DefaultSelector() as selector:
        for descriptor in (launcher.fileno(), output.descriptor, signals.descriptor):
            selector.register(descriptor, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select(0.5)}
            if signals.caught:
                raise LaunchError("")
            if output.descriptor in ready and not output.pump():
                selector.unregister(output.descriptor)
            if launcher.fileno() in ready:
                return launcher.wait_ready()
