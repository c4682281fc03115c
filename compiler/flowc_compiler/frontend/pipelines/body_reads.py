"""What a pipeline's body asks ZenML for: the pipeline's own configuration, which is known, and reads.

`get_pipeline_context()` is what the layers of the pipeline say. Reads with `Client()`, of a model's artifacts, and
`load_artifact` and `save_artifact` become tasks, as a body is compiled and not run.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from flowc.protocol import env_names
from flowc.protocol.zenml_names import CLASSES
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments, EvaluationError
from flowc_compiler.evaluate.values import Foreign, Instance, SettingsObject, Unresolved
from flowc_compiler.frontend.pipelines.client_types import attribute_type
from flowc_compiler.frontend.pipelines.pipeline_values import ClientRead, Result, StepBuilder, StepOutputs
from flowc_compiler.frontend.pipelines.settings.layer_reader import SettingsLayer, flag, title
from flowc_compiler.frontend.pipelines.settings.layer_specs import step_specs
from flowc_compiler.frontend.pipelines.settings.run_configuration import argument_values, body_order, plain_value
from flowc_compiler.frontend.pipelines.settings.settings_tree import plain, texts
from flowc_compiler.frontend.pipelines.settings.unsupported_settings import UNREAD_EXTRA
from flowc_compiler.frontend.pipelines.step_arguments import argument_value
from flowc_compiler.frontend.pipelines.step_calls import wait_for
from flowc_compiler.frontend.pipelines.types.signatures import SINGLE
from flowc_compiler.ir import EnvironmentSpec
from flowc_compiler.ir.regions import (
    OWN_TASKS,
    Argument,
    Call,
    LiteralValue,
    OutputValue,
    ParameterValue,
    Value,
    references,
)
from flowc_compiler.syntax.served_imports import refusal_of_attribute
from flowc_compiler.syntax.tree_walk import walk

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator

_NOBODY = DiagnosticSink()
"""Of what is reported elsewhere."""
_FLAGS = (
    "enable_artifact_metadata", "enable_artifact_visualization", "enable_cache", "enable_pipeline_logs",
    "enable_step_logs",
)  # fmt: skip
_OF_STEPS = frozenset(
    {"get_step_context", "log_artifact_metadata", "log_metadata", "log_model_metadata", "log_step_metadata"}
)
MODEL_READS = frozenset(CLASSES["Model"]) - {"name", "version", "set_stage", "log_metadata"}
"""What a run reads of a model."""


def body_call(evaluator: PipelineEvaluator, callee: Foreign, arguments: CallArguments, node: ast.expr) -> object | None:
    """What a call of ZenML's functions, or of python-dotenv, gives in a pipeline's body; `None` for any other call."""
    name = callee.path[-1]
    if name == "ExternalArtifact":
        return _external(evaluator, arguments, node)
    if evaluator.lenient:
        return None
    if "Client" in callee.path and callee.path[-1] != "()":
        return _client(evaluator, callee, arguments, node)
    if name == "get_pipeline_context" and not arguments.all():
        context = pipeline_context(evaluator)
        if evaluator.awaits_run and context.attributes["model"] is None and _reads_model(evaluator):
            _expect_model(evaluator, context, node)
        return context
    if name in {"approve", "wait"}:
        from flowc_compiler.frontend.pipelines.approval_calls import asking_call

        return asking_call(evaluator, name, arguments, node)
    if name == "call_flow":
        from flowc_compiler.frontend.pipelines.flow_calls import flow_call

        return flow_call(evaluator, arguments, node)
    if name in {"load_artifact", "save_artifact"}:
        return _artifact_task(evaluator, name, arguments, node)
    if name in _OF_STEPS:
        raise evaluator.refuse(
            "FC115", f"`{name}` is of the step that runs, and the body of a pipeline is compiled", node,
            "call it in a step",
        )  # fmt: skip
    if callee.path[0] == "dotenv" and name == "load_dotenv":
        message = (
            "`load_dotenv` in the body of a pipeline sets no variable of the steps: the body is compiled, and not run"
        )
        raise evaluator.refuse("FC115", message, node, "call it at the top of the file, which each task executes")
    return None


RUN_VALUES = frozenset(
    {
        "datetime.date.today", "datetime.datetime.now", "datetime.datetime.today", "datetime.datetime.utcnow",
        "random.choice", "random.gauss", "random.getrandbits", "random.randint", "random.random", "random.randrange",
        "random.sample", "random.uniform", "secrets.randbelow", "secrets.token_hex", "secrets.token_urlsafe",
        "time.ctime", "time.strftime", "time.time", "time.time_ns", "torch.cuda.device_count",
        "torch.cuda.is_available", "uuid.uuid1", "uuid.uuid4",
    }
)  # fmt: skip
"""Functions whose values each run has anew, or the machine that runs it: one task calls them for the whole run."""


def run_value(evaluator: PipelineEvaluator, callee: Foreign, arguments: CallArguments, node: ast.expr) -> Result | None:
    """The result of a task that calls a function whose value each run has anew; `None` for other functions."""
    name = ".".join(callee.path)
    if evaluator.lenient or arguments.open or name not in RUN_VALUES:
        return None
    positional = [item.value for item in arguments.positional]
    keywords = {key: item.value for key, item in arguments.keywords.items()}
    values: dict[str, Value] = {"path": LiteralValue(value=name)}
    values["positional"] = argument_value(evaluator, positional, node)
    values["keywords"] = argument_value(evaluator, keywords, node)
    return add_task(evaluator, "run_value", values, node)


def _external(evaluator: PipelineEvaluator, arguments: CallArguments, node: ast.expr) -> object:
    """The value of `ExternalArtifact(value)`, which a step is given as it is; of an artifact's name or id, a read."""
    given = arguments.keywords.get("value") or next(iter(arguments.positional), None)
    if given is not None:
        return given.value
    key = arguments.keywords.get("id") or arguments.keywords.get("name")
    if key is None:
        return None
    value = key.value
    if isinstance(value, ClientRead) and value.chain and value.chain[-1] == ["attribute", "id"]:
        return replace(value, type="ArtifactVersion", chain=value.chain[:-1])
    if isinstance(value, str) and _UUID.fullmatch(value):
        message = f"the artifact {value} is one of ZenML's server, and flowc has the artifacts of its runs"
        raise evaluator.refuse("FC113", message, node, "name it: ExternalArtifact(name='...'), of a run of flowc's")
    version = arguments.keywords.get("version")
    named = CallArguments([key], {"version": version} if version is not None and version.value is not None else {})
    model = arguments.keywords.get("model")
    if model is not None and isinstance(model.value, SettingsObject):
        read = model_attribute(evaluator, model.value, "get_artifact", node)
        return read_call(evaluator, cast("ClientRead", read), named, node)
    return read_call(
        evaluator, read_attribute(evaluator, ClientRead("Client"), "get_artifact_version", node), named, node
    )


_UUID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")


def _client(evaluator: PipelineEvaluator, callee: Foreign, arguments: CallArguments, node: ast.expr) -> object:
    """`Client()`, or a method of a client that the file made outside of the body."""
    place = callee.path.index("Client")
    found = ClientRead("Client")
    links = [link for link in callee.path[place + 1 :] if link != "()"]
    if not links:
        return found
    for link in links:
        found = read_attribute(evaluator, found, link, node)
    return read_call(evaluator, found, arguments, node)


def read_attribute(evaluator: PipelineEvaluator, owner: ClientRead, name: str, node: ast.expr) -> ClientRead:
    """An attribute of what a task reads. Raises EvaluationError with FC106 for one that is not served."""
    of = owner.type
    if of in CLASSES and name not in CLASSES[of] and not name.startswith("__"):
        help_text = refusal_of_attribute(name) or f"it has {', '.join(sorted(CLASSES[of]))}"
        raise evaluator.refuse("FC106", f"flowc does not serve `{name}` of `{of}`", node, help_text)
    return owner.then(attribute_type(of, name), "attribute", name)


def read_call(evaluator: PipelineEvaluator, owner: ClientRead, arguments: CallArguments, node: ast.expr) -> ClientRead:
    """A call of what a task reads. Raises EvaluationError for arguments that are not known."""
    if owner.chain == (["attribute", "get_secret"],):
        raise _secret(evaluator, arguments, node)
    values = [item.value for item in arguments.all() if not _is_parameter(item.value)]
    evaluator.check_known(node, "a read of `Client` takes known values", "read it in a step", *values)
    positional = [item.value for item in arguments.positional]
    keywords = {name: item.value for name, item in arguments.keywords.items()}
    takes = owner.type[1:].partition(")")[0].split() if owner.type.startswith("(") else list(keywords)
    for name in keywords:
        if name not in takes:
            help_text = refusal_of_attribute(name) or f"it takes {', '.join(takes) or 'nothing'}"
            raise evaluator.refuse("FC106", f"flowc does not serve the argument `{name}`", node, help_text)
    return owner.then(owner.type.partition(")")[2], "call", positional, keywords)


def _secret(evaluator: PipelineEvaluator, arguments: CallArguments, node: ast.expr) -> EvaluationError:
    """FC106: what a body reads becomes an artifact, and the values of secrets are kept nowhere."""
    given = next(iter(arguments.all()), None)
    name = given.value if given is not None and isinstance(given.value, str) else "name"
    return evaluator.refuse(
        "FC106", "the body of a pipeline cannot read a secret: its value would be stored as an artifact", node,
        f"""read it in the step that needs it: `@step(secrets=["{name}"])`, `Client().get_secret("{name}")`""",
    )  # fmt: skip


def _is_parameter(value: object) -> bool:
    """Whether a value is a parameter of the run, which the task that reads is given."""
    return isinstance(value, Result) and isinstance(value.value, ParameterValue)


def read_entry(owner: ClientRead, key: object) -> ClientRead:
    """An item of what a task reads."""
    of = owner.type
    return owner.then(of[1:-1] if of[:1] in {"[", "{"} else "", "item", key)


def read_result(
    evaluator: PipelineEvaluator, read: ClientRead, node: ast.AST, after: Sequence[BoundValue] = ()
) -> Result:
    """The result of a task that reads it, after what the step waits for that is given it, as in ZenML."""
    if read.type in CLASSES and read.type != "ArtifactVersion":
        message = f"`{evaluator.code(node)}` is a {read.type}: a step cannot be given it"
        raise evaluator.refuse(
            "FC113", message, node, "pass one of its attributes or artifacts, or read it in the step"
        )
    arguments: dict[str, Value] = {"chain": argument_value(evaluator, list(read.chain), node)}
    if read.model is not None:
        arguments["model"] = LiteralValue(value=dict(read.model))
    return add_task(evaluator, "client_read", arguments, node, after)


def materialize_reads(
    evaluator: PipelineEvaluator, bound: dict[str, BoundValue], after: Sequence[BoundValue]
) -> dict[str, BoundValue]:
    """The arguments of a step, with the results of tasks in place of what these read."""
    if not any(isinstance(given.value, ClientRead) for given in bound.values()):
        return bound
    results = (given for given in bound.values() if isinstance(given.value, Result | StepOutputs))
    waits = [*after, *(given for given in results if _comes_from_steps(given.value))]
    return {
        name: BoundValue(read_result(evaluator, given.value, given.node, waits), given.node)
        if isinstance(given.value, ClientRead)
        else given
        for name, given in bound.items()
    }


def _comes_from_steps(value: object) -> bool:
    """Whether a task can wait for a value; not so for what parameters of the run alone make."""
    return not isinstance(value, Result) or value.node is not None or any(references(value.value))


def model_attribute(evaluator: PipelineEvaluator, model: SettingsObject, name: str, node: ast.expr) -> object:
    """An attribute of `Model(...)` in a body: what it was given, or what a task reads of the runs that have it."""
    if name in MODEL_READS:
        given = {key: value for key, value in model.fields.items() if key in {"name", "version"} and value is not None}
        return read_attribute(evaluator, ClientRead("Model", model=given), name, node)
    if name in {"set_stage", "log_metadata"}:
        raise evaluator.refuse("FC115", f"`{name}` is for a step", node, f"call get_step_context().model.{name} in one")
    return model.fields.get(name)


def _artifact_task(evaluator: PipelineEvaluator, name: str, arguments: CallArguments, node: ast.expr) -> Result:
    positional = {"load_artifact": ("name_or_id", "version"), "save_artifact": ("data", "name", "version")}[name]
    given = dict(zip(positional, arguments.positional, strict=False)) | arguments.keywords
    takes = {*positional, *(("tags", "user_metadata") if name == "save_artifact" else ())}
    missing = [key for key in positional[:-1] if key not in given]
    if missing or len(arguments.positional) > len(positional):
        what = f"is missing `{missing[0]}`" if missing else "has too many arguments"
        raise evaluator.refuse("FC113", f"`{name}` {what}", node, f"it takes {', '.join(sorted(takes))}")
    for key, value in given.items():
        if key not in takes and value.value is not None:
            evaluator.sink.warning(
                "FC410", f"`{key}` of `{name}` does nothing here", evaluator.span(value.node),
                help="values are stored as they are",
            )  # fmt: skip
    values = {key: argument_value(evaluator, item.value, item.node) for key, item in given.items() if key in takes}
    return add_task(evaluator, name, values, node)


def add_task(
    evaluator: PipelineEvaluator,
    function: str,
    arguments: Mapping[str, Value],
    node: ast.AST,
    after: Sequence[BoundValue] = (),
    *,
    name: str | None = None,
    outputs: tuple[str, ...] | None = None,
    specs: Mapping[str, object] | None = None,
) -> Result:
    """A task of flowc's own in the current region, and its result; of several `outputs` it returns a tuple.

    `specs` count more than those that the pipeline gives to all steps.
    """
    name = evaluator.nodes.free(name or function)
    layers = (*evaluator.pipeline_layers, *evaluator.run_configuration.layers_of(name, ()))
    values = tuple(Argument(name=key, value=value) for key, value in arguments.items())
    added = StepBuilder(
        name=name,
        span=evaluator.span(node),
        call=Call(
            function=function,
            module=OWN_TASKS,
            arguments=values,
            outputs=(SINGLE,) if outputs is None else outputs,
            many=outputs is not None and bool(outputs),
        ),
        specs=step_specs(layers, evaluator.sink, evaluator.attached, inherits_hooks=False),
    )
    added.specs = added.specs.model_copy(update=specs) if specs is not None else added.specs
    evaluator.nodes.add(added)
    wait_for(evaluator, added, after)
    return Result(OutputValue(step=name, name=SINGLE), None, name)


def pipeline_context(evaluator: PipelineEvaluator) -> Instance:
    """The pipeline's own configuration, as its decorator, options and file have it."""
    evaluator.has_read_context = True
    found = cast("dict[str, object]", dict.fromkeys((*_FLAGS, "model")))
    merged: dict[str, dict[str, object]] = {"extra": {}, "settings": {}}
    name = next((layer.function.name for layer in evaluator.pipeline_layers if layer.function is not None), None)
    for layer in body_order(evaluator.pipeline_layers):
        values = argument_values(layer, frozenset({*found, *merged, "name"}), DiagnosticSink())
        for key, _, value in values:
            if key in merged:
                known = {} if flag(layer, "merge") is False else merged[key]
                merged[key] = _updated(known, texts(plain_value(value) if key == "extra" else plain(value)))
            elif key == "name":
                name = str(value) if value else name
            elif value is not None:
                found[key] = _model(value) if key == "model" else value
    return Instance(None, {**found, **merged, "name": name})


def _reads_model(evaluator: PipelineEvaluator) -> bool:
    """Whether the function that is evaluated has `.model`."""
    function = evaluator.frame.function
    nodes = walk(function.node) if function is not None else ()
    return any(isinstance(item, ast.Attribute) and item.attr == "model" for item in nodes)


def _expect_model(evaluator: PipelineEvaluator, context: Instance, node: ast.expr) -> None:
    """Warn (FC113) of a model that only the configuration of a run can give, where another file runs the pipeline."""
    evaluator.missing.append("model")
    context.attributes["model"] = Unresolved("")
    evaluator.sink.warning(
        "FC113", "the pipeline leaves its `model` to the configuration of a run, and this file has no run",
        evaluator.span(node), help="check the file that runs the pipeline: its `config_path` may give the model",
        label="what depends on it is not checked",
    )  # fmt: skip


def set_variables(evaluator: PipelineEvaluator) -> None:
    """Give all steps the variables that the body sets, which ZenML runs before them; their own count more."""
    if not evaluator.variables:
        return
    for name in evaluator.nodes.names:
        step = evaluator.nodes.get(name)
        assert isinstance(step, StepBuilder)
        own = step.specs.environment
        merged = EnvironmentSpec(span=own.span if own else None, variables={**evaluator.variables})
        if own is not None:
            merged = own.model_copy(update={"variables": {**evaluator.variables, **own.variables}})
        step.specs = step.specs.model_copy(update={"environment": merged})


def extra_variables(evaluator: PipelineEvaluator, layers: Sequence[SettingsLayer]) -> dict[str, str]:
    """The variable with `extra` of the pipeline and of a step that has these layers, the weakest first."""
    own = _without_none(_extra([layer for layer in layers if layer.of == "step"]))
    of_pipeline = _extra(evaluator.pipeline_layers)
    of_step = _updated(_extra([layer for layer in layers if layer.of != "step"]), own)
    if not of_step:
        return {}
    return {env_names.EXTRA: json.dumps({"pipeline": of_pipeline, "step": of_step}, default=str)}


def _extra(layers: Sequence[SettingsLayer]) -> dict[str, object]:
    found: dict[str, object] = {}
    for layer in layers:
        values = {key: value for key, _, value in argument_values(layer, frozenset({"extra", "merge"}), _NOBODY)}
        known = {} if values.get("merge") is False else found
        found = _updated(known, texts(plain_value(values["extra"]))) if "extra" in values else found
    return found


def _without_none(entries: Mapping[str, object]) -> dict[str, object]:
    """Entries without those that are None, as ZenML adds those of a step to the pipeline's."""
    return {
        key: _without_none(texts(cast("object", item))) if isinstance(item, dict) else item
        for key, item in entries.items()
        if item is not None
    }


def report_extra(evaluator: PipelineEvaluator, step_layers: Sequence[SettingsLayer], *, is_read: bool) -> None:
    """Collect FC410 for each `extra` that neither the body nor a task reads, and FC402 for one that is unknown."""
    for layer in (*evaluator.pipeline_layers, *step_layers):
        unread = not is_read and not (layer.of == "pipeline" and evaluator.has_read_context)
        for _, node, value in argument_values(layer, frozenset({"extra"}), evaluator.sink if is_read else _NOBODY):
            if unread and plain(value):
                message = f"`extra` of `{title(layer)}` does nothing here"
                evaluator.sink.warning("FC410", message, layer.view.span(node), help=UNREAD_EXTRA)


def _model(value: object) -> object:
    return (
        SettingsObject("Model", value.fields, value.nodes, value.view) if isinstance(value, SettingsObject) else value
    )


def _updated(weak: Mapping[str, object], strong: Mapping[str, object]) -> dict[str, object]:
    """Both, dicts within merged, as ZenML adds layers of `extra` up."""
    result = dict(weak)
    for key, item in strong.items():
        both = all(isinstance(value, dict) for value in (item, result.get(key)))
        result[key] = _updated(texts(result[key]), texts(item)) if both else item
    return result
