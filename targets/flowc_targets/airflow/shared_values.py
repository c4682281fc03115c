"""Values of Kubernetes' client that several tasks have alike: made once, above the DAG, as who writes one would.

A class of the client takes a tenth of a millisecond to make, and Airflow reads the file for every task that it runs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from flowc_targets.airflow.dag_model import Block, MappedGroup, StepTask
from flowc_targets.airflow.python_printer import Call, Name, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_targets.airflow.dag_model import Names, Node
    from flowc_targets.airflow.python_printer import Expression

FEWEST = 3
"""Tasks that have a value in common before it gets a name: of fewer it is read more easily where it stands."""
_CLIENT = "k8s."


def share(block: Block, names: Names) -> tuple[Block, dict[str, Expression]]:
    """The block with names in the place of such values, and the values by name, in the order of their first use."""
    found = Counter((option, one_line(value)) for option, value in _values(block))
    named: dict[tuple[str, str], str] = {}
    shared: dict[str, Expression] = {}
    for option, value in _values(block):
        key = (option, one_line(value))
        if found[key] >= FEWEST and key not in named:
            named[key] = names.take(option.upper())
            shared[named[key]] = value
    return (_replaced(block, named), shared) if named else (block, {})


def _values(block: Block) -> Iterator[tuple[str, Expression]]:
    """What is made of classes of the client, by the argument that it is for."""
    for node in block.nodes:
        match node:
            case StepTask(options=options):
                yield from ((option, value) for option, value in options.items() if _is_of_client(value))
            case MappedGroup(body=body):
                yield from _values(body)
            case _:
                pass


def _is_of_client(value: Expression) -> bool:
    first = value[0] if isinstance(value, tuple) and value else value
    return isinstance(first, Call) and first.function.startswith(_CLIENT)


def _replaced(block: Block, named: dict[tuple[str, str], str]) -> Block:
    return replace(block, nodes=tuple(_node(node, named) for node in block.nodes))


def _node(node: Node, named: dict[tuple[str, str], str]) -> Node:
    match node:
        case StepTask(options=options):
            return replace(node, options={option: _option(option, value, named) for option, value in options.items()})
        case MappedGroup(body=body):
            return replace(node, body=_replaced(body, named))
        case _:
            return node


def _option(option: str, value: Expression, named: dict[tuple[str, str], str]) -> Expression:
    name = named.get((option, one_line(value))) if _is_of_client(value) else None
    return value if name is None else Name(name)
