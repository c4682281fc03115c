"""A step of pipelines alone: it is compiled in a pipeline of its own, which is in memory only."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generator, Mapping, Tuple

from flowc.testing.tested_flow import NamedFlow, UsageError, compile_tested

if TYPE_CHECKING:
    from flowc_compiler.driver import Compilation

_GIVEN = "given_by_the_test"
_TEXT = """

from flowc import pipeline as {pipeline}_, step as {given}_


@{given}_
def {given}() -> object:
    return None


@{pipeline}_
def {pipeline}():
    {step}({arguments})
"""


@contextmanager
def lone_step(tested: NamedFlow, given: Mapping[str, Any]) -> Generator[Tuple[Compilation, str], None, None]:
    """The compilation of a pipeline that calls the step with the given arguments, and the step's name there.

    Raises UsageError for a missing argument, and CompileFailed.
    """
    from flowc_compiler.filesystem import held_in_memory

    function = inspect.unwrap(tested.found.entrypoint)
    missing = [
        name
        for name, item in inspect.signature(function).parameters.items()
        if item.default is item.empty and item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD) and name not in given
    ]
    if missing:
        raise UsageError(
            f"step {function.__name__!r} has no value for {', '.join(missing)}: run_step(..., artifacts={{...}})"
        )
    known = inspect.signature(function).parameters
    names = sorted(name for name in given if name in known)
    arguments = ", ".join(f"{name}={_GIVEN}()" for name in names)
    pipeline = "_of_".join(("test", function.__name__, *names))  # one name for one text, which is compiled once
    text = tested.path.read_text(encoding="utf-8")
    text += _TEXT.format(pipeline=pipeline, given=_GIVEN, step=function.__name__, arguments=arguments)
    with held_in_memory({tested.path: text}):
        compilation, _ = compile_tested(NamedFlow(tested.path, pipeline, tested.found), {}, {})
    steps = [step.name for step in compilation.flow.steps if not step.virtual and not step.name.startswith(_GIVEN)]
    yield compilation, steps[0]
