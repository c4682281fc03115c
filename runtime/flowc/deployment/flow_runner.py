"""`Runner`: runs of a flow's file on this machine, waited for or not, as in Metaflow."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from typing import TYPE_CHECKING, Any, AsyncIterator, Dict, List, Mapping, Tuple, Union

from flowc.client.namespaces import chosen_store
from flowc.client.run_object import Run
from flowc.deployment.command_process import (
    CommandProcess,
    existing,
    failure,
    option_words,
    parameter_words,
    top_level_words,
    variables,
)
from flowc.project_settings import default_root
from flowc.store.run_layout import flow_names

if TYPE_CHECKING:
    from types import TracebackType

_POLL_SECONDS = 0.05
_OPTIONS = frozenset({"decospecs", "max_num_splits", "max_workers", "origin_run_id", "run_id_file", "tags", "with_"})
"""Keywords of `run` and `resume` that are no parameters."""


class ExecutingRun:
    """A run that was started, and its process. A context that ends it."""

    def __init__(self, runner: Runner, command_obj: CommandProcess, run_obj: Run) -> None:
        """`run_obj` is the run."""
        self.runner = runner
        self.command_obj = command_obj
        self.run = run_obj

    def __enter__(self) -> ExecutingRun:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        self.runner.cleanup()

    async def wait(self, timeout: Union[float, None] = None, stream: Union[str, None] = None) -> ExecutingRun:
        """Wait for the end of the run; after `timeout` seconds it is ended. `stream` is printed meanwhile."""
        await self.command_obj.wait(timeout, stream)
        return self

    @property
    def returncode(self) -> Union[int, None]:
        """The exit code of its process; `None` while it runs."""
        return self.command_obj.process.poll()

    @property
    def status(self) -> str:
        """`timeout`, `running`, `failed` or `successful`."""
        if self.command_obj.timeout:
            return "timeout"
        code = self.returncode
        return "running" if code is None else "failed" if code else "successful"

    @property
    def stdout(self) -> str:
        """What the process has printed so far."""
        return self.command_obj.text("stdout")

    @property
    def stderr(self) -> str:
        """What it has written to stderr so far."""
        return self.command_obj.text("stderr")

    async def stream_log(self, stream: str, position: Union[int, None] = None) -> AsyncIterator[Tuple[int, str]]:
        """The lines of `stdout` or `stderr` as they come, each with the position behind it."""
        async for found in self.command_obj.stream_log(stream, position):
            yield found


class Runner:
    """Runs the flow of a file on this machine.

    with Runner("flow.py") as runner:
        print(runner.run(alpha=5, tags=["nightly"]).run.data.model)
    """

    def __init__(
        self,
        flow_file: str,
        show_output: bool = True,
        profile: Union[str, None] = None,
        env: Union[Dict[str, str], None] = None,
        cwd: Union[str, None] = None,
        file_read_timeout: int = 3600,
        **kwargs: Any,
    ) -> None:
        """As in Metaflow. `kwargs` are options before `run`: `datastore_root`, `decospecs`, `config`, `branch`, ...

        `file_read_timeout` is how many seconds a run may take to begin. Raises FileNotFoundError.
        """
        self.flow_file = existing(flow_file)
        self.show_output = show_output
        self.env_vars = variables(profile, env)
        self.cwd = os.path.abspath(cwd or os.getcwd())
        self.file_read_timeout = file_read_timeout
        self.top_level_kwargs = kwargs
        self._processes: List[CommandProcess] = []

    def __enter__(self) -> Runner:
        return self

    async def __aenter__(self) -> Runner:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Union[TracebackType, None]) -> None:
        self.cleanup()

    async def __aexit__(self, kind: Any, error: Any, traceback: Union[TracebackType, None]) -> None:
        self.cleanup()

    def run(self, **kwargs: Any) -> ExecutingRun:
        """Run the flow to its end. Parameters are keywords, and so are `tags`, `decospecs`, `max_workers`,
        `max_num_splits` and `run_id_file`. Raises where no run has begun: ValueError for an unknown parameter or
        option, TypeError for a value that it does not take, RuntimeError for anything else.
        """
        return self._executed("run", kwargs)

    def resume(self, **kwargs: Any) -> ExecutingRun:
        """Continue the latest run, or that of `origin_run_id`, from where it failed, or from `step_to_rerun`."""
        return self._executed("resume", kwargs)

    async def async_run(self, **kwargs: Any) -> ExecutingRun:
        """Start a run, and return when it has begun: `await` its `wait()`."""
        return await self._started("run", kwargs)

    async def async_resume(self, **kwargs: Any) -> ExecutingRun:
        """As `resume`, and return when it has begun."""
        return await self._started("resume", kwargs)

    def spin(self, pathspec: str, **kwargs: Any) -> Any:
        """Raises NotImplementedError: `flowc try FILE STEP` runs one step alone."""
        del kwargs
        raise NotImplementedError(f"spin({pathspec!r}): `flowc try {self.flow_file} STEP` runs one step alone")

    async_spin = spin

    def cleanup(self) -> None:
        """End what still runs, and remove what was printed."""
        while self._processes:
            self._processes.pop().cleanup()

    def _executed(self, command: str, values: Dict[str, Any]) -> ExecutingRun:
        with tempfile.TemporaryDirectory(prefix="flowc-run-id-") as folder:
            process, root, id_file = self._start(command, values, folder, show=self.show_output)
            process.sync_wait()
            return self._executing(process, root, id_file, command)

    async def _started(self, command: str, values: Dict[str, Any]) -> ExecutingRun:
        with tempfile.TemporaryDirectory(prefix="flowc-run-id-") as folder:
            process, root, id_file = self._start(command, values, folder, show=False)
            until = time.monotonic() + self.file_read_timeout
            while not _text(id_file) and process.process.poll() is None:
                if time.monotonic() > until:
                    raise TimeoutError(f"the run has not begun within {self.file_read_timeout} s")
                await asyncio.sleep(_POLL_SECONDS)
            return self._executing(process, root, id_file, command)

    def _start(
        self, command: str, values: Mapping[str, Any], folder: str, *, show: bool
    ) -> Tuple[CommandProcess, str, str]:
        given = dict(values)
        step = given.pop("step_to_rerun", None)
        options = {name.rstrip("_"): given.pop(name) for name in list(given) if name in _OPTIONS}
        top = {**self.top_level_kwargs, **options}
        top["decospecs"] = [*(self.top_level_kwargs.get("decospecs") or ()), *(options.get("decospecs") or ())]
        root = top.pop("datastore_root", None) or top.pop("root", None) or default_root(self.cwd)
        id_file = top.pop("run_id_file", None) or os.path.join(folder, "id")
        id_file = os.path.join(self.cwd, id_file)
        words = [command, self.flow_file, *([step] if step else []), *top_level_words(top), *parameter_words(given)]
        words += option_words({"root": root, "run_id_file": id_file})
        if os.path.exists(id_file):
            os.remove(id_file)
        process = CommandProcess(words, env=self.env_vars, cwd=self.cwd, show=show)
        self._processes.append(process)
        return process, os.path.join(self.cwd, root) if "://" not in root else root, id_file

    def _executing(self, process: CommandProcess, root: str, id_file: str, command: str) -> ExecutingRun:
        """Raises what `failure` makes of it where no run has begun."""
        identifier = _text(id_file)
        if not identifier:
            code = process.sync_wait()
            message = f"{self.flow_file} has not started: flowc {command} has ended with exit code {code}"
            raise failure(message, process.text("stderr"))
        store = chosen_store(root)
        flow = next(name for name in flow_names(store) if store.children(f"{name}/{identifier}"))
        return ExecutingRun(self, process, Run(f"{flow}/{identifier}", root=root, _namespace_check=False))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""
