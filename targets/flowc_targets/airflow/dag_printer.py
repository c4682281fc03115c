"""Prints the model of a DAG file, laid out as ruff and black would.

An expression that fits on a line is on one. Any other has one item a line and a comma after the last, which formatters
leave alone at every line length.
"""

from __future__ import annotations

import ast
import base64
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flowc_targets.airflow.dag_model import (
    SUMMARY,
    Block,
    Call,
    DagFile,
    Edge,
    MappedGroup,
    Name,
    OperatorTask,
    WidthTask,
    summarize,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowc_targets.airflow.dag_model import Expression

WIDTH = 88
"""The line length, the default of ruff and black."""
WIDEST = 120
"""A longer line length that people use: strings that fit into it stay whole, since formatters would join them."""
_CODE_WIDTH = 100
_INDENT = "    "
_WORD = re.compile("[^ ]+ *| +")
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def print_file(file: DagFile) -> str:
    """Print a DAG file: what a person reviews first, the code package last."""
    sources = [read_source(module) for module in _operator_modules(file)]
    imports = {*_dag_imports(file), *(item for source in sources for item in source.imports)}
    head = "\n".join([*_header(file), "", *_import_lines(imports), "", *_constants(file)])
    definitions = [source.definitions for source in sources]
    parts = [head, "\n".join(_dag(file)), *definitions, "\n".join(_tail(file)), "flow()"]
    return "\n\n\n".join(parts) + "\n"


def _operator_modules(file: DagFile) -> Iterator[str]:
    """Yield the modules of `operators/` for the features of a file, in the order in which the file has them."""
    in_pods = file.operator == "kubernetes"
    yield "shim_task"
    if file.has_foreach:
        yield "index_paths"
    if in_pods:
        yield "code_in_environment" if file.config_map is None else "code_in_config_map"
    yield "pod_operator" if in_pods else "process_operator"
    if file.has_operator("HookOperator"):
        yield "hook_operator"
    if file.has_option("callbacks"):
        yield "publish_output"


def _header(file: DagFile) -> Iterator[str]:
    yield f"# Compiled by flowc {file.version} from {file.printable_source}. Change that file, not this one."
    yield "#"
    yield f"# flow    {file.flow}"
    yield f"# source  sha256:{file.source_hash}"
    yield f"# code    sha256:{file.code_hash}"


def _dag_imports(file: DagFile) -> Iterator[Import]:
    """Yield the imports of the DAG itself, of moved modules with the place before Airflow 3."""
    yield Import("dag", "airflow.sdk", "airflow.decorators")
    match file.dag.get("start_date"):
        case Call(function="pendulum.datetime"):
            yield Import("pendulum")
        case _:
            yield Import("datetime", "datetime")
            yield Import("timezone", "datetime")
    values = (value for task in file.body.tasks() for value in task.options.values())
    if any(isinstance(value, Call) and value.function == "timedelta" for value in values):
        yield Import("timedelta", "datetime")
    if file.has_foreach:
        yield Import("task_group", "airflow.sdk", "airflow.decorators")
    if file.has_assets:
        yield Import("Asset", "airflow.sdk", "airflow.datasets", "Dataset as Asset")
    if "params" in file.dag:
        yield Import("Param", "airflow.sdk.definitions.param", "airflow.models.param")
    if file.has_operator("EmptyOperator"):
        yield Import("EmptyOperator", "airflow.providers.standard.operators.empty", "airflow.operators.empty")


def _import_lines(imports: set[Import]) -> Iterator[str]:
    """Yield the imports in linters' order: the standard library, other packages, then what Airflow has moved."""
    fixed = {item for item in imports if not item.before}
    standard = {item for item in fixed if (item.module or item.name).partition(".")[0] in sys.stdlib_module_names}
    yield "from __future__ import annotations"
    yield ""
    yield from _grouped(standard)
    if others := _grouped(fixed - standard):
        yield from ("", *others)
    moved = imports - fixed
    # Airflow 3.0 lacks this module, but must not take the other names from the places of Airflow 2.
    late = {item for item in moved if item.module == "airflow.sdk.exceptions"}
    yield from _either(late, "before Airflow 3.1")
    yield from _either(moved - late, "Airflow 2")


def _either(imports: set[Import], otherwise: str) -> Iterator[str]:
    """Yield imports from Airflow 3's modules, or else from older ones."""
    yield ""
    yield "try:"
    yield from (f"    {line}" for line in _grouped(imports))
    yield f"except ImportError:  # {otherwise}"
    before = {Import(item.before_as or item.name, item.before) for item in imports}
    yield from (f"    {line}" for line in _grouped(before))


def _grouped(imports: Iterable[Import]) -> list[str]:
    """Return the lines of imports: whole modules first, then names by module."""
    names: dict[str, list[str]] = {}
    for item in sorted(imports, key=lambda item: (item.module, item.name)):
        names.setdefault(item.module, []).append(item.name)
    whole = [f"import {name}" for name in names.pop("", [])]
    return [*whole, *(f"from {module} import {', '.join(found)}" for module, found in names.items())]


def _constants(file: DagFile) -> Iterator[str]:
    for name, value in file.constants.items():
        yield from layout(value, 0, f"{name} = ")


def _dag(file: DagFile) -> Iterator[str]:
    yield from layout(Call("dag", kwargs=file.dag), 0, "@")
    yield "def flow():"
    yield from _block(file.body, 1)


def _block(block: Block, indent: int) -> Iterator[str]:
    used = {edge.source for edge in block.edges}.union(*(edge.targets for edge in block.edges))
    for node in block.nodes:
        match node:
            case OperatorTask(operator=operator, variable=variable, task_id=task_id, options=options):
                call = Call(operator, kwargs={"task_id": task_id, **options})
                yield from layout(call, indent, f"{variable} = " if variable in used else "")
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
    """Yield the edges in few lines: `a >> [b, c] >> d`, each edge in one of them."""
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
    """Yield what only programs read: the summary, and the code package."""
    yield "# What flowc's commands read of this file."
    yield from layout(summarize(file), 0, f"{SUMMARY} = ")
    yield ""
    yield from _code(file)


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


def one_line(value: Expression) -> str:
    """Return an expression on one line, however long."""
    match value:
        case float():
            return repr(value).replace("e+", "e")
        case None | bool() | int():
            return repr(value)
        case str():
            return quoted(value)
        case Name(text):
            return text
        case _:
            opening, closing, items = _parts(value)
            return f"{opening}{', '.join(lead + one_line(item) for lead, item in items)}{closing}"


def layout(value: Expression, indent: int, lead: str = "", tail: str = "") -> list[str]:
    """Return the lines of an expression at an indentation, between `lead` and `tail` of the same statement."""
    pad = _INDENT * indent
    flat = one_line(value)
    if len(pad) + len(lead) + len(flat) + len(tail) <= WIDTH:
        return [f"{pad}{lead}{flat}{tail}"]
    match value:
        case str() if len(pad) + len(lead) + len(flat) + len(tail) > WIDEST:
            inner = pad + _INDENT
            whole = len(inner) + len(flat) <= WIDEST
            parts = [value] if whole else _parts_of(value, WIDTH - len(inner))
            if not whole and len(parts) == 1:
                return [f"{pad}{lead}{flat}{tail}"]
            return [f"{pad}{lead}(", *(inner + quoted(part) for part in parts), f"{pad}){tail}"]
        case Call() | tuple() | Mapping():
            opening, closing, items = _parts(value)
            if not items:
                return [f"{pad}{lead}{flat}{tail}"]
            lines = [f"{pad}{lead}{opening}"]
            for key, item in items:
                lines += layout(item, indent + 1, key, ",")
            return [*lines, f"{pad}{closing}{tail}"]
        case _:
            return [f"{pad}{lead}{flat}{tail}"]


def quoted(text: str) -> str:
    """Return a string literal, in double quotes unless single ones need fewer escapes."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escaped(character, quote) for character in text) + quote


def _parts_of(text: str, room: int) -> list[str]:
    """Split a text into its lines, and longer lines at words, into parts that fit into the room."""
    parts: list[str] = []
    for line in _lines(text):
        part = ""
        for word in _WORD.findall(line):
            if part and len(quoted(part + word)) > room:
                parts.append(part)
                part = ""
            part += word
        parts.append(part)
    return parts


def _lines(text: str) -> list[str]:
    """Return the lines with their ends: only `\\n` ends one here, unlike in `str.splitlines`."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _escaped(character: str, quote: str) -> str:
    if character == quote:
        return f"\\{quote}"
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _parts(
    value: Call | tuple[Expression, ...] | Mapping[str, Expression],
) -> tuple[str, str, list[tuple[str, Expression]]]:
    """Return the start and the end of a call or collection, and its items, each with the text before it."""
    if isinstance(value, Call):
        named = [(f"{key}=", item) for key, item in value.kwargs.items()]
        return f"{value.function}(", ")", [*(("", item) for item in value.args), *named]
    if isinstance(value, tuple):
        return "[", "]", [("", item) for item in value]
    return "{", "}", [(f"{quoted(key)}: ", item) for key, item in value.items()]


OPERATORS = Path(__file__).with_name("operators")
"""The folder of their modules. It is read and never imported, since that takes Airflow."""


class Import(NamedTuple):
    """One name that a DAG file imports."""

    name: str
    module: str = ""
    """Where it is from; empty for a module that is imported as a whole."""
    before: str = ""
    """Where it is in older Airflows, if elsewhere."""
    before_as: str = ""
    """How it is imported there, if it has another name."""


class OperatorSource(NamedTuple):
    """One module of `operators/`, in two parts."""

    imports: tuple[Import, ...]
    """What it imports from elsewhere than `operators/`."""
    definitions: str
    """The text of its functions and classes."""


def read_source(module: str) -> OperatorSource:
    """Read a module of `operators/`, split behind its head, which is its docstring and its imports."""
    source = (OPERATORS / f"{module}.py").read_text(encoding="utf-8")
    head_end = 0
    imports: list[Import] = []
    for node in ast.parse(source).body:
        match node:
            case ast.Expr():
                pass
            case ast.Import() | ast.ImportFrom():
                imports += _imported(node)
            case ast.Try(body=[ast.ImportFrom() as new], handlers=[ast.ExceptHandler(body=[ast.ImportFrom() as old])]):
                imports += (item._replace(before=old.module or "") for item in _imported(new))
            case _:
                break
        head_end = node.end_lineno or 0
    return OperatorSource(tuple(imports), "\n".join(source.split("\n")[head_end:]).strip("\n"))


def _imported(node: ast.Import | ast.ImportFrom) -> list[Import]:
    if isinstance(node, ast.Import):
        return [Import(alias.name) for alias in node.names]
    module = node.module or ""
    if module == "__future__" or module.startswith("flowc_targets."):
        return []
    return [
        Import(alias.name if alias.asname is None else f"{alias.name} as {alias.asname}", module)
        for alias in node.names
    ]
