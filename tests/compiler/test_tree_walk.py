"""The walks of syntax trees give what `ast`'s give."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from flowc_compiler.syntax.tree_walk import children, walk
from tests.conftest import REPOSITORY

LEFT_OUT = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.type_ignore)
ALL = """
async def f(a, /, b: int = 1, *c, d, e=2, **g) -> None:
    global x
    async with a as b, c: pass
    async for i in j: await k
    return (yield a), (yield from b), lambda n=1: n
@decorated
class C(B, metaclass=M):
    x: int = 1
    y += 1
    del y[1:2:3], z.a
    match x:
        case {"a": 1, **rest}: pass
        case C(1, k=[_, *b]) | None as d if d: pass
        case -1: pass
    try: raise A from B
    except (E, F) as e: pass
    else: pass
    finally: pass
    while not x and y or z: continue
    else: assert a, b
import a.b as c; from . import d as e
[i for i in j if k for l in m]; {i: j for i in k}; {i for i in j}; (i for i in j)
f"{a!r:>{b}}{c=}"; a if b else c; {**a, 'b': 1}; {*a}; f(*a, **b); (a := 1) < b <= -c; ...
"""


@pytest.mark.parametrize("path", [None, *sorted((REPOSITORY / "examples").glob("*.py"))], ids=str)
def test_the_nodes_are_those_of_ast(path: Path | None) -> None:
    text = ALL if path is None else path.read_text(encoding="utf-8")
    if path is None and sys.version_info >= (3, 12):
        text += "type X[T: int, *Ts, **P] = list[T]\ndef g[T](a: T): pass\n"
    tree = ast.parse(text)
    for node in ast.walk(tree):
        assert children(node) == [item for item in ast.iter_child_nodes(node) if not isinstance(item, LEFT_OUT)]
    assert list(walk(tree)) == [item for item in ast.walk(tree) if not isinstance(item, LEFT_OUT)]
