"""The environment of a local run's tasks, with its parameters, and the fork servers that start them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from flowc.protocol import RUNTIME_FILE, env_names
from flowc.protocol.encodings import join_tags
from flowc.shim.fork_server import BOOT
from flowc.shim.log_keeper import ENGINE
from flowc.store import is_remote
from flowc.store.run_layout import index_text
from flowc.store.s3_settings import PAIRS
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import bind_parameters, with_defaults
from flowc_compiler.syntax.import_root import located
from flowc_targets.base.process_pool import ForkServer
from flowc_targets.package.code_package import runtime_zip

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from flowc_compiler.ir import EnvironmentSpec, Flow
    from flowc_compiler.source import SourceFile
    from flowc_targets.base.process_pool import ProcessPool
    from flowc_targets.local.attempts import Attempt
    from flowc_targets.local.options import RunOptions
    from flowc_targets.local.run_record import RunRecord
    from flowc_targets.local.run_report import Reporter
    from flowc_targets.local.schedule import TaskKey

_MOST_SERVERS = 8
"""Fork servers at a time: each has the libraries in memory."""


def check_params(flow: Flow, params: Mapping[str, str]) -> None:
    """Check names, types, required values, and files to include. Raises FlowcError with FC302 to FC304 and FC308."""
    sink = DiagnosticSink()
    bind_parameters(flow, list(params.items()), sink)
    sink.raise_if_failed()


def check_variables(flow: Flow) -> None:
    """Check that the secrets are there that steps read from the environment. Raises FlowcError with FC402."""
    sink = DiagnosticSink()
    for step in flow.steps:
        environment = step.specs.environment
        for name, found in environment.from_task.items() if environment is not None else ():
            if found.required and found.source not in os.environ:
                message = f"the variable {name} of step {step.name!r} has no value: {found.source} is not set"
                assert environment is not None
                sink.error("FC402", message, environment.span, help=f"set {found.source} where you start the run")
    sink.raise_if_failed()


def step_variables(environment: EnvironmentSpec) -> dict[str, str]:
    """The variables of a step, those among them that differ from what is here under their names."""
    found = {name: os.environ.get(item.source, item.default) for name, item in environment.from_task.items()}
    own = {name: value for name, value in found.items() if value is not None and value != os.environ.get(name)}
    return {**environment.known, **own}


def with_values(flow: Flow, params: Mapping[str, str]) -> Flow:
    """The flow with the values that fit for its parameters, paths of included files among them, for the run's plan:
    a variable would limit their length."""
    return with_defaults(flow, bind_parameters(flow, list(params.items()), DiagnosticSink()))


def task_environment(
    flow: Flow, source: SourceFile, options: RunOptions, record: RunRecord, plan: Path
) -> dict[str, str]:
    """The environment of every task of a run."""
    env = environment_of_tasks(source, options, plan, record.root, record.run_id, record.origin or "")
    env |= schedule_variables(flow, options.scheduled)
    env[env_names.RERUN_STEPS] = ",".join(sorted(record.rerun))  # the cache has nothing for these
    return env


def schedule_variables(flow: Flow, scheduled: str) -> dict[str, str]:
    """The variables of a run that is scheduled for a time, if it is."""
    schedule = flow.specs.schedule
    timezone = schedule.timezone if schedule is not None else None
    return {env_names.SCHEDULED: scheduled, env_names.TIMEZONE: timezone or ""}


def environment_of_tasks(
    source: SourceFile, options: RunOptions, plan: Path, root: str, run_id: str, origin: str = ""
) -> dict[str, str]:
    """The environment of tasks of the run `run_id` in a root, which resumes the run `origin`."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(env_names.PARAMETER_PREFIX)}
    env[env_names.PLAN] = str(plan)
    env[env_names.SOURCE] = str(located(source.path))
    env[env_names.ROOT] = root
    env[env_names.RUN_ID] = run_id
    env[env_names.ORIGIN_RUN_ID] = origin
    env[env_names.REPLAYED] = "1"  # what can be taken over from the origin has been
    env[env_names.TAGS] = join_tags(options.tags)
    if options.trigger:
        env[env_names.TRIGGER] = options.trigger
    env[env_names.TIMEOUT_GRACE] = str(options.timeout_grace)
    env[env_names.MAX_NUM_SPLITS] = str(options.max_num_splits)
    env[env_names.LOG_KEEPER] = ENGINE
    if is_remote(root) and all(os.environ.get(name) for name in PAIRS[0]):
        # To set up obstore in every process takes longer than all of a short task's requests.
        env.setdefault(env_names.S3_CLIENT, "stdlib")
    if options.container is not None:
        env[env_names.CONTAINER] = options.container
    if options.post_mortem:
        env[env_names.POST_MORTEM] = "1"
    env[env_names.GANG_HOST] = "127.0.0.1"
    env[env_names.GANG_PORT] = "0"  # a free one: on one machine gangs would get in each other's way
    env[env_names.GANG_FRESH] = "1"  # no attempt of a run has a number twice,
    env[env_names.GANG_GRACE] = "0"  # and what is committed does not run again
    if options.python != sys.executable:  # it may not have flowc: give it ours, as a container gets it
        runtime = plan.with_name(RUNTIME_FILE)
        runtime.write_bytes(runtime_zip())
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(runtime), env.get("PYTHONPATH", ""))))
    return env


class TaskServers:
    """The fork servers of a run: one, and one for each environment that several tasks have.

    Libraries read variables when they are imported, so that a step's own must be there before. The first task with an
    environment begins as a fresh Python: most steps have one task.
    """

    def __init__(
        self, pool: ProcessPool[Attempt], options: RunOptions, env: Mapping[str, str], output: int, reporter: Reporter
    ) -> None:
        """Start the first. What libraries print when they are imported goes to `output`."""
        self._pool = pool
        self._options = options
        self._env = env
        self._output = output
        self._reporter = reporter
        self._by_variables: dict[frozenset[tuple[str, str]], ForkServer | None] = {}
        self._servers = [self._start({})]

    def server(self, variables: Mapping[str, str]) -> ForkServer:
        """The one for a task with these variables of its own."""
        if not variables or self._options.start_method == "spawn":
            return self._servers[0]
        key = frozenset(variables.items())
        if key not in self._by_variables:
            self._by_variables[key] = None
        elif self._by_variables[key] is None and len(self._servers) < _MOST_SERVERS:
            self._servers.append(self._start(variables))
            self._by_variables[key] = self._servers[-1]
        return self._by_variables[key] or self._servers[0]

    def forget(self, key: TaskKey) -> None:
        """A task is tried again: no server is to count on its earlier attempts."""
        for server in self._servers:
            server.forget(key.step, index_text(key.path))

    @property
    def error(self) -> str:
        """Why one of them starts no tasks."""
        return next((server.error for server in self._servers if server.error), "")

    def _start(self, variables: Mapping[str, str]) -> ForkServer:
        options = ["fresh"] if self._options.start_method == "spawn" else []
        command = [self._options.python, "-c", BOOT]
        env, terminal = {**self._env, **variables}, self._options.terminal
        server = ForkServer(command, env, self._output, options=options, ready=self._ready, terminal=terminal)
        return self._pool.add_server(server)

    def _ready(self, threads: list[str]) -> None:
        if threads:
            what = f"the file imports libraries that start threads ({', '.join(threads)})"
            self._reporter.note(f"{what}; each task gets a fresh Python")
