"""Running a flow from a notebook: its file is written for the time of the run, and `flowc run` runs it."""

from __future__ import annotations

import inspect
import os
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Dict, Generator, List, Mapping, NamedTuple, Sequence, Union

from flowc.client.run_object import Run
from flowc.deployment.command_process import parameter_words
from flowc.deployment.deployer import DeployedFlow, DeployerImpl, DeployerTypes
from flowc.notebooks.cell_source import CellNames, CellSource, NotebookError, cell_source
from flowc.notebooks.cell_statements import Cell
from flowc.pipelines import FunctionWrapper, Pipeline
from flowc.protocol import env_names
from flowc.shim.cell_frames import SUFFIX

if TYPE_CHECKING:
    from typing import Callable, Type

    NotebookFlow = Union[Type[Any], Callable[..., Any]]

_MOST_FILES = 1000


class FlowFile(NamedTuple):
    """The file of a flow, and what its lines are in the notebook."""

    path: str
    name: str
    source: Union[CellSource, None]
    """`None` for a flow of a module of the user's."""


def is_flow(value: Any) -> bool:
    """Whether a value is the class of a flow, or a pipeline."""
    if inspect.isclass(value):
        return any(base.__name__ == "FlowSpec" for base in value.__mro__[1:])
    return isinstance(value, Pipeline)


@contextmanager
def flow_file(flow: Any) -> Generator[FlowFile, None, None]:
    """The file of a flow; for one of cells a new one in the working directory, which goes at the end of the block.

    Raises NotebookError.
    """
    if not is_flow(flow):
        raise NotebookError(f"{flow!r:.80} is neither the class of a flow nor a pipeline")
    owner = inspect.unwrap(flow.entrypoint) if isinstance(flow, FunctionWrapper) else flow
    if owner.__module__ != "__main__":
        yield FlowFile(inspect.getfile(owner), owner.__name__, None)
        return
    source = cell_source(owner.__name__, _cells(), _shell().user_ns, is_class=not isinstance(flow, Pipeline))
    path = _new_file(owner.__name__, source.text)
    _let_classes_be_found(os.path.basename(path)[: -len(".py")])
    try:
        yield FlowFile(path, owner.__name__, source)
    finally:
        os.remove(path)


def _shell() -> Any:
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    if shell is None:
        raise NotebookError("there is no notebook here: `flowc run` runs files")
    return shell


def _cells() -> List[Cell]:
    """The cells that were executed, with IPython's magics as calls."""
    texts: List[str] = _shell().history_manager.input_hist_parsed
    return [Cell(number, text) for number, text in enumerate(texts) if text]


def _new_file(name: str, text: str) -> str:
    """Write a file that was not there before, so that it is beside what the cells import. Returns its path."""
    for folder in (os.getcwd(), tempfile.mkdtemp(prefix="flowc-cells-")):
        for number in range(1, _MOST_FILES):
            path = os.path.join(folder, f"{name}{SUFFIX}{number if number > 1 else ''}.py")
            try:
                with open(path, "x", encoding="utf-8") as file:
                    file.write(text)
            except FileExistsError:
                continue
            except OSError:
                break
            return path
    raise NotebookError(f"the cells of {name} cannot be written to a file")


def _let_classes_be_found(module: str) -> None:
    """Let artifacts of classes of the notebook be loaded in it."""
    if module not in sys.modules:
        found = ModuleType(module)
        found.__getattr__ = lambda name: getattr(sys.modules["__main__"], name)  # type: ignore[method-assign]
        sys.modules[module] = found


def execute(
    words: Sequence[str],
    file: Union[FlowFile, None],
    *,
    show: bool = True,
    env: Union[Mapping[str, str], None] = None,
) -> int:
    """Run the `flowc` command, and print what it prints, with cells in the place of lines. Returns the exit code."""
    names = (
        None if file is None or file.source is None else CellNames(file.source, os.path.basename(file.path), file.name)
    )
    variables = {**os.environ, "JPY_PARENT_PID": "", **(env or {})}
    variables.pop("FORCE_COLOR", None)  # the kernel sets it, and lines with colors are not translated
    command = [sys.executable, "-m", "flowc", *words]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=variables,
        encoding="utf-8",
        errors="replace",
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if show:
                sys.stdout.write(line if names is None else names.translated(line))
                sys.stdout.flush()
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise
    finally:
        process.stdout.close()


def run_words(file: FlowFile, command: str, options: Sequence[str], id_file: str) -> List[str]:
    """The words of `flowc run` and `flowc resume`."""
    return [command, file.path, "--flow", file.name, "--run-id-file", id_file, *options]


def start(
    flow: Any,
    command: str,
    options: Sequence[str],
    *,
    root: str,
    show: bool = True,
    env: Union[Mapping[str, str], None] = None,
) -> str:
    """Run or resume a flow to its end; returns the pathspec of the run. Raises NotebookError where there is none."""
    with flow_file(flow) as file, tempfile.TemporaryDirectory(prefix="flowc-run-id-") as folder:
        id_file = os.path.join(folder, "id")
        words = [*run_words(file, command, options, id_file), "--root", root]
        code = execute(words, file, show=show, env=env)
        if not os.path.exists(id_file):
            raise NotebookError(f"{file.name} has not started: flowc {command} has ended with exit code {code}")
        with open(id_file, encoding="utf-8") as content:
            return f"{file.name}/{content.read().strip()}"


def chosen_root(root: Union[str, os.PathLike[str], None]) -> str:
    """The given root, or else that of the project, as the command has it."""
    from flowc.project_settings import default_root

    return os.fspath(root) if root is not None else default_root(os.getcwd())


class NotebookRun(Run):
    """Runs a flow or a pipeline, which cells of the notebook define, and is the run then.

    run = NotebookRun(WeatherFlow, days=2)
    run.data.means
    """

    def __init__(
        self,
        flow: NotebookFlow,
        parameters: Union[Mapping[str, Any], None] = None,
        *,
        root: Union[str, os.PathLike[str], None] = None,
        tags: Sequence[str] = (),
        decorators: Sequence[str] = (),
        max_workers: Union[int, None] = None,
        show_output: bool = True,
        **values: Any,
    ) -> None:
        """Parameters are named as keywords, or in `parameters` where an argument here has the same name.

        `tags`, `decorators` (those of `--with`) and `max_workers` are the options of `flowc run`. A run that fails is
        a run as well. Raises NotebookError where none has begun.
        """
        options = [f"--tag={tag}" for tag in tags] + [f"--with={item}" for item in decorators]
        options += [f"--max-workers={max_workers}"] if max_workers is not None else []
        options += parameter_words({**(parameters or {}), **values})
        store = chosen_root(root)
        super().__init__(start(flow, "run", options, root=store, show=show_output), root=store, _namespace_check=False)


class NBRunner:
    """Metaflow's way to run a flow of cells: `NBRunner(Flow).nbrun(alpha=5)`.

    The class may be in another cell than this call, and may need what other cells define.
    """

    _OPTIONS = frozenset({"max_num_splits", "max_workers", "tags", "decospecs", "run_id_file", "origin_run_id"})

    def __init__(
        self,
        flow: NotebookFlow,
        show_output: bool = True,
        profile: Union[str, None] = None,
        env: Union[Dict[str, str], None] = None,
        base_dir: Union[str, None] = None,
        file_read_timeout: int = 3600,
        **options: Any,
    ) -> None:
        """As in Metaflow; `options` are those before `run`, such as `datastore_root`. Raises NotebookError."""
        del file_read_timeout
        known = {"datastore_root", "decospecs", "pylint", "quiet", "environment", "metadata", "datastore"}
        unknown = [name for name in options if name not in known]
        if unknown or options.get("datastore", "local") != "local":
            raise NotebookError(f"NBRunner has no option {(unknown or ['datastore'])[0]!r} here")
        self.flow = flow
        self.show_output = show_output
        self.base_dir = base_dir
        self._env = {**({env_names.PROFILE: profile} if profile else {}), **(env or {})}
        self._root: Union[str, None] = options.get("datastore_root")
        self._decorators: Sequence[str] = options.get("decospecs") or ()

    def nbrun(self, **values: Any) -> Run:
        """Run the flow to its end; parameters and the options of `run` are keywords."""
        return self._start("run", values)

    def nbresume(self, **values: Any) -> Run:
        """Continue the latest run, or that of `origin_run_id`, from the failed step or from `step_to_rerun`."""
        return self._start("resume", values)

    def cleanup(self) -> None:
        """Nothing is left to clean up."""

    def _start(self, command: str, values: Dict[str, Any]) -> Run:
        step = values.pop("step_to_rerun", None)
        options = [step] if step else []
        options += [f"--with={item}" for item in (*self._decorators, *(values.pop("decospecs", None) or ()))]
        options += [f"--tag={tag}" for tag in values.pop("tags", None) or ()]
        for name in [name for name in values if name in self._OPTIONS]:
            options.append(f"--{re.sub('_', '-', name)}={values.pop(name)}")
        before = os.getcwd()
        os.chdir(self.base_dir or before)
        try:
            store = chosen_root(self._root)
            options += parameter_words(values)
            spec = start(self.flow, command, options, root=store, show=self.show_output, env=self._env)
            return Run(spec, root=store, _namespace_check=False)
        finally:
            os.chdir(before)


class NBDeployer(DeployerTypes):
    """Metaflow's way to deploy a flow of cells: `NBDeployer(Flow).argo_workflows().create(root="s3://bucket/flows")`."""

    def __init__(
        self,
        flow: NotebookFlow,
        show_output: bool = True,
        profile: Union[str, None] = None,
        env: Union[Dict[str, str], None] = None,
        base_dir: Union[str, None] = None,
        file_read_timeout: int = 3600,
        **kwargs: Any,
    ) -> None:
        """As in Metaflow; `kwargs` are options before `argo-workflows`."""
        self.flow = flow
        self.base_dir = base_dir
        self._given = (show_output, profile, env, base_dir, file_read_timeout)
        self._options = kwargs

    def cleanup(self) -> None:
        """Nothing is left to clean up."""

    def _impl(self, kind: str, kwargs: Dict[str, Any]) -> DeployerImpl:
        return _NotebookDeployerImpl(self.flow, kind, kwargs, *self._given, **self._options)


class _NotebookDeployerImpl(DeployerImpl):
    """Writes the file of the cells for the time of a deployment."""

    def __init__(self, flow: NotebookFlow, kind: str, kwargs: Dict[str, Any], *given: Any, **options: Any) -> None:
        super().__init__(kind, kwargs, "", *given, **options)
        self._flow = flow

    def create(self, **kwargs: Any) -> DeployedFlow:
        """As `DeployerImpl.create`. Raises NotebookError, too."""
        before = os.getcwd()
        os.chdir(self.cwd)
        try:
            with flow_file(self._flow) as file:
                self.flow_file = os.path.abspath(file.path)
                return super().create(**{"flow": file.name, **kwargs})
        finally:
            os.chdir(before)
