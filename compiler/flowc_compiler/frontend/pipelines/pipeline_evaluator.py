"""The evaluator of pipelines: steps, maps, switches and results in the code of a flow's files."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from flowc_compiler.diagnostics import DiagnosticSink, Fix
from flowc_compiler.evaluate.environment_reads import PLAIN_VALUE_HELP, is_plain_secret
from flowc_compiler.evaluate.evaluation_state import CallArguments, EvaluationError, Frame, Records
from flowc_compiler.evaluate.functions import bind, signature_of
from flowc_compiler.evaluate.interpreter import Interpreter
from flowc_compiler.evaluate.values import BoundMethod, ClassObject, Foreign, Function, SettingsObject, Unresolved
from flowc_compiler.frontend.decorators.user_decorators import definitions
from flowc_compiler.frontend.pipelines.arm_bindings import ArmBindings
from flowc_compiler.frontend.pipelines.body_reads import (
    body_call,
    extra_variables,
    model_attribute,
    read_attribute,
    read_call,
    read_entry,
    run_value,
)
from flowc_compiler.frontend.pipelines.called_pipelines import call_pipeline
from flowc_compiler.frontend.pipelines.command_options import (
    ArgumentParser,
    Command,
    CommandGroup,
    CommandInputs,
    command_call,
    parser_call,
    program_call,
)
from flowc_compiler.frontend.pipelines.file_reads import read_call as file_call
from flowc_compiler.frontend.pipelines.file_reads import read_method, yaml_loader
from flowc_compiler.frontend.pipelines.mapped_calls import call_method, call_result, entry_of, method_of
from flowc_compiler.frontend.pipelines.pipeline_runs import PipelineRuns
from flowc_compiler.frontend.pipelines.pipeline_values import (
    AttributeResult,
    ClientRead,
    FunctionMethod,
    PendingOrder,
    PipelineBuilder,
    PipelineFunction,
    Result,
    StepFunction,
    Tree,
)
from flowc_compiler.frontend.pipelines.result_expressions import call as expression_call
from flowc_compiler.frontend.pipelines.result_expressions import result_operation
from flowc_compiler.frontend.pipelines.settings.layer_reader import SettingsLayer
from flowc_compiler.frontend.pipelines.settings.layer_specs import step_specs
from flowc_compiler.frontend.pipelines.settings.run_configuration import RunConfiguration
from flowc_compiler.frontend.pipelines.settings.settings_calls import settings_call
from flowc_compiler.frontend.pipelines.step_arguments import condition_value
from flowc_compiler.frontend.pipelines.step_calls import call_step
from flowc_compiler.frontend.pipelines.step_definitions import Misplaced, read_applied_step, read_definition
from flowc_compiler.frontend.pipelines.types.pipeline_types import PipelineTypes
from flowc_compiler.ir import StepSpecs
from flowc_compiler.ir.regions import OutputValue
from flowc_compiler.syntax.modules import FunctionNode, LocalModules, ModuleView
from flowc_compiler.syntax.served_imports import dotted

if TYPE_CHECKING:
    from flowc_compiler.frontend.decorators.cli_decorators import CliDecorator

_OF_ARTIFACTS = frozenset({"invocation_id", "output_name"})
"""Attributes of what a call of a step gives in ZenML."""
_OTHER_VALUES = "other values of parameters"
_WORK = frozenset({"FC110", "FC115"})
"""What steps are for."""


class PipelineEvaluator(Interpreter):
    """Evaluates the pipelines of one file."""

    def __init__(
        self,
        main: ModuleView,
        modules: LocalModules,
        sink: DiagnosticSink,
        hook: PipelineTypes,
        attached: Sequence[CliDecorator],
        inputs: CommandInputs | None = None,
    ) -> None:
        super().__init__(modules, sink)
        self.main = main
        self.hook = hook
        self.attached = attached
        self.command_inputs = inputs or CommandInputs()
        """The values of the options of the program that runs pipelines."""
        self.nodes = PipelineBuilder()
        self.runs = PipelineRuns()
        self.pipeline_layers: tuple[SettingsLayer, ...] = ()
        """What configures the pipeline that is compiled, and so its steps."""
        self.run_configuration = RunConfiguration()
        self.parameter_values: dict[str, object] = {}
        """The values that the pipeline's parameters have by default."""
        self.for_caller = False
        """Whether another flow calls the pipeline, and takes what it returns."""
        self.to_check = False
        self._reported = set[Misplaced]()
        """Whether what a run will be given may be missing."""
        self.is_called = False
        """Whether the file itself calls the pipeline."""
        self.missing: list[str] = []
        """What is missing: what depends on it is not looked at."""
        self.has_defaults_only = False
        """Whether the pipeline has parameters, and nothing gives them other values than their defaults."""
        self.has_read_context = False
        """Whether the body has asked for the pipeline's own configuration."""
        self.variables: dict[str, str] = {}
        """What the body sets in `os.environ`, where steps find it that ZenML runs in the same process."""
        self.calling: list[PipelineFunction] = []
        """The pipeline that is compiled, and those that it is calling."""
        self.with_unused_settings = set[FunctionNode]()
        """Called pipelines whose settings were reported."""
        self.waiting: list[PendingOrder] = []
        self.arm_bindings = ArmBindings()
        """The names that only some arms of an `if` bind."""
        self.trees: dict[int, Tree] = {}
        """Operations on results that were made, by identity."""
        self._specs: dict[tuple[int, ...], tuple[tuple[SettingsLayer, ...], StepSpecs]] = {}

    def specs_of(self, step: StepFunction, name: str) -> StepSpecs:
        """The specs of the invocation of a step that has this name, including the pipeline's own settings."""
        layers = (*self.pipeline_layers, *self.run_configuration.layers_of(name, step.layers))
        key = tuple(map(id, layers))
        if key not in self._specs:
            known = extra_variables(self, layers)
            inherits = step.command is None
            specs = step_specs(layers, self.sink, self.attached, self.modules, known, inherits_hooks=inherits)
            self._specs[key] = (layers, specs)
            if step.command is not None:
                from flowc_compiler.ir import CommandSpec

                command = CommandSpec(span=step.view.span(step.node), image=None, command=step.command)
                specs = specs.model_copy(update={"command": command})
                self._specs[key] = (layers, specs)
            elif specs.command is not None:
                from flowc_compiler.frontend.container_steps import check_body, check_signature

                check_body(step.node, step.view, self.modules, self.sink, method=False)
                check_signature(step.node, step.outputs, specs.command, self.sink)
        return self._specs[key][1]

    def step_layers(self) -> list[SettingsLayer]:
        """What configures the steps that were called, beside what their pipeline does."""
        found = {id(layer): layer for layers, _ in self._specs.values() for layer in layers if layer.of == "step"}
        return list(found.values())

    # Definitions.

    def define(self, node: FunctionNode, function: Function, records: Records) -> object | None:
        """The step or pipeline that a function with `@step` or `@pipeline` is."""
        return read_definition(self, node, function, records)

    def decorated(self, value: object) -> object:
        """The step that a function is to which decorators of the user's own have applied `step`."""
        return read_applied_step(self, value)

    def refuse_unresolved(self, value: Unresolved, node: ast.AST) -> EvaluationError:
        """The error that a value is `Unresolved`; one about a misplaced step is reported once."""
        if isinstance(value, Misplaced) and not self.lenient:
            if value in self._reported:
                return EvaluationError()
            self._reported.add(value)
        return super().refuse_unresolved(value, node)

    def statements_of(self, view: ModuleView) -> Sequence[ast.stmt]:
        """What a file executes, with `name = step(function)` as a definition."""
        return definitions(view.tree.body, view, self.modules)

    def is_data(self, value: object) -> bool:
        """Whether a name with this value is more likely a constant than a definition."""
        return super().is_data(value) and not isinstance(value, StepFunction | PipelineFunction)

    # Calls.

    def settings(self, node: ast.Call) -> object | None:
        """What `unmapped(...)`, `.with_options(...)` and `.configure(...)` make."""
        return settings_call(self, node)

    def attribute(self, owner: object, name: str, node: ast.expr) -> object:
        """The value of an attribute; of files and paths, also a method that reads."""
        return read_method(owner, name) or yaml_loader(owner, name) or super().attribute(owner, name, node)

    def call(self, callee: object, arguments: CallArguments, node: ast.expr) -> object:
        """The value of a call; of what ZenML serves in the body of a pipeline, what that means here."""
        if (read := file_call(self, callee, arguments, node)) is not None:
            return read
        if isinstance(callee, Command | CommandGroup):
            return command_call(self, callee, arguments, node)
        if isinstance(callee, BoundMethod) and isinstance(callee.owner, ArgumentParser):
            return parser_call(self, callee.owner, callee.name, arguments, node)
        if isinstance(callee, ClassObject) and callee.kind == "flow" and not self.lenient:
            message = f"a pipeline does not make an object of the class flow `{callee.name}`"
            help_ = f"run it by `call_flow({callee.name}, params={{...}}, returns=...)`"
            raise self.refuse("FC110", message, node, help_)
        if isinstance(callee, Foreign) and (result := run_value(self, callee, arguments, node)) is not None:
            return result
        if isinstance(callee, Foreign):
            special = body_call if callee.path[0] in {"flowc", "dotenv"} else program_call
            found = special(self, callee, arguments, node)
            if found is not None:
                return found
        return super().call(callee, arguments, node)

    def sets_variable(self, target: ast.Subscript, value: object) -> bool:
        """Whether the body sets a variable of the environment to a known text: all of its steps get it."""
        if self.lenient or self.arms or dotted(target.value)[-1:] != ("environ",) or not isinstance(value, str):
            return False
        owner, name = self.lookup(target.value), self.evaluate(target.slice)
        if not isinstance(owner, Foreign) or owner.path != ("os", "environ") or not isinstance(name, str):
            return False
        if is_plain_secret(name, value):
            message = f"the value of {name} is plain text in the file, and looks like a secret"
            raise self.refuse("FC115", message, target, PLAIN_VALUE_HELP)
        self.variables[name] = value
        return True

    def call_special(self, callee: object, arguments: CallArguments, node: ast.expr) -> object:
        """The value of a call of a step, a pipeline, or a method of one of these or of a result."""
        match callee:
            case PipelineFunction() if self.lenient:
                if self.guarded:  # a handler may catch the error of arguments that do not fit
                    bind(self, signature_of(callee.node), arguments, callee.name, node)
                return self.runs.record(self, callee, arguments, node)
            case PipelineFunction():
                return call_pipeline(self, callee, arguments, node)
            case StepFunction() | FunctionMethod() if self.lenient:
                self.escape(*(given.value for given in arguments.all()), why=Unresolved("a step was called with it"))
                raise self.refuse(
                    "FC115", f"`{self.code(node)}` is not known before the file runs", node, "pass it with `-p`"
                )
            case StepFunction():
                return call_step(self, callee, arguments, node)
            case FunctionMethod():
                return call_method(self, callee, arguments, node)
            case AttributeResult():
                return call_result(self, callee, arguments, node)
            case ClientRead():
                return read_call(self, callee, arguments, node)
            case _:
                return super().call_special(callee, arguments, node)

    @property
    def awaits_run(self) -> bool:
        """Whether the pipeline is only checked, and the run that configures it is in another file."""
        return self.to_check and not self.is_called

    def refuse(
        self, code: str, message: str, node: ast.AST, help: str, *options: object, fix: Fix | None = None
    ) -> EvaluationError:
        """Report an error at a node; a warning for what a pipeline raises for its defaults and another file runs."""
        if _OTHER_VALUES in self.missing:  # what follows on an exception is not reached
            return EvaluationError()
        if not (self.awaits_run and self.has_defaults_only and isinstance(node, ast.Raise | ast.Assert)):
            return super().refuse(code, message, node, help, *options, fix=fix)
        self.missing.append(_OTHER_VALUES)
        self.sink.warning(
            code, f"with the defaults of its parameters, {message}", self.span(node),
            help="check with other values, `-p name=value`, or check the file that runs the pipeline",
            label="what follows is not checked",
        )  # fmt: skip
        return EvaluationError()

    def call_helper(self, function: Function, arguments: CallArguments, node: ast.expr) -> object:
        """What a function of the user's returns. Of what steps are for, the help says that it may be one."""
        if self.lenient or isinstance(function.node, ast.Lambda):
            return super().call_helper(function, arguments, node)
        outer, self.sink = self.sink, DiagnosticSink()
        try:
            return super().call_helper(function, arguments, node)
        finally:
            inner, self.sink = self.sink, outer
            hint = f"put `@step` above `{function.name}` if it is a step"
            for item in inner.collected:
                is_work = item.code in _WORK and "@step" not in item.help
                add = outer.error if item.severity == "error" else outer.warning
                help_text = f"{hint}; else {item.help}" if is_work else item.help
                add(item.code, item.message, item.span, help=help_text, label=item.label)

    # What a main block does.

    def fork_marks(self) -> object:
        """Which pipelines were called on the way here."""
        return self.runs.marks()

    def set_marks(self, marks: object) -> None:
        """Go back to the pipelines that were called before."""
        self.runs.set_marks(marks)

    def merge_marks(self, marks: Sequence[object]) -> None:
        """Note which pipelines were called on every way, and which on some."""
        self.runs.merge_marks(marks)

    def escape_special(self, value: object, why: Unresolved) -> None:
        """Note that unknown code has a pipeline, and may call it with any arguments."""
        if isinstance(value, PipelineFunction):
            arguments = CallArguments(open=True)
            node = value.node.args if self.frame.view is value.view else self.frame.view.tree.body[0]
            self.runs.record(self, value, arguments, cast("ast.expr", node), reason=why.message)

    def explore_special(self, value: object, node: ast.expr, callee: Unresolved) -> None:
        """Note that unknown code may call a pipeline."""
        if isinstance(value, PipelineFunction):
            self.runs.record(self, value, CallArguments(open=True), node, reason=callee.message)

    # Values of the run.

    def runtime_entry(self, value: object, key: object, node: ast.AST, entries: int | None = None) -> object:
        """An entry of a result is a result."""
        if isinstance(value, ClientRead):
            return read_entry(value, key)
        return entry_of(self, value, key, node, entries)

    def runtime_attribute(self, owner: object, name: str, node: ast.expr) -> object:
        """A method of a step, a pipeline or a result."""
        if isinstance(owner, Result) and isinstance(owner.value, OutputValue) and name in _OF_ARTIFACTS:
            return owner.value.step if name == "invocation_id" else owner.value.name
        if isinstance(owner, ArgumentParser):
            return BoundMethod(owner, name)
        if isinstance(owner, ClientRead):
            return read_attribute(self, owner, name, node)
        if isinstance(owner, SettingsObject) and owner.kind == "Model" and not self.lenient:
            return model_attribute(self, owner, name, node)
        found = method_of(self, owner, name, node)
        return super().runtime_attribute(owner, name, node) if found is None else found

    def runtime_operation(self, operator: str, operands: Sequence[object], node: ast.AST) -> object:
        """What conditions and comparisons of results give when the flow runs."""
        return result_operation(self, operator, operands, node)

    def runtime_call(
        self, kind: str, name: str, arguments: CallArguments, node: ast.expr, owner: object = None
    ) -> object | None:
        """A call that a task does; `None` for one that it cannot do."""
        return None if self.lenient else expression_call(self, kind, name, arguments, node, owner)

    def runtime_loop(self, source: object, node: ast.For) -> None:
        """A loop over a result: a map."""
        from flowc_compiler.frontend.pipelines.result_loops import run_loop

        run_loop(self, source, node)

    def runtime_comprehension(self, source: object, node: ast.expr, inner: Frame) -> object | None:
        """A comprehension over a result: a map."""
        from flowc_compiler.frontend.pipelines.result_loops import run_comprehension

        return run_comprehension(self, source, node, inner)

    def runtime_choice(
        self, arms: Sequence[tuple[ast.expr | None, Callable[[], object]]], first: object, node: ast.AST
    ) -> object:
        """The outcome of an `if` on a result: a switch."""
        from flowc_compiler.frontend.pipelines.switch_arms import Branch, choose

        return choose(self, condition_value(self, first, node), [Branch(*arm) for arm in arms], node)
