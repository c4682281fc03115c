"""Prints the model of a DAG file, in which a person reads the graph first and then the code.

The file of a folder imports what all flows share from a module beside it; one that stands alone has that in itself.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flowc.protocol import PLAN_FILE
from flowc_targets.airflow.dag_model import (
    CALLS,
    LATE_NOTICE,
    NOTICES,
    SUMMARY,
    ArmGroup,
    Block,
    Call,
    DagFile,
    Edge,
    MappedGroup,
    Name,
    OperatorTask,
    WidthTask,
)
from flowc_targets.airflow.dag_summary import summarize
from flowc_targets.airflow.expression_layout import WIDTH, layout, quoted, text_block
from flowc_targets.airflow.operator_sources import Import, import_lines, read_source, runtime_lines
from flowc_targets.kubernetes.package_maps import shown_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_targets.airflow.dag_model import Expression, Node

_CODE_WIDTH = 100
PACKAGE = "FLOW"
"""The constant with what the tasks share."""
_ALERT = ("DeadlineAlert", "DeadlineReference", "SyncCallback")
"""What a deadline alert takes of `airflow.sdk`."""
_LISTED = """\
# For a deadline alert Airflow executes this file as a module that it does not list, which dataclasses need.
sys.modules.setdefault(__name__, ModuleType(__name__))"""


def print_file(file: DagFile) -> str:
    """Print a DAG file that stands alone: the graph, the operators, the code."""
    package, *sources = [read_source(module) for module in _operator_modules(file)]
    imports = [*_dag_imports(file), *(item for source in (package, *sources) for item in source.imports)]
    imports += (Import("sys"), Import("ModuleType", "types")) if file.has_alert else ()
    parts = [
        "\n".join([*_header(file), "", *import_lines(imports), *_schedule(file)]),
        *([_LISTED] if file.has_alert else []),
        *([read_source(LATE_NOTICE).definitions] if _is_notified_late(file) else []),
        package.definitions,
        "\n".join(_constants(file)),
        "\n".join(_dag(file)),
        *(source.definitions for source in sources),
        "\n".join([*_tail(file), "", *runtime_lines(file.program if file.volume is None else b"")]),
        "flow()",
    ]
    return "\n\n\n".join(parts) + "\n"


def print_beside(file: DagFile, runtime: str) -> str:
    """Print a DAG file that takes the operators from the module `runtime` in its folder."""
    imports = [*_dag_imports(file), Import("sys"), Import("Path", "pathlib")]
    operators = ("ApprovalOperator", "ContainerOperator", "HookOperator", "StepOperator", "WaitSensor")
    shared = [name for name in operators if file.has_operator(name)]
    if file.has_notices:
        shared = [*dict.fromkeys(("HookOperator", *shared)), "zipped"]
    if file.has_operator("CallOperator"):
        shared = [*dict.fromkeys(("StepOperator", *shared)), "stored_id"]
    shared += ["FlowPackage", *(["PublishOutput"] if file.has_option("callbacks") else [])]
    shared += ["indices"] if file.has_foreach else []
    head = [
        *_header(file), "", *import_lines(imports), "",
        "# This folder is on Airflow's path only if it is the dags folder itself.",
        "sys.path.append(str(Path(__file__).parent))", "",
        *_runtime_import(runtime, sorted(shared)), *_schedule(file),
        *(line for module in _own_modules(file) for line in ("", "", read_source(module).definitions)),
        "", *([""] if file.schedule_module is not None or any(_own_modules(file)) else []),
        *_constants(file),
    ]  # fmt: skip
    parts = ["\n".join(head), "\n".join(_dag(file)), "\n".join(_tail(file)), "flow()"]
    return "\n\n\n".join(parts) + "\n"


def _own_modules(file: DagFile) -> Iterator[str]:
    """Yield the modules of `operators/` that are in the file of each DAG which needs them, and in no shared one."""
    if file.has_notices:
        yield NOTICES
    if _is_notified_late(file):
        yield LATE_NOTICE
    if file.has_operator("CallOperator"):
        yield CALLS


def _is_notified_late(file: DagFile) -> bool:
    return has_call((file.dag, file.shared), LATE_NOTICE)


def _schedule(file: DagFile) -> Iterator[str]:
    """Yield what a DAG file has itself of the operators' modules: the shared one must not speak of assets."""
    if file.schedule_module is not None:
        yield from ("", read_source(file.schedule_module).definitions)


def _runtime_import(module: str, names: list[str]) -> Iterator[str]:
    """Yield the import, with a name a line: it does not change with the length of a release's name."""
    yield f"from {module} import ("
    yield from (f"    {name}," for name in names)
    yield ")"


def _operator_modules(file: DagFile) -> Iterator[str]:
    """Yield the modules of `operators/` for the features of a file, in the order in which the file has them."""
    in_pods = file.operator == "kubernetes"
    yield from ("flow_package", "shim_task")
    if file.has_foreach:
        yield "index_paths"
    yield "zipped_code"
    if in_pods:
        yield "code_in_pods"
    yield "pod_operator" if in_pods else "process_operator"
    if file.has_operator("ContainerOperator"):
        yield "container_operator"
    if file.has_operator("HookOperator") or file.has_notices:
        yield "hook_operator"
    if file.has_notices:
        yield NOTICES
    if file.has_operator("CallOperator"):
        yield CALLS
    if file.has_operator("WaitSensor"):
        yield "wait_sensor"
    if file.has_operator("ApprovalOperator"):
        yield "approval_operator"
    if file.has_option("callbacks"):
        yield "publish_output"


def _header(file: DagFile) -> Iterator[str]:
    yield f"# Compiled by flowc {file.version} from {file.printable_source}. Change that file, not this one."
    yield "#"
    yield f"# flow    {file.flow}"
    yield f"# source  sha256:{file.source_hash}"


def _dag_imports(file: DagFile) -> Iterator[Import]:
    """Yield the imports of the DAG itself, of moved modules with the place before Airflow 3."""
    yield Import("dag", "airflow.sdk", "airflow.decorators")
    match file.dag.get("start_date"):
        case Call(function="pendulum.datetime"):
            yield Import("pendulum")
        case _:
            yield Import("datetime", "datetime")
            yield Import("timezone", "datetime")
    values = tuple(value for task in file.body.tasks() for value in task.options.values())
    for dotted, name in file.callbacks.items():
        module, _, attribute = dotted.rpartition(".")
        yield Import(attribute if attribute == name else f"{attribute} as {name}", module)
    if has_call((values, file.dag), "timedelta"):
        yield Import("timedelta", "datetime")
    if has_call((values, file.dag, file.package, file.shared), "k8s."):
        yield Import("models as k8s", "kubernetes.client")
    if file.has_foreach:
        yield Import("task_group", "airflow.sdk", "airflow.decorators")
    if file.has_assets:
        yield Import("Asset", "airflow.sdk", "airflow.datasets", "Dataset as Asset")
    if file.schedule_module is not None:
        yield from read_source(file.schedule_module).imports
    for module in _own_modules(file):
        yield from read_source(module).imports
    yield from (Import(name, "airflow.sdk") for name in (_ALERT if file.has_alert else ()))
    if file.body.has_arms:
        yield Import("TaskGroup", "airflow.sdk", "airflow.utils.task_group")
    if "params" in file.dag:
        yield Import("Param", "airflow.sdk.definitions.param", "airflow.models.param")
    if file.has_operator("EmptyOperator"):
        yield Import("EmptyOperator", "airflow.providers.standard.operators.empty", "airflow.operators.empty")


def _constants(file: DagFile) -> Iterator[str]:
    yield from layout(Call("FlowPackage", kwargs=file.package), 0, f"{PACKAGE} = ")
    for name, value in file.shared.items():
        yield from layout(value, 0, f"{name} = ")


def _dag(file: DagFile) -> Iterator[str]:
    yield from layout(Call("dag", kwargs=file.dag), 0, "@")
    yield "def flow():"
    yield from _block(file.body, 1)


def _block(block: Block, indent: int) -> Iterator[str]:
    used = {edge.source for edge in block.edges}.union(*(edge.targets for edge in block.edges))
    yield from _nodes(block.nodes, used, indent)
    if block.edges:
        yield ""
    lists = {node.variable for node in block.flat() if isinstance(node, OperatorTask) and node.iterations > 1}
    yield from _chains(block.edges, lists, indent)


def _nodes(nodes: tuple[Node, ...], used: set[str], indent: int) -> Iterator[str]:
    """Yield nodes, of which those in edges have names. Arms are no deeper than the flow's own, which are bounded."""
    for node in nodes:
        match node:
            case OperatorTask(iterations=1, operator=operator, variable=variable, task_id=task_id, options=options):
                call = Call(operator, kwargs={"task_id": task_id, **options})
                yield from layout(call, indent, f"{variable} = " if variable in used else "")
            case OperatorTask():
                yield from _iterations(node, indent)
            case WidthTask(variable=variable, task_id=task_id, opener=opener, outer=outer):
                around = () if outer is None else (Name(outer),)
                width = Call(f'indices.override(task_id="{task_id}")', (opener, *around))
                yield from layout(width, indent, f"{variable} = ")
            case MappedGroup():
                yield ""
                yield from _group(node, indent)
            case ArmGroup(group_id=group_id, nodes=inner):
                group = Call("TaskGroup", (group_id,), {"prefix_group_id": False})
                yield from layout(group, indent, "with ", ":")
                yield from _nodes(inner, used, indent + 1)


def _iterations(task: OperatorTask, indent: int) -> Iterator[str]:
    """Yield the tasks of all iterations: each is skipped unless the one before, its only way in, leads to it."""
    pad, name = "    " * indent, task.variable
    first = Call(task.operator, kwargs={"task_id": task.task_id, **task.options})
    yield from layout((first,), indent, f"{name} = ")
    yield f"{pad}for iteration in range(1, {task.iterations}):"
    ways = {"trigger_rule", "when", "step", "iteration"}
    again = {
        "task_id": Name(f'f"{task.prefix}{{iteration + 1}}"'),
        "step": task.step,
        "iteration": Name("iteration"),
        "when": ((Name(f"{name}[-1].task_id"), task.step),),
        **{option: value for option, value in task.options.items() if option not in ways},
    }
    yield from layout(Call(f"{name}.append", (Call(task.operator, kwargs=again),)), indent + 1)
    yield f"{pad}    {name}[-2] >> {name}[-1]"


def _group(group: MappedGroup, indent: int) -> Iterator[str]:
    pad = "    " * indent
    yield from layout(Call("task_group", kwargs={"group_id": group.group_id, "prefix_group_id": False}), indent, "@")
    yield f"{pad}def {group.function}(index):"
    yield f'{pad}    """{group.doc}"""'
    yield from _block(group.body, indent + 1)
    yield ""
    yield from layout(
        Call(f"{group.function}.expand", kwargs={"index": Name(group.width)}), indent, f"{group.variable} = "
    )


def _chains(edges: tuple[Edge, ...], lists: set[str], indent: int) -> Iterator[str]:
    """Yield the edges in few lines: `a >> [b, c] >> d`, each edge in one of them. `lists` are names of lists."""
    pad = "    " * indent
    following = {edge.source: edge.targets for edge in edges if edge.source not in lists}
    queue = [*following]
    for source in queue:
        line = pad + source
        sources: tuple[str, ...] = (source,)
        targets = following.pop(source, None)
        while targets is not None:
            longer = f"{line} >> {_operand(targets)}"
            if len(longer) > WIDTH:
                break
            line = longer
            sources, targets = targets, _common(targets, following)
        if sources != (source,):
            yield line
            if targets is not None:
                # The next line goes on from here.
                following.update(dict.fromkeys(sources, targets))
                queue += sources
        elif targets is not None:
            names = tuple(Name(target) for target in targets)
            yield from layout(Call(f"{source}.set_downstream", (names,)), indent)
    yield from (f"{pad}{edge.source} >> {target}" for edge in edges if edge.source in lists for target in edge.targets)


def _operand(targets: tuple[str, ...]) -> str:
    return targets[0] if len(targets) == 1 else f"[{', '.join(targets)}]"


def _common(sources: tuple[str, ...], following: dict[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return the targets that all sources have alike, and remove the sources' edges."""
    found = {following.get(source) for source in sources}
    if len(found) != 1 or None in found:
        return None
    targets = found.pop()
    # A list on both sides of `>>` is no edge in Airflow.
    if targets is None or (len(sources) > 1 and len(targets) > 1):
        return None
    for source in sources:
        del following[source]
    return targets


def _tail(file: DagFile) -> Iterator[str]:
    """Yield the code of the flow, and what only programs read."""
    if file.volume is None:
        yield "# The files of the flow, and its plan."
        for path in sorted(file.files, key=lambda path: (path == PLAN_FILE, path)):
            yield from _file(path, file.files[path])
        yield ""
    yield "# What flowc's commands read of this file."
    yield from layout(summarize(file), 0, f"{SUMMARY} = ")


def _file(path: str, content: bytes) -> Iterator[str]:
    text = shown_text(path, content)
    if text is not None:
        yield f"{PACKAGE}.texts[{quoted(path)}] = {text_block(text)}"
        return
    packed = base64.b64encode(zlib.compress(content, 9)).decode()
    yield f'{PACKAGE}.packed[{quoted(path)}] = """'
    for start in range(0, len(packed), _CODE_WIDTH):
        yield packed[start : start + _CODE_WIDTH]
    yield '"""'


def has_call(value: Expression, start: str) -> bool:
    """Whether an expression has a call of a function whose name starts so."""
    match value:
        case Call(function=function, args=args, kwargs=kwargs):
            return function.startswith(start) or has_call(args, start) or has_call(kwargs, start)
        case tuple():
            return any(has_call(item, start) for item in value)
        case Mapping():
            return any(has_call(item, start) for item in value.values())
        case _:
            return False
