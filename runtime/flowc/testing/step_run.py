"""`run_step`: one step in the test's process, as a task runs it, in a store of its own.

The shim runs it, so that parameters, foreach, joins, `current` and what is checked of a step are those of a run; mocks,
coverage and debuggers work, since it is the very class or function that the test has imported. `@timeout` does not
count, and `@retry` makes no further attempts.
"""

from __future__ import annotations

import operator
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, Generator, List, Mapping, Sequence, Tuple, Union

from flowc.errors import FlowError
from flowc.protocol import env_names
from flowc.testing.given_values import sharing
from flowc.testing.tested_flow import UsageError, compile_tested, names_a_step, tested_flow

if TYPE_CHECKING:
    from types import TracebackType

    from flowc.protocol.plan import PlanStep
    from flowc.store.documents import Document
    from flowc.testing.tested_flow import AnyFlow

    Inputs = Union[Sequence[Any], Mapping[str, Any]]

RUN_ID = "test"


class _NotGiven:
    def __repr__(self) -> str:
        return "not given"


NOT_GIVEN: Any = _NotGiven()


@dataclass(frozen=True)
class Transition:
    """Where a step leads."""

    steps: List[str]
    """The steps that run next; of a switch the one that it has chosen."""
    foreach: Union[str, None] = None
    """The artifact that the next step runs once for each item of."""
    items: List[Any] = field(default_factory=list[Any])
    """Those items."""
    condition: Union[str, None] = None
    """The artifact that a switch has looked at."""
    choice: Union[str, None] = None
    """The step that a switch has chosen."""
    num_parallel: Union[int, None] = None
    """How many members the gang has that follows."""


@dataclass(frozen=True)
class StepResult:
    """What a step leaves behind."""

    artifacts: Dict[str, Any]
    """Its artifacts, as the next step reads them: those that it has set, and those that it passes on."""
    next: Union[Transition, None]
    """Where it leads; `None` for the last step."""
    caught: bool = False
    """Whether it has failed, and `@catch` took the failure."""
    metadata: Dict[str, Any] = field(default_factory=dict[str, Any])
    """What a pipeline's step has said by `log_metadata`."""
    given_input: Any = field(default=NOT_GIVEN, repr=False)
    """The item that the test has given."""


@dataclass(frozen=True)
class Given:
    """What a test gives to a step."""

    artifacts: Mapping[str, Any]
    parameters: Mapping[str, Any]
    input: Any
    index: Tuple[int, ...]
    outer: Sequence[Any]
    width: Union[int, None]
    inputs: Union[Inputs, None]
    attempt: int
    approval: Union[str, None]


def run_step(
    flow: AnyFlow,
    step: Union[str, None] = None,
    *,
    artifacts: Union[Mapping[str, Any], None] = None,
    parameters: Union[Mapping[str, Any], None] = None,
    input: Any = NOT_GIVEN,
    index: Union[int, Sequence[int], None] = None,
    inputs: Union[Inputs, None] = None,
    outer: Sequence[Any] = (),
    width: Union[int, None] = None,
    attempt: int = 0,
    approval: Union[str, None] = None,
    configs: Union[Mapping[str, Any], None] = None,
    root: Union[str, os.PathLike[str], None] = None,
) -> StepResult:
    """Run one step of a class flow or a pipeline, and return what it leaves behind.

    `flow` is the class or the pipeline that the test has imported, or the path of a file; a step of pipelines alone
    needs no `step`. `artifacts` are what the step inherits, for a pipeline's step its arguments; `parameters` are
    values by name, others have their defaults. `input` and `index` are the item of the innermost foreach and its
    number, `outer` the items of those around it, and `width` how many items, or members of the gang, there are. A join
    gets `inputs`: for each task the artifacts, or the StepResult, in their order or, after branches, by the names of
    the steps. `approval` is what a person chooses, where the step has `@approval`. `configs` gives values, or paths of
    files. The step reads earlier runs from `root`, by default a store that is empty.

    Raises what the step raises, UsageError for what the flow does not have, and CompileFailed.
    """
    __tracebackhide__ = True
    try:
        given = Given(
            given_by_name(artifacts, "artifacts"),
            given_by_name(parameters, "parameters"),
            input,
            given_path(index),
            given_list(outer, "outer"),
            None if width is None else whole_number(width, "width"),
            inputs if inputs is None or isinstance(inputs, Mapping) else given_list(inputs, "inputs"),
            whole_number(attempt, "attempt"),
            approval,
        )
        return _run(flow, step, given, given_by_name(configs, "configs"), root)
    except BaseException as error:
        raise error.with_traceback(of_the_user(error))  # noqa: B904 (it is the same error)


def _run(
    flow: AnyFlow,
    step: Union[str, None],
    given: Given,
    configs: Mapping[str, Any],
    root: Union[str, os.PathLike[str], None],
) -> StepResult:
    tested = tested_flow(flow)
    with ExitStack() as stack:
        if names_a_step(tested):
            from flowc.testing.lone_step import lone_step

            compilation, step = stack.enter_context(lone_step(tested, given.artifacts))
        else:
            compilation, _ = compile_tested(tested, {}, configs)
        names = [item.name for item in compilation.flow.steps if not item.virtual]
        if step is None or step not in names:
            asked = f"has no step {step!r}" if step is not None else "has several steps"
            raise UsageError(f"{compilation.flow.name} {asked}: name one of {', '.join(names)}")
        stack.enter_context(sharing())
        folder = stack.enter_context(_isolated(root))
        from flowc.testing.in_process_task import run_in_process

        return run_in_process(tested, compilation, step, given, folder)


@contextmanager
def _isolated(root: Union[str, os.PathLike[str], None]) -> Generator[str, None, None]:
    """Run a task in this process: with a folder as its store, with variables of its own, and leaving no trace."""
    from flowc import flowspec
    from flowc.current import current, running, set_current
    from flowc.shim import loaded_plan

    variables = dict(os.environ)
    facts, lazy = dict(vars(current)["_facts"]), dict(vars(current)["_lazy"])
    before = vars(running).copy()
    plan = loaded_plan.exchange_plan(None)
    folder = tempfile.mkdtemp(prefix="flowc-test-")
    for name in [name for name in os.environ if name.startswith(env_names.PARAMETER_PREFIX)]:
        del os.environ[name]
    os.environ[env_names.ROOT] = folder if root is None else os.fspath(root)
    os.environ[env_names.RUN_ID] = RUN_ID
    for name in (env_names.ORIGIN_RUN_ID, env_names.SCHEDULED, env_names.TRIGGER, env_names.TAGS):
        os.environ.pop(name, None)
    try:
        yield folder
    finally:
        loaded_plan.exchange_plan(plan)
        flowspec.program = None
        set_current(facts, lazy)
        vars(running).clear()
        vars(running).update(before)
        for name in set(os.environ) - set(variables):
            del os.environ[name]
        os.environ.update(variables)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def kept_surroundings() -> Generator[None, None, None]:
    """Keep the working folder and the module path as they are: what a task changes of them ends with its process."""
    folder, path = os.getcwd(), list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = path
        os.chdir(folder)


def of_the_user(error: BaseException) -> Union[TracebackType, None]:
    """The traceback of an error from where the user's code begins; all of it where a bug here is the only cause."""
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
    at = error.__traceback__
    while at is not None and os.path.abspath(at.tb_frame.f_code.co_filename).startswith(own):
        at = at.tb_next
    return at if at is not None or isinstance(error, FlowError) else error.__traceback__


def transition_of(manifest: Document, step: PlanStep, following: List[str], items: List[Any]) -> Transition | None:
    """Where a committed task leads. `following` are the steps after it that have tasks."""
    if not step.next:
        return None
    choice: Union[str, None] = manifest.get("choice")
    if choice is not None:
        return Transition([choice], condition=step.condition, choice=choice)
    foreach = manifest.get("foreach")
    if foreach is None:
        return Transition(following)
    if step.kind == "parallel":
        return Transition(following, num_parallel=foreach["count"])
    return Transition(following, step.foreach_var or step.name, items)


def whole_number(value: Any, what: str) -> int:
    """A number from 0 on, of any type that counts as one. Raises UsageError."""
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = -1
    if number < 0:
        raise UsageError(f"`{what}` is a whole number from 0 on, not {value!r}")
    return number


def given_path(index: Union[int, Sequence[int], None]) -> Tuple[int, ...]:
    """An index path from its last number, or from all of them. Raises UsageError."""
    if index is None:
        return ()
    if isinstance(index, str) or not hasattr(index, "__iter__"):
        return (whole_number(index, "index"),)
    numbers: Any = index
    return tuple(whole_number(number, "index") for number in numbers)


def given_by_name(values: Union[Mapping[str, Any], None], what: str) -> Dict[str, Any]:
    """Values by name. Raises UsageError."""
    try:
        found: Dict[Any, Any] = dict(values or {})
    except (TypeError, ValueError):
        found = {None: None}
    if not all(isinstance(name, str) for name in found):
        raise UsageError(f"`{what}` is a dict of values by name, not {values!r}")
    return found


def given_list(values: Any, what: str) -> List[Any]:
    """The items of a list, or of another iterable that is no text. Raises UsageError."""
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        other = " or a dict" if what == "inputs" else ""
        raise UsageError(f"`{what}` is a list{other}, not {values!r}")
    return list(values)
