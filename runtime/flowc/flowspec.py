"""`FlowSpec`: the class that flows derive from, and what `self` is within a step."""

from __future__ import annotations

import contextlib
import sys
from collections import namedtuple
from types import BuiltinFunctionType, FunctionType, MethodType

from flowc.current import running
from flowc.errors import FlowError, InvalidNextException, MergeArtifactsException, UnpicklableArtifact
from flowc.flow_parameters import Parameter, declaration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Mapping, overload

    from flowc.flow_parameters import Declaration
    from flowc.shim.task_state import TaskState
    from flowc.store.run_layout import Path

_INTERNAL = "_flowc"
_CLASS_LEVEL = (FunctionType, MethodType, BuiltinFunctionType, property, classmethod, staticmethod, type, Parameter)


program: Callable[[FlowSpec], None] | None = None
"""What a flow object does that takes the command line, while a task's process executes the flow's file."""


class FlowSpec:
    """The base of flows. Every attribute that a step sets is stored, and read by the steps that follow."""

    def __init__(self, use_cli: bool = True) -> None:
        """Run the task, or do what the command line of `python flow.py COMMAND` says. Either ends the process."""
        if use_cli and program is not None:
            program(self)
        elif use_cli and type(self).__module__ == "__main__":
            from flowc.flow_script import main

            sys.exit(main(type(self)))

    if TYPE_CHECKING:
        index: int
        """The task's number in the innermost foreach around it; `None` outside of every foreach."""
    else:

        @property
        def index(self) -> int | None:
            """The task's number in the innermost foreach around it; `None` outside of every foreach."""
            path = _foreach_path(self)
            if path and running.trace is not None:
                state_of(self).note_place("index", len(path) - 1)
            return path[-1] if path else None

    @property
    def _current_step(self) -> str:
        """The step that runs: Metaflow's name, which code of its users reads, too."""
        return state_of(self).step.name

    @property
    def input(self) -> Any:
        """The task's item of the innermost foreach around it; `None` outside of every foreach."""
        path = _foreach_path(self)
        return state_of(self).frame(len(path) - 1)[1] if path else None

    def foreach_stack(self) -> List[tuple[int, int, Any]]:
        """Index, width and item of every foreach around the task, the outermost first."""
        state, path = state_of(self), _foreach_path(self)
        if running.trace is not None:
            for level in range(len(path)):
                state.note_place("index", level)
                state.note_place("width", level)
        return [(index, *state.frame(level)) for level, index in enumerate(path)]

    @property
    def _foreach_stack(self) -> List[_ForeachFrame]:
        """The foreach scopes around the task, with their names: Metaflow's own, which code of its users reads, too."""
        state = state_of(self)
        openers = state.plan.openers(state.step)[state.base :]
        return [
            _ForeachFrame(opener.next[0][len(opener.prefix) :], opener.foreach_var, width, index, _shown_item(item))
            for opener, (index, width, item) in zip(openers, self.foreach_stack())
        ]

    if TYPE_CHECKING:

        @overload
        def next(self, *targets: Callable[..., Any]) -> None: ...

        @overload
        def next(self, target: Callable[..., Any], /, *, foreach: str) -> None: ...

        @overload
        def next(self, target: Callable[..., Any], /, *, num_parallel: int) -> None: ...

        @overload
        def next(self, cases: Mapping[Any, Callable[..., Any]], /, *, condition: str) -> None: ...

    def next(
        self,
        *targets: Any,
        foreach: str | None = None,
        condition: str | None = None,
        num_parallel: int | None = None,
        **options: Any,
    ) -> None:
        """Say which step or steps follow. The last statement of a step."""
        state = state_of(self)
        if state.transition is not None:
            raise InvalidNextException(f"step {state.step.name!r} calls self.next twice")
        if options:
            raise InvalidNextException(f"self.next in step {state.step.name!r}: {', '.join(options)} is not supported")
        from flowc.shim.task_state import read

        state.transition = read(self, state.step, targets, foreach, condition, num_parallel)

    def merge_artifacts(self, inputs: Any, exclude: List[str] | None = None, include: List[str] | None = None) -> None:
        """Take over the artifacts that the inputs of this join agree on."""
        from flowc.shim.join import merge

        state = state_of(self)
        if state.step.kind != "join":
            raise MergeArtifactsException(
                f"merge_artifacts can only be called in a join, and step {state.step.name!r} is not one"
            )
        merge(self, state, inputs, exclude or [], include or [])

    @property
    def script_name(self) -> str:
        """The name of the flow's file. `current` and `__file__` say the same."""
        import inspect
        import os

        return os.path.basename(inspect.getfile(type(self)))

    def __str__(self) -> str:
        state = self.__dict__.get(_INTERNAL)
        if state is None:
            return f"<flow {type(self).__name__}>"
        path = _foreach_path(self)
        if running.trace is not None:
            for level in range(len(path)):
                state.note_place("index", level)
        if not path:
            return f"<flow {type(self).__name__} step {state.step.name}>"
        item = str(self.input)
        shown = item if len(item) <= 20 else f"{item[:20]}..."
        index = ",".join(map(str, path))
        return f"<flow {type(self).__name__} step {state.step.name}[{index}] (input: {shown})>"

    def __reduce__(self) -> Any:
        raise FlowError(
            "a flow cannot be stored: perhaps self or one of the inputs was assigned to an attribute; "
            "store what is needed of it, such as inputs[0].x"
        )

    def __getattr__(self, name: str) -> Any:
        # Called for what is not set on this object yet: an artifact of an earlier task, loaded on its first use.
        state = self.__dict__.get(_INTERNAL)
        if running.trace is not None and state is not None and not name.startswith("__"):
            state.note(name)
        if name == "name" and (state is None or name not in state.references()):
            return type(self).__name__  # as in Metaflow, unless the flow has set it
        if state is None or name.startswith("__"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = state.artifact(name)
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__ or not _is_constant(type(self), name):
            object.__setattr__(self, name, value)
            return
        raise AttributeError(
            f"cannot set {name!r}: flow level attributes and Parameters are not modifiable; assign to another name"
        )

    def __delattr__(self, name: str) -> None:
        state = self.__dict__.get(_INTERNAL)
        if running.trace is not None and state is not None:
            state.note(name)
        known = state is not None and state.inherited.pop(name, None) is not None
        if name in self.__dict__ or not known:
            object.__delattr__(self, name)


def bind(cls: type[FlowSpec], state: TaskState) -> FlowSpec:
    """A flow object that stands for another task: an input of a join. As in Metaflow, what `__init__` sets is set."""
    flow: FlowSpec | None = None
    if cls.__init__ is not FlowSpec.__init__:
        with contextlib.suppress(TypeError):  # it has other arguments
            flow = cls(use_cli=False)
    if flow is None:
        flow = cls.__new__(cls)
    attach(flow, state)
    return flow


def attach(flow: FlowSpec, state: TaskState) -> None:
    """Make a flow object that of a task."""
    flow.__dict__[_INTERNAL] = state


def artifacts_set(flow: FlowSpec) -> Iterator[tuple[str, Any]]:
    """The attributes of a flow object that are artifacts: set or loaded, and neither internal nor functions."""
    for name, value in list(flow.__dict__.items()):  # threads of the step may go on to set some
        if not isinstance(name, str) or name == _INTERNAL or name.startswith("__"):  # pyright: ignore[reportUnnecessaryIsInstance]
            continue
        if isinstance(value, (FunctionType, MethodType, Parameter)):  # as in Metaflow: they are not data
            continue
        yield name, value


def check_names(flow: FlowSpec) -> None:
    """Raise UnpicklableArtifact for what a step has put into `self.__dict__` under a key that is no name."""
    for name in list(flow.__dict__):
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UnpicklableArtifact(
                f"self.__dict__ has a key of type {type(name).__name__}; name artifacts by strings"
            )


def constants(cls: type) -> Dict[str, Any]:
    """Class attributes that are data, from base classes too: every step reads them, none can set them."""
    found: Dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base is object or base is FlowSpec:
            continue
        for name, value in vars(base).items():
            if not name.startswith("_") and not isinstance(value, _CLASS_LEVEL):
                found[name] = value
    return found


def parameters(cls: type) -> Dict[str, Declaration]:
    """The parameters of a flow, and its configs, by attribute, in the order of the file."""
    found: Dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        found.update(
            {name: value for name, value in vars(base).items() if name in found or isinstance(value, Parameter)}
        )
    return {
        name: declaration(value)  # pyright: ignore[reportUnknownArgumentType]
        for name, value in found.items()
        if isinstance(value, Parameter)
    }


def _is_constant(cls: type, name: str) -> bool:
    if name.startswith("_"):
        return False
    for base in cls.__mro__:
        if name in vars(base):
            return not isinstance(vars(base)[name], _CLASS_LEVEL)
    return False


_ForeachFrame = namedtuple(  # pyright: ignore[reportUntypedNamedTuple]
    "_ForeachFrame", ("step", "var", "num_splits", "index", "value")
)
"""A foreach around a task, as Metaflow's `_foreach_stack` has it."""


def _shown_item(item: Any) -> str:
    """An item as Metaflow shows it: 30 characters at most."""
    if not isinstance(item, (str, int, float)):
        import reprlib

        item = reprlib.Repr().repr(item)
    return str(item)[:30]


def _foreach_path(flow: FlowSpec) -> Path:
    state = state_of(flow)
    return state.step.foreach_path(state.path)[state.base :]


def state_of(flow: FlowSpec) -> TaskState:
    """The state that `bind` gave. Raises AttributeError for a flow object that no task has."""
    state: TaskState | None = flow.__dict__.get(_INTERNAL)
    if state is None:
        raise AttributeError(f"{type(flow).__name__} is not running: this works within a step only")
    return state
