"""The parameters of a pipeline: which shape its graph, with what value, and which the run has, being only passed on."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple, cast

from flowc_compiler.diagnostics import suggest
from flowc_compiler.evaluate.assumptions import settled
from flowc_compiler.evaluate.constructed import UNKNOWN, kept
from flowc_compiler.evaluate.functions import SignatureParameter, signature_of
from flowc_compiler.evaluate.literals import Scope, UnresolvedError
from flowc_compiler.evaluate.operations import HEAVIEST
from flowc_compiler.evaluate.plain_data import TOO_HEAVY, weight
from flowc_compiler.evaluate.values import PLAIN, ClassObject, Environment, Instance, Undetermined, Unresolved
from flowc_compiler.frontend.parameters import text_conversion
from flowc_compiler.frontend.parameters.declared_types import DeclaredType, annotated_type, is_builtin
from flowc_compiler.frontend.parameters.pydantic_constraints import constraints_of
from flowc_compiler.frontend.pipelines.parameter_uses import only_passed_on
from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
from flowc_compiler.frontend.pipelines.pipeline_runs import Run
from flowc_compiler.frontend.pipelines.pipeline_values import PipelineFunction, Result
from flowc_compiler.frontend.pipelines.settings.lax_values import lax_value
from flowc_compiler.frontend.pipelines.settings.run_configuration import GivenValue
from flowc_compiler.frontend.pipelines.step_arguments import argument_value
from flowc_compiler.ir import Parameter
from flowc_compiler.ir.regions import ParameterValue
from flowc_compiler.source import Span
from flowc_compiler.syntax.served_imports import dotted
from flowc_compiler.syntax.tree_walk import unquoted, walk

Kind = Literal["str", "int", "float", "bool", "json"]
Bind = Callable[[str, tuple[Parameter, ...], Span], Mapping[str, str]]
"""Given a pipeline's name, its parameters and the span of the name: the texts of values from outside, by parameter."""


def no_values(name: str, parameters: tuple[Parameter, ...], span: Span) -> Mapping[str, str]:
    """Nothing from outside."""
    del name, parameters, span
    return {}


class Problem(NamedTuple):
    """Why a value of a parameter is not known, and where."""

    message: str
    span: Span
    help: str = ""


class Known(NamedTuple):
    """A parameter without the command line: its value from the call or its default, as a tuple of it."""

    parameter: SignatureParameter
    value: tuple[object] | None
    problem: Problem | None
    annotated: Kind | None
    typed: DeclaredType | None = None
    """The type, where it is none of Python's plain ones and values of it are made of plain data."""
    made: object = None
    """A value that the first task has to make."""
    at_import: bool = False
    """Whether the default is what the task's own import of the pipeline makes it."""


def read_parameters(
    evaluator: PipelineEvaluator, pipeline: PipelineFunction, run: Run | None, bind: Bind, span: Span
) -> tuple[tuple[Parameter, ...], Environment]:
    """The parameters of a pipeline, and what their names stand for in its body.

    Collects FC113, FC301, FC303 and FC304.
    """
    signature = signature_of(pipeline.node)
    if signature.star is not None or signature.double_star is not None:
        evaluator.sink.error(
            "FC301", "a pipeline cannot take `*args` or `**kwargs`", span, help="give each parameter a name"
        )
    known = [_known(evaluator, pipeline, item, run) for item in signature.named]
    _check_arguments(evaluator, run, [item.name for item in signature.named])
    evaluator.parameter_values = {item.parameter.name: item.value[0] for item in known if item.value is not None}
    declared = tuple(_declared(evaluator, pipeline, item) for item in known)
    names = {item.name for item in declared}
    options = (item for item in evaluator.command_inputs.parameters() if item.name not in names)
    texts = bind(pipeline.name, (*declared, *options), span)
    declared = tuple(map(partial(_reconsidered, texts=texts), known, declared))
    evaluator.has_defaults_only = bool(known) and not texts and not evaluator.run_configuration.parameters
    found: list[Parameter] = []
    environment: Environment = {}
    for item, parameter in zip(known, declared, strict=True):
        if not parameter.fixed:
            if evaluator.to_check and item.problem is not None and parameter.required and parameter.name not in texts:
                _warn_of_missing(evaluator, item.problem, parameter)
            kind = evaluator.hook.annotation(pipeline.view, item.parameter.node.annotation)
            environment[parameter.name] = Result(ParameterValue(name=parameter.name), kind)
            found.append(parameter)
            continue
        value = _value(evaluator, item, parameter, texts.get(parameter.name))
        if value is not None:
            environment[parameter.name] = value[0]
            plain = is_plain(value[0])
            updates: dict[str, Any] = {
                "default": value[0] if plain else None,
                "has_default": plain and value[0] is not None,
            }
            found.append(parameter.model_copy(update=updates))
        else:
            found.append(parameter)
    return tuple(found), environment


def is_plain(value: object) -> bool:
    """Whether a value is plain data all through."""
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(is_plain, cast("list[object]", value)))
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value)
        return all(is_plain(key) and is_plain(item) for key, item in entries.items())
    return isinstance(value, PLAIN)


def _check_choice(evaluator: PipelineEvaluator, name: str, value: object, typed: DeclaredType, where: Span) -> None:
    """Collect FC303 for a value that is none of the choices."""
    if value is not None and (problem := text_conversion.constraint_violation(value, _as_choice(name, typed, where))):
        help_line = f"it takes {', '.join(typed.choices)}"
        evaluator.sink.error("FC303", f"the value of parameter `{name}` {problem}", where, help=help_line)


def _kind_of_parameter(pipeline: PipelineFunction, parameter: SignatureParameter) -> Kind | None:
    """The type of a parameter's values, that of pydantic's `PositiveInt` and the like among them."""
    kind = kind_of(parameter.node.annotation)
    found = constraints_of(parameter.node.annotation, pipeline.view) if kind == "json" else None
    return cast("Kind", found.kind.__name__) if found is not None and found.kind in {int, float, str} else kind


def _is_checked(pipeline: PipelineFunction, annotation: ast.expr | None) -> bool:
    """Whether plain data for a parameter is checked as it is, whatever a task makes of it."""
    return annotation is not None and (is_builtin(annotation) or constraints_of(annotation, pipeline.view) is not None)


def _known(
    evaluator: PipelineEvaluator, pipeline: PipelineFunction, parameter: SignatureParameter, run: Run | None
) -> Known:
    kind, name = _kind_of_parameter(pipeline, parameter), parameter.name
    typed = _typed(evaluator, pipeline, parameter) if kind == "json" else None
    kind = typed.kind if typed is not None else kind
    in_signature = False
    configured = evaluator.run_configuration.parameters.get(name)
    if configured is not None:
        configured = configured._replace(value=lax_value(configured.value, parameter.node.annotation))
        value, where = configured
        _check_conflict(evaluator, name, configured, run)
    elif run is not None and name in run.arguments:
        value, where = run.arguments[name], run.spans.get(name, run.span)
    elif name in pipeline.defaults and parameter.default is not None:
        value, where = pipeline.defaults[name], evaluator.span(parameter.default)
        in_signature = True
    else:
        return Known(parameter, None, None, kind, typed)
    if weight(value) > HEAVIEST:  # before anything that looks into it once for each place where it stands
        return Known(parameter, None, Problem(TOO_HEAVY, where), kind, typed)
    value = settled(evaluator, value)
    if typed is not None and not is_plain(value) and not (isinstance(value, Unresolved) and value.wrong):
        if in_signature:
            known = (value,) if isinstance(value, Instance) else None
            return Known(parameter, known, Problem("only a task makes it", where), kind, typed, None, at_import=True)
        if kept(evaluator, value) is not UNKNOWN:
            made = argument_value(evaluator, value, parameter.node)
            return Known(parameter, (value,) if isinstance(value, Instance) else None, None, kind, typed, made)
    found = evaluator.find_undetermined(value)
    if isinstance(found, Undetermined):
        message = found.reason if isinstance(found, Unresolved) else "it is known when the flow runs"
        fails = isinstance(found, Unresolved) and found.wrong
        problem = Problem(message, where, getattr(found, "help", ""))
        return Known(parameter, None, problem, kind, typed, at_import=in_signature and not fails)
    if typed is None or _is_checked(pipeline, parameter.node.annotation):
        evaluator.hook.check_parameter(evaluator.view, parameter.node, value, where)
    else:
        _check_choice(evaluator, name, value, typed, where)
    if kind == "float" and type(value) is int:
        value = _as_float(evaluator, name, value, where)
    return Known(parameter, (value,), None, kind, typed)


def _as_float(evaluator: PipelineEvaluator, name: str, value: int, where: Span) -> float:
    try:
        return float(value)
    except OverflowError:
        message = f"the value of parameter `{name}` is too large for a float"
        evaluator.sink.error("FC303", message, where, help="give a smaller number")
        return value


def _as_choice(name: str, typed: DeclaredType, span: Span) -> Parameter:
    return Parameter(span=span, attribute=name, name=name, choices=typed.choices, any_case=typed.any_case)


class _BodyScope(Scope):
    """What annotations stand for."""

    def __init__(self, evaluator: PipelineEvaluator) -> None:
        self._evaluator = evaluator

    def evaluate(self, node: ast.expr) -> object:
        """The value of an expression. Raises UnresolvedError."""
        value, problem = self._evaluator.attempt(node)
        if problem is not None or self._evaluator.find_undetermined(value) is not None:
            raise UnresolvedError(node)
        return value


def _typed(
    evaluator: PipelineEvaluator, pipeline: PipelineFunction, parameter: SignatureParameter
) -> DeclaredType | None:
    """The type of a parameter that the first task makes of plain data; `None` for Python's plain types and others."""
    annotation = parameter.node.annotation
    found = annotated_type(annotation, pipeline.view, _BodyScope(evaluator)) if annotation is not None else None
    return found if found is not None and found.converter and found.is_known else None


def _reconsidered(known: Known, parameter: Parameter, texts: Mapping[str, str]) -> Parameter:
    """A parameter whose object is known is the run's where another one is given: only a task can make that."""
    if not parameter.fixed or parameter.name not in texts or _shapes(known):
        return parameter
    return parameter.model_copy(update={"fixed": False})


def _check_conflict(evaluator: PipelineEvaluator, name: str, configured: GivenValue, run: Run | None) -> None:
    """Collect FC113 for a call that passes another value than the configuration has, which ZenML refuses, too."""
    passed = run.arguments.get(name, configured.value) if run is not None else configured.value
    if run is not None and evaluator.undetermined(passed) is None and passed != configured.value:
        evaluator.sink.error(
            "FC113", f"`{name}` is {configured.value!r} here, and the call of `{run.pipeline.name}` passes {passed!r}",
            configured.span, help="say it in one place: in the configuration or in the call",
        )  # fmt: skip


def _check_arguments(evaluator: PipelineEvaluator, run: Run | None, names: list[str]) -> None:
    for name, (_, span) in evaluator.run_configuration.parameters.items():
        if name not in names:
            takes = f"it takes {', '.join(names)}" if names else "it takes no arguments"
            help_text = suggest(name, names, takes).help
            evaluator.sink.error("FC113", f"the pipeline has no parameter `{name}`", span, help=help_text)
    if run is None:
        return
    for name in run.arguments:
        if name not in names:
            message = f"`{run.pipeline.name}` got an unexpected keyword argument `{name}`"
            takes = f"it takes {', '.join(names)}" if names else "it takes no arguments"
            evaluator.sink.error("FC113", message, run.span, help=suggest(name, names, takes).help)


def _declared(evaluator: PipelineEvaluator, pipeline: PipelineFunction, known: Known) -> Parameter:
    name = known.parameter.name
    value = known.value[0] if known.value is not None else None
    kind = known.annotated or (_kind_of_value(value) if value is not None else None)
    passed_on = (
        kind is not None
        and (is_plain(value) or known.typed is not None)
        and only_passed_on(evaluator, pipeline, name, is_list=kind == "json")
    )
    if not _shapes(known) and not isinstance(value, Instance):
        passed_on = True  # only a task can make it, so that what the body does with it is the task's, too
    elif known.at_import and value is None:
        passed_on = only_passed_on(evaluator, pipeline, name, is_list=kind == "json", computed=True)
    # What is given at the end of the file and not known is missing there, not in the signature.
    span = known.problem.span if known.problem is not None else evaluator.view.name_span(known.parameter.node)
    in_task = known.at_import or known.made is not None
    fields: dict[str, Any] = {} if known.typed is None else known.typed.fields()
    fields |= {"type": kind or "str", "dynamic_default": in_task}
    constraints = constraints_of(known.parameter.node.annotation, pipeline.view) if known.typed is None else None
    if constraints is not None and known.parameter.node.annotation is not None:
        fields |= {"converter": pipeline.view.code(known.parameter.node.annotation), **constraints.limits()}
    return Parameter(
        span=span,
        attribute=name,
        name=name,
        deferred_type=kind is None,
        default=known.made if known.made is not None else value if is_plain(value) else None,
        has_default=in_task or (is_plain(value) and value is not None),
        required=known.value is None and not in_task,
        module=None if pipeline.view is evaluator.modules.main else evaluator.modules.module_name(pipeline.view),
        fixed=not passed_on,
        **fields,
    )


def _shapes(known: Known) -> bool:
    """Whether values of a type may shape the graph: they are listed, or plain data as they are."""
    annotation = known.parameter.node.annotation
    return known.typed is None or known.typed.is_listed or annotation is None or is_builtin(annotation)


def _value(evaluator: PipelineEvaluator, known: Known, parameter: Parameter, text: str | None) -> tuple[object] | None:
    """The value that the body is evaluated with; `None`, with an error collected, where there is none."""
    if text is not None and known.typed is not None and known.typed.is_listed:
        return _chosen(evaluator, known, text)
    if text is not None:
        try:
            value = converted(text, parameter)
        except ValueError:
            evaluator.sink.error(
                "FC303", f"{text!r} is not a value of parameter `{parameter.name}`, which is of type {parameter.type}",
                parameter.span, help="give a value of that type",
            )  # fmt: skip
            return None
        if constraints_of(known.parameter.node.annotation, evaluator.view) is not None:
            evaluator.hook.check_parameter(evaluator.view, known.parameter.node, value, parameter.span)
        return (value,)
    if known.value is not None:
        return known.value
    if evaluator.to_check:
        return _unknown(evaluator, known, parameter)
    if evaluator.for_caller:
        return None  # reported where it is called
    if known.problem is not None:
        evaluator.sink.error(
            "FC304", f"parameter `{parameter.name}` has no known value: {known.problem.message}",
            known.problem.span, help=f"give it a value: `-p {parameter.name}=...`",
        )  # fmt: skip
    else:
        evaluator.sink.error(
            "FC304", f"parameter `{parameter.name}` is required", parameter.span,
            help=f"give it a value: `-p {parameter.name}=...`",
        )  # fmt: skip
    return None


def _unknown(evaluator: PipelineEvaluator, known: Known, parameter: Parameter) -> tuple[object]:
    """A value that a run will be given, where the pipeline is only checked: what depends on it is not looked at."""
    evaluator.missing.append(parameter.name)
    message, span = f"parameter `{parameter.name}` shapes the graph and has no value yet", parameter.span
    if known.problem is not None:
        message, span = f"{message}: {known.problem.message}", known.problem.span
    help_text = f"check with a value, too: `-p {parameter.name}=...`, which compiling asks for"
    evaluator.sink.warning("FC304", message, span, help=help_text, label="what depends on it is not checked")
    return (Unresolved(""),)


def _warn_of_missing(evaluator: PipelineEvaluator, problem: Problem, parameter: Parameter) -> None:
    """FC304 for a value of the file's own call that is not known: a run, and a compiled Workflow, need another one."""
    message = f"parameter `{parameter.name}` has no known value: {problem.message}"
    way_out = "or have it as the default in the signature, which a task computes"
    help_text = f"give each run a value, `-p {parameter.name}=...`, {way_out}"
    evaluator.sink.warning("FC304", message, problem.span, help=help_text)


def _chosen(evaluator: PipelineEvaluator, known: Known, text: str) -> tuple[object] | None:
    """The value of a `Literal`, or the member of an enumeration, that a text means; `None` with FC303 collected."""
    annotation = known.parameter.node.annotation
    assert annotation is not None
    for value in _listed(evaluator, unquoted(annotation)):
        if str(value.attributes.get("value") if isinstance(value, Instance) else value) == text:
            return (value,)
    if text == "null":
        return (None,)
    where = evaluator.view.name_span(known.parameter.node)
    message = f"{text!r} is not a known value of parameter `{known.parameter.name}`, which shapes the graph"
    evaluator.sink.error("FC303", message, where, help="give a value that the annotation lists")
    return None


def _listed(evaluator: PipelineEvaluator, annotation: ast.expr) -> Iterator[object]:
    """The values that an annotation lists."""
    for node in walk(annotation):
        if isinstance(node, ast.Subscript) and dotted(node.value)[-1:] == ("Literal",):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            yield from (evaluator.attempt(part)[0] for part in parts)
        elif isinstance(node, ast.Name | ast.Attribute):
            found, _ = evaluator.attempt(node)
            names = found.namespace if isinstance(found, ClassObject) else {}
            yield from (item for item in names.values() if isinstance(item, Instance) and item.of is found)


def converted(text: str, parameter: Parameter) -> object:
    """A text as a value of a parameter's type. Raises ValueError."""
    if parameter.deferred_type:
        try:
            return cast("object", ast.literal_eval(text))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text
    return cast("object", text_conversion.converted(text, parameter))


def kind_of(annotation: ast.expr | None) -> Kind | None:
    """The type that values of a parameter are read as: plain types by their names, JSON for every other."""
    return None if annotation is None else _kind(annotation)


def _kind(node: ast.expr) -> Kind:
    match unquoted(node):
        case ast.Subscript(value=value, slice=inner) if dotted(value)[-1:] in {("Optional",), ("Annotated",)}:
            return _kind(inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner)
        case ast.BinOp(op=ast.BitOr(), left=left, right=ast.Constant(value=None)):
            return _kind(left)
        case ast.Name(id="str" | "int" | "float" | "bool" as name):
            return cast("Kind", name)
        case _:
            return "json"


def _kind_of_value(value: object) -> Kind:
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "str")):
        if isinstance(value, kind):
            return cast("Kind", name)
    return "json"
