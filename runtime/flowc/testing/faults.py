"""What a test lets happen in a run: steps that are replaced, attempts that fail or are killed, and slow ones."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
import warnings
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Generator, Iterable, List, Mapping, NamedTuple, Union

from flowc.protocol import env_names
from flowc.testing import injection_hooks
from flowc.testing.sent_functions import SentFunctions, local_modules, own_modules
from flowc.testing.tested_flow import UsageError

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow

    Replacements = Mapping[str, Union[Callable[..., Any], Mapping[str, Any]]]
    Attempts = Mapping[str, Union[bool, Iterable[int]]]
    Slowness = Mapping[str, float]


class UnusedFault(UserWarning):
    """A fault of a test that has not happened: the task, or the attempt, has not run."""


class Faults(NamedTuple):
    """What happens to which tasks: `step` is all tasks of a step, `step/2` the one with that index."""

    replace: Replacements
    """Steps to functions, or to the artifacts that they set."""
    fail: Attempts
    """The attempts that raise an error instead of the step's code; `True` for all of them."""
    kill: Attempts
    """The attempts that are killed when the code has run, before anything is stored."""
    slow: Slowness
    """Seconds that every attempt waits before its code runs."""

    def checked(self, flow: Flow) -> Dict[str, Any]:
        """What the tasks' processes read. Raises UsageError for what the flow does not have."""
        sent = SentFunctions()
        replace = {
            step: sent.encoded(f"the replacement of {step}", _replacement(flow, step, found))
            for step, found in self.replace.items()
        }
        fail = {_key(flow, "fail", key): _attempts("fail", key, found) for key, found in self.fail.items()}
        kill = {_key(flow, "kill", key): _attempts("kill", key, found) for key, found in self.kill.items()}
        slow = {_key(flow, "slow", key): _seconds(key, found) for key, found in self.slow.items()}
        others = local_modules() if replace else {}
        sent.own.update(own_modules() if replace else {})
        return {
            "replace": replace, "fail": fail, "kill": kill, "slow": slow,
            "functions": sent.functions, "own": sent.own, "others": others, "cases": _cases(flow, self.replace),
        }  # fmt: skip


def _steps(flow: Flow) -> List[str]:
    return [step.name for step in flow.steps if not step.virtual]


def _no_step(flow: Flow, what: str, name: str) -> str:
    close = get_close_matches(name, _steps(flow), 1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"{what}: {flow.name} has no step {name!r}; {meant}it has {', '.join(_steps(flow))}"


def _replacement(flow: Flow, step: str, found: Any) -> Any:
    if step not in _steps(flow):
        raise UsageError(_no_step(flow, "replace", step))
    if callable(found):
        return found
    if not isinstance(found, Mapping):
        raise UsageError(f"replace: give a function or the artifacts that it sets for {step!r}, not {found!r:.80}")
    values: Dict[str, Any] = dict(found)  # pyright: ignore[reportUnknownArgumentType]
    entry = flow.by_name[step]
    if flow.is_of_pipeline(entry):
        return _outputs(flow, step, values)
    if entry.kind == "switch" and entry.variable not in values:
        raise UsageError(f"replace: {step!r} goes on by {entry.variable!r}, which {values!r:.80} does not have")
    if entry.kind == "parallel":
        raise UsageError(f"replace: {step!r} begins a gang; give a function that calls `self.next` with num_parallel=")
    return values


def _cases(flow: Flow, replaced: Iterable[str]) -> Dict[str, Dict[Any, str]]:
    """Of the switches among replaced steps of a class the steps that their cases lead to."""
    switches = [step for step in map(flow.by_name.__getitem__, replaced) if step.kind == "switch" and not step.tests]
    return {step.name: {case.value: case.target for case in step.cases} for step in switches}


def _outputs(flow: Flow, step: str, values: Dict[str, Any]) -> Dict[str, Any]:
    """What a step of a pipeline returns, in order."""
    call = flow.by_name[step].call
    names = call.outputs if call is not None else ()
    if set(names) != set(values):
        known = ", ".join(map(repr, names)) or "none"
        raise UsageError(f"replace: the outputs of {step!r} are {known}, and {values!r:.80} has others")
    return {name: values[name] for name in names}


def _key(flow: Flow, what: str, key: str) -> str:
    name, separator, index = key.partition("/")
    if name not in _steps(flow):
        raise UsageError(_no_step(flow, what, name))
    step = flow.by_name[name]
    depth = flow.depth(step)
    numbers = index.split(".") if separator else []
    if separator and (len(numbers) != depth or not all(number.isdigit() for number in numbers)):
        form = f"{name}/{'.'.join(['0'] * depth)}" if depth else name
        raise UsageError(f"{what}: {key!r} is no task of step {name!r}; a task of it is written like {form!r}")
    return key


def _attempts(what: str, key: str, found: Any) -> Any:
    if found is True:
        return True
    numbers: Any = None
    if not isinstance(found, (str, bytes, bool, int)):
        numbers = list(found)
    if not numbers or not all(type(number) is int and number >= 0 for number in numbers):
        raise UsageError(f"{what}: {key!r} needs the numbers of attempts, as in [0, 1], or True, not {found!r}")
    return numbers


def _seconds(key: str, found: Any) -> float:
    if isinstance(found, bool) or not isinstance(found, (int, float)) or found < 0:
        raise UsageError(f"slow: {key!r} needs seconds, not {found!r}")
    return float(found)


class Injected:
    """The faults of one run, in a folder that its tasks read."""

    def __init__(self, content: Mapping[str, Any], folder: Path) -> None:
        path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
        self.variables = {env_names.CACHE: "off"}  # a test runs the code, and what replaces it
        if any(content[what] for what in Faults._fields):
            self.variables["PYTHONPATH"] = path
        """What the tasks need in their environment."""
        self._content = content
        self._folder = folder

    def warn_of_unused(self) -> None:
        """Warn of the faults that have not happened."""
        happened = {path.name for path in (self._folder / injection_hooks.HAPPENED).iterdir()}
        for what in Faults._fields:
            for key in self._content[what]:
                if f"{what} {key.replace('/', ' ')}" not in happened:
                    message = f"{what}={{{key!r}: ...}} had no effect: no such task has run"
                    warnings.warn(message, UnusedFault, stacklevel=4)


@contextmanager
def injected(faults: Faults, flow: Flow) -> Generator[Injected, None, None]:
    """Let faults happen in the runs of a block. Raises UsageError for what the flow does not have."""
    content = faults.checked(flow)
    scratch = Path(tempfile.mkdtemp(prefix="flowc-test-"))
    folder = scratch / "flowc-faults"  # by its name tracebacks leave its frames out
    try:
        folder.mkdir()
        (folder / injection_hooks.HAPPENED).mkdir()
        (folder / injection_hooks.FAULTS).write_bytes(pickle.dumps(content))
        shutil.copy(injection_hooks.__file__, folder / "sitecustomize.py")
        yield Injected(content, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
