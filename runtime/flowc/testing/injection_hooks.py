"""In the processes of tasks: faults happen and steps are replaced as a test has asked.

This file is no module of the runtime there: Python runs it as `sitecustomize`, from a folder with `faults.pickle`
beside it, before anything else. It changes modules of the shim when they are imported, wherever these come from.
Standard library only, Python 3.9 and newer.
"""

from __future__ import annotations

import builtins
import marshal
import os
import pickle
import signal
import sys
import time
from functools import partial
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from types import CellType, FunctionType, MethodType
from typing import Any, Callable, Dict, List, Tuple

HERE = os.path.dirname(os.path.abspath(__file__))
FAULTS = "faults.pickle"
HAPPENED = "happened"


class InjectedFailure(Exception):  # noqa: N818
    """The failure of a step that a test has asked for."""


class _Faults:
    """What the test has asked for."""

    def __init__(self) -> None:
        with open(os.path.join(HERE, FAULTS), "rb") as file:
            self.data: Dict[str, Any] = pickle.load(file)
        self.functions: Dict[int, FunctionType] = {}
        self.loading = 0

    def replacement(self, step: str) -> Any:
        """What takes the place of a step; `None` for a step that stays."""
        if step not in self.data["replace"]:
            return None
        self.happened("replace", step)
        self.loading += 1
        try:
            return self.decoded(self.data["replace"][step])
        finally:
            self.loading -= 1

    def happened(self, what: str, key: str) -> None:
        """Let the test know."""
        open(os.path.join(HERE, HAPPENED, f"{what} {key.replace('/', ' ')}"), "wb").close()

    def attempt(self, what: str, key: str, number: int) -> bool:
        """Whether a fault happens in an attempt of a task."""
        asked = self.data[what].get(key)
        found = asked is True or (asked is not None and number in asked)
        if found:
            self.happened(what, key)
        return found

    def decoded(self, value: Tuple[str, Any]) -> Any:
        """A value as `sent_functions` has encoded it."""
        kind, content = value
        if kind == "module":
            __import__(content)
            return sys.modules[content]
        return self.function(content) if kind == "function" else pickle.loads(content)

    def function(self, number: int) -> FunctionType:
        """A function, with what it uses."""
        if number in self.functions:
            return self.functions[number]
        entry: Dict[str, Any] = self.data["functions"][number]
        names: Dict[str, Any] = {"__builtins__": builtins, "__name__": entry["module"]}
        cells = tuple(CellType() for _ in entry["closure"])
        found = FunctionType(marshal.loads(entry["code"]), names, entry["name"], None, cells)  # noqa: S302 (the test's own)
        self.functions[number] = found
        names.update({name: self.decoded(value) for name, value in entry["globals"].items()})
        for cell, value in zip(cells, entry["closure"]):
            cell.cell_contents = self.decoded(value)
        found.__defaults__ = self.decoded(entry["defaults"])
        found.__kwdefaults__ = self.decoded(entry["kwdefaults"])
        found.__qualname__ = entry["qualname"]
        return found


class _Finder:
    """Finds the shim's modules that change, and those of the test."""

    def __init__(self, faults: _Faults) -> None:
        self._faults = faults
        self._changes: Dict[str, Callable[[Any], None]] = {
            "flowc.shim.step_call": partial(_change_calls, faults),
            "flowc.shim.class_task": partial(_change_steps, faults),
            "flowc.shim.pipeline_task": partial(_change_functions, faults),
        }

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Where a module is."""
        data = self._faults.data
        file = data["own"].get(name) or (data["others"].get(name) if self._faults.loading else None)
        if file is not None:
            folders = [os.path.dirname(file)] if os.path.basename(file) == "__init__.py" else None
            return spec_from_file_location(name, file, submodule_search_locations=folders)
        change = self._changes.pop(name, None)
        if change is None:
            return None
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if finder is not self else None
            if spec is not None:
                loader: Any = spec.loader
                spec.loader = _Changing(loader, change)  # type: ignore[assignment]
                return spec
        return None


class _Changing:
    """A loader that changes the module that another one has loaded."""

    def __init__(self, loader: Any, change: Callable[[Any], None]) -> None:
        self._loader = loader
        self._change = change

    def create_module(self, spec: Any) -> Any:
        """As the other loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        """The same, and the change."""
        self._loader.exec_module(module)
        self._change(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def _change_calls(faults: _Faults, module: Any) -> None:
    """Let the code of steps be slow, fail, or end with its process."""
    original = module._call_within_limits

    def call(code: Callable[[], None], state: Any, task: Any) -> None:
        original(partial(_with_faults, faults, code, task), state, task)

    module._call_within_limits = call


def _with_faults(faults: _Faults, code: Callable[[], None], task: Any) -> None:
    keys = [task.step, f"{task.step}/{'.'.join(map(str, task.path))}"]
    number = task.attempt - task.first
    for key in keys:
        seconds = faults.data["slow"].get(key)
        if seconds is not None:
            faults.happened("slow", key)
            time.sleep(seconds)
    for key in keys:
        if faults.attempt("fail", key, number):
            raise InjectedFailure(f"the test lets attempt {number} of {key} fail")
    code()
    for key in keys:
        if faults.attempt("kill", key, number):
            sys.stderr.write(f"the test kills attempt {number} of {key}\n")
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os.kill(os.getpid(), signal.SIGKILL)


def _change_steps(faults: _Faults, module: Any) -> None:
    """Replace steps of class flows."""
    original = module.step_of

    def step_of(flow: Any, name: str) -> Any:
        found = faults.replacement(flow.__dict__["_flowc"].step.name)  # `name` is that in its own flow
        if found is None:
            return original(flow, name)
        flow.__dict__["_flowc"].step.container = None
        return MethodType(partial(_replaced_step, faults, found), flow)

    module.step_of = step_of


def _replaced_step(faults: _Faults, found: Any, flow: Any, *inputs: Any) -> None:
    """Set artifacts, or call a function; unless that calls `self.next`, go where the step leads."""
    if callable(found):
        found(flow, *inputs)
    else:
        for name, value in found.items():
            setattr(flow, name, value)
    attributes: Dict[str, Any] = flow.__dict__
    state = attributes["_flowc"]
    step = state.step
    if state.transition is not None or not step.leads or step.kind == "parallel":
        return
    if step.kind == "switch":
        cases: Dict[Any, str] = faults.data["cases"][step.name]
        targets = {case: getattr(flow, name[len(step.prefix) :]) for case, name in cases.items()}
        flow.next(targets, condition=step.condition)
        return
    options: Dict[str, str] = {} if step.foreach_var is None else {"foreach": step.foreach_var}
    flow.next(*(getattr(flow, name[len(step.prefix) :]) for name in step.leads), **options)


def _change_functions(faults: _Faults, module: Any) -> None:
    """Replace functions of pipelines."""
    call, function_of = module._call, module.function_of
    running: List[str] = []

    def changed_call(load: Any, state: Any, values: Any, task: Any) -> Any:
        running.append(task.step)
        if task.step in faults.data["replace"]:
            state.step.container = None
        try:
            return call(load, state, values, task)
        finally:
            running.pop()

    def changed_function(found: Any, entry: Any) -> Any:
        fake = faults.replacement(running[-1]) if running else None
        if fake is None or callable(fake):
            return function_of(found, entry) if fake is None else fake
        return partial(_returned, list(fake.values()), bool(entry.get("many")))

    module._call, module.function_of = changed_call, changed_function


def _returned(values: List[Any], many: bool, **arguments: Any) -> Any:
    """What a step of a pipeline returns whose outputs are given."""
    del arguments
    return values if many else values[0] if values else None


def _run_other() -> None:
    """Run the `sitecustomize` that this one hides."""
    spec = PathFinder.find_spec("sitecustomize", [place for place in sys.path if os.path.abspath(place) != HERE])
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, _Finder(_Faults()))
    _run_other()
