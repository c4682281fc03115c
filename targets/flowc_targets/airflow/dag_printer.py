"""From the model of a DAG file to its text."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from flowc_targets.airflow.dag_model import Block, DagFile, Edge, EmptyTask, HookTask, MappedGroup, StepTask, WidthTask
from flowc_targets.airflow.imports import import_lines
from flowc_targets.airflow.python_printer import WIDTH, Call, Name, layout, quoted
from flowc_targets.airflow.texts import COMMON, HOOKS, INDICES, PUBLISH_OUTPUT, SKIP, operator_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_targets.airflow.python_printer import Expression

_CODE_WIDTH = 100


def print_file(file: DagFile) -> str:
    """The text of a DAG file: what a person reviews first, the code package last."""
    parts = ["\n".join(_dag(file)), COMMON]
    if file.has_foreach:
        parts.append(INDICES)
    if file.has_switch:
        parts.append(SKIP)
    parts.append(operator_text(file))
    if file.has_hooks:
        parts.append(HOOKS)
    if file.has_outputs and file.operator == "kubernetes":
        parts.append(PUBLISH_OUTPUT)
    parts += ["\n".join(_code(file)), "flow()"]
    head = "\n".join([*_header(file), "", *import_lines(file), "", *_constants(file)])
    return "\n\n\n".join([head, *(part.rstrip("\n") for part in parts)]) + "\n"


def _header(file: DagFile) -> Iterator[str]:
    yield f"# Compiled by flowc {file.version} from {file.printable_source}. Change that file, not this one."
    yield "#"
    yield f"# flow    {file.flow}"
    yield f"# source  sha256:{file.source_hash}"
    yield f"# code    sha256:{file.code_hash}"


def _constants(file: DagFile) -> Iterator[str]:
    constants: dict[str, Expression] = {
        "ROOT": file.root,
        "START": file.start,
        "TAGS": file.tags,
        "PYTHON": file.python,
        "ENVIRONMENT": file.env,
        "PARAMETERS": {param.variable: param.key for param in file.params},
        **file.shared,
    }
    for name, value in constants.items():
        yield from layout(value, 0, f"{name} = ")


def _dag(file: DagFile) -> Iterator[str]:
    params: dict[str, Expression] = {param.key: Call("Param", kwargs=param.schema) for param in file.params}
    arguments = {**file.dag, **({"params": params} if params else {})}
    yield from layout(Call("dag", kwargs=arguments), 0, "@")
    yield "def flow():"
    yield from _block(file.body, 1)


def _block(block: Block, indent: int) -> Iterator[str]:
    used = {edge.source for edge in block.edges}.union(*(edge.targets for edge in block.edges))
    for node in block.nodes:
        match node:
            case StepTask(variable=variable, task_id=task_id, options=options):
                call = Call("StepOperator", kwargs={"task_id": task_id, **options})
                yield from layout(call, indent, f"{variable} = " if variable in used else "")
            case EmptyTask(variable=variable, task_id=task_id, options=options):
                call = Call("EmptyOperator", kwargs={"task_id": task_id, **options})
                yield from layout(call, indent, f"{variable} = " if variable in used else "")
            case HookTask(variable=variable, task_id=task_id, function=function, trigger_rule=rule, image=image):
                given = {"trigger_rule": rule, "image": image}
                options = {key: value for key, value in given.items() if value is not None}
                call = Call("HookOperator", kwargs={"task_id": task_id, "function": function, **options})
                yield from layout(call, indent, f"{variable} = ")
            case WidthTask(variable=variable, task_id=task_id, opener=opener, outer=outer):
                around = () if outer is None else (Name(outer),)
                width = Call(f'indices.override(task_id="{task_id}")', (opener, *around))
                yield from layout(width, indent, f"{variable} = ")
            case MappedGroup():
                yield ""
                yield from _group(node, indent)
    if block.edges:
        yield ""
    yield from _chains(block.edges, indent)


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


def _chains(edges: tuple[Edge, ...], indent: int) -> Iterator[str]:
    """The edges as few lines: `a >> [b, c] >> d`, each edge in one of them."""
    pad = "    " * indent
    following = {edge.source: edge.targets for edge in edges}
    queue = [edge.source for edge in edges]
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


def _operand(targets: tuple[str, ...]) -> str:
    return targets[0] if len(targets) == 1 else f"[{', '.join(targets)}]"


def _common(sources: tuple[str, ...], following: dict[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """What follows all of the sources alike; their edges are then taken."""
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


def _code(file: DagFile) -> Iterator[str]:
    if file.config_map is not None:
        yield "# The ConfigMap with the code package: a zip with flowc's runtime, the flow's own files and"
        yield "# its plan. Its manifest was written beside this file; it has to be applied first."
        yield f"CODE = {quoted(file.config_map)}"
        return
    text = base64.b64encode(file.code).decode()
    yield "# The code package: a zip with flowc's runtime, the flow's own files and its plan."
    yield 'CODE = """'
    for start in range(0, len(text), _CODE_WIDTH):
        yield text[start : start + _CODE_WIDTH]
    yield '"""'
