"""Step decorators: literal arguments to specs.

Each decorator is a pydantic model of its arguments with Metaflow's names, units and defaults; what a model does not
know is a diagnostic. Argument names are Metaflow's, so that its files compile as they stand.
"""

from __future__ import annotations

from typing import Any

import libcst as cst
from pydantic import BaseModel, ValidationError

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.arguments import ARGUMENTS, LATER_ARGUMENTS
from flowc_compiler.frontend.literals import NO_SCOPE, NotLiteralError, Scope, evaluate
from flowc_compiler.frontend.locate import Locator
from flowc_compiler.frontend.names import KNOWN_LATER, Names
from flowc_compiler.frontend.specs import build_specs
from flowc_compiler.ir import StepSpecs
from flowc_compiler.source import Span


class DecoratorReader:
    """Reads the decorators of one step after the other."""

    def __init__(self, names: Names, locator: Locator, sink: DiagnosticSink, scope: Scope = NO_SCOPE) -> None:
        self._names = names
        self._locator = locator
        self._sink = sink
        self._scope = scope

    def is_step(self, function: cst.FunctionDef) -> bool:
        """Whether `@step` stands above a method."""
        return any(self._names.resolve(callee(item)) == "step" for item in function.decorators)

    def step_marks(self, function: cst.FunctionDef) -> frozenset[str]:
        """`start` and `end` as `@step(start=True, end=True)` gives them; FC403 or FC404 for anything else in it."""
        marks: set[str] = set()
        for item in function.decorators:
            if self._names.resolve(callee(item)) != "step" or not isinstance(item.decorator, cst.Call):
                continue
            for arg in item.decorator.args:
                key = arg.keyword.value if arg.keyword else ""
                span = self._locator.anywhere(arg.value)
                value = arg.value.value if isinstance(arg.value, cst.Name) else ""
                if key not in {"start", "end"}:
                    self._sink.error("FC403", "`@step` takes `start` and `end` only", span, help="write `@step`")
                elif value not in {"True", "False"}:
                    self._sink.error("FC404", f"`{key}` of `@step` is True or False", span, help=f"write `{key}=True`")
                elif value == "True":
                    marks.add(key)
        return frozenset(marks)

    def check_plain_method(self, function: cst.FunctionDef) -> None:
        """Collect FC401 where a method that is no step bears a decorator for steps: it would be lost."""
        for item in function.decorators:
            name = self._names.resolve(callee(item))
            if name in ARGUMENTS or name in KNOWN_LATER:
                self._error(
                    "FC401", f"`@{name}` stands on a method that is not a step", item,
                    help="add `@step` next to the method, or remove the decorator",
                )  # fmt: skip

    def read(self, function: cst.FunctionDef) -> StepSpecs:
        """The specs of a step; every decorator that is not understood is collected as FC401 to FC405."""
        found: dict[str, tuple[BaseModel, Span]] = {}
        for item in function.decorators:
            name = self._names.resolve(callee(item))
            if name == "step":
                continue
            if name is None or name not in ARGUMENTS:
                self._report_unknown(item, name)
            elif name in found:
                self._error("FC405", f"`@{name}` is given twice", item, help="keep one of them")
            else:
                arguments = self._arguments(name, item)
                if arguments is not None:
                    found[name] = (arguments, self._locator.decorator(item, function))
        return build_specs(found, self._sink)

    def _report_unknown(self, item: cst.Decorator, name: str | None) -> None:
        shown = self._locator.module.code_for_node(callee(item))
        if name in KNOWN_LATER:
            self._error(
                "FC401", f"`@{shown}` is not supported yet", item, help="remove it, or run without what it asks for"
            )
            return
        self._error(
            "FC401",
            f"`@{shown}` is not a decorator that flowc knows",
            item,
            help=f"steps take {', '.join('@' + known for known in sorted(ARGUMENTS))}; "
            "other decorators would have to be executed, and flowc never executes a flow to compile it",
        )

    def _arguments(self, name: str, item: cst.Decorator) -> BaseModel | None:
        values: dict[str, Any] = {}
        nodes: dict[str, cst.BaseExpression] = {}
        model = ARGUMENTS[name]
        ok = True
        for arg in item.decorator.args if isinstance(item.decorator, cst.Call) else ():
            key = arg.keyword.value if arg.keyword else None
            if key is None or key not in model.model_fields:
                self._report_argument(name, key, arg)
                ok = False
                continue
            nodes[key] = arg.value
            try:
                values[key] = evaluate(arg.value, self._scope)
            except NotLiteralError as error:
                if not error.reported:
                    self._sink.error(
                        "FC402", f"`{key}` of `@{name}` is not a literal{error.because}",
                        self._locator.anywhere(error.node),
                        help=error.help or "write the value itself: flowc reads the file and does not run it",
                    )  # fmt: skip
                ok = False
        if not ok:
            return None
        try:
            return model.model_validate(values)
        except ValidationError as error:
            self._report_values(name, nodes, error, item)
            return None

    def _report_argument(self, name: str, key: str | None, arg: cst.Arg) -> None:
        known = ", ".join(ARGUMENTS[name].model_fields)
        span = self._locator.anywhere(arg.value)
        if key is None:
            self._sink.error("FC403", f"`@{name}` takes keyword arguments only", span, help=f"it takes {known}")
        elif key in LATER_ARGUMENTS.get(name, ()):
            self._sink.error("FC403", f"`{key}` of `@{name}` is not supported yet", span, help=f"supported are {known}")
        else:
            self._sink.error("FC403", f"`@{name}` has no argument `{key}`", span, help=f"it takes {known}")

    def _report_values(
        self, name: str, nodes: dict[str, cst.BaseExpression], error: ValidationError, item: cst.Decorator
    ) -> None:
        for problem in error.errors():
            key = str(problem["loc"][0]) if problem["loc"] else ""
            where = nodes.get(key, item.decorator)
            message = str(problem["msg"]).removeprefix("Value error, ")
            self._sink.error(
                "FC404", f"`{key}` of `@{name}`: {message}" if key else f"`@{name}`: {message}",
                self._locator.anywhere(where), help=f"see the reference of `@{name}`",
            )  # fmt: skip

    def _error(self, code: str, message: str, item: cst.Decorator, *, help: str) -> None:
        self._sink.error(code, message, self._locator.anywhere(item.decorator), help=help)


def callee(item: cst.Decorator) -> cst.BaseExpression:
    """What a decorator names: `retry` of `@retry` and of `@retry(times=2)`."""
    return item.decorator.func if isinstance(item.decorator, cst.Call) else item.decorator
