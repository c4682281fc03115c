"""What only some arms of an `if` on a result bind: refused after it, and as in Python where its condition holds."""

from __future__ import annotations

import ast
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from flowc_compiler.diagnostics import Diagnostic
from tests.pipelines.comparing import compare
from tests.pipelines.test_as_python import pipeline_file
from tests.support import diagnostics

if TYPE_CHECKING:
    from pathlib import Path

# Each runs in Python whether `a > LIMIT` holds or not.
WHEREVER = {
    "the same condition": """
        if a > LIMIT:
            b = inc(a)
        if a > LIMIT:
            keep(b)
    """,
    "its opposite": """
        if a > LIMIT:
            c = 1
        else:
            b = inc(a)
        if not a > LIMIT:
            keep(b)
    """,
    "the else of it": """
        if not a > LIMIT:
            b = inc(a)
        if a > LIMIT:
            pass
        else:
            keep(b)
    """,
    "a part of it": """
        if a > LIMIT:
            b = inc(a)
        if a > LIMIT and a > 0:
            keep(b)
    """,
    "within it": """
        if a > LIMIT:
            b = inc(a)
        if a > 0:
            if a > LIMIT:
                keep(b)
    """,
    "within the condition": """
        if a > LIMIT:
            b = inc(a)
        if a > LIMIT and b > 2:
            keep(b)
    """,
    "of elif": """
        if a > 5:
            b = inc(1)
        elif a > LIMIT:
            b = inc(2)
        if not a > 5 and a > LIMIT:
            keep(b)
    """,
    "two nested ones": """
        if a > 0:
            if a > LIMIT:
                b = inc(a)
            else:
                b = inc(7)
        if a > 0:
            if a > LIMIT:
                keep(b)
    """,
    "set anew under another": """
        if a > 0:
            b = inc(1)
        if a > LIMIT:
            b = inc(2)
        if a > 0:
            if not a > LIMIT:
                keep(b)
        if a > LIMIT:
            keep([b])
    """,
    "in a loop that is known": """
        for n in range(3):
            if a > n:
                b = inc(n)
        if a > 0:
            if not a > 1 and not a > 2:
                keep(b)
    """,
    "for each item": """
        for x in load():
            if x > 20 + LIMIT:
                b = inc(x)
            if x > 20 + LIMIT:
                keep(b)
    """,
    "a name of a condition": """
        if a > LIMIT and (b := a) > 0:
            keep(b)
    """,
    "a map": """
        if a > LIMIT:
            bs = inc.map(load())
        if a > LIMIT:
            keep(bs)
    """,
    "a value that is known": """
        if a > LIMIT:
            b = 3
        if a > LIMIT:
            keep(inc(b))
    """,
    "None where it is not": """
        b = None
        if a > LIMIT:
            b = inc(a)
        if b is not None:
            keep(inc(b))
    """,
    "None where it is not, else": """
        b = None
        if a > LIMIT:
            b = inc(a)
        if b is None:
            keep(0)
        else:
            keep(inc(b))
    """,
    "a key, and whether it is there": """
        d = {}
        if a > LIMIT:
            d["b"] = inc(a)
        if "b" in d:
            keep(d["b"])
        keep(d.get("b"))
    """,
    "an entry, and whether it is there": """
        d = []
        if a > LIMIT:
            d.append(inc(a))
        if len(d) > 0:
            keep(d[0])
        keep(d[0] if d else None)
    """,
    "a key of nested arms": """
        d = {}
        if a > 0:
            if a > LIMIT:
                d["b"] = inc(a)
        keep(d)
        keep(d.get("b"))
    """,
    "an entry of nested arms, and its alias": """
        d = e = [1]
        if a > 0:
            if a > LIMIT:
                d.append(inc(a))
        keep(e)
        keep(len(d))
    """,
    "an entry of every arm": """
        if a > LIMIT:
            d = [inc(a)]
        else:
            d = [inc(1), inc(2)]
        keep(d[0])
    """,
}
# The body, in which the last line with `FC223` fails in Python where a condition does not hold.
AFTER = {
    "a name": "if a > 1:\n    b = inc(a)\nkeep(b)  # FC223",
    "a name of the else": "if a > 1:\n    keep(a)\nelse:\n    b = inc(a)\nkeep(b)  # FC223",
    "a name of elif": "if a > 1:\n    b = inc(1)\nelif a > 0:\n    b = inc(2)\nkeep(b)  # FC223",
    "under another condition": "if a > 1:\n    b = inc(a)\nif a > 0:\n    keep(b)  # FC223",
    "under its opposite": "if a > 1:\n    b = inc(a)\nif not a > 1:\n    keep(b)  # FC223",
    "under an or": "if a > 1:\n    b = inc(a)\nif a > 1 or a > 0:\n    keep(b)  # FC223",
    "after it was set anew": "if a > 0:\n    b = inc(1)\nif a > 1:\n    del b\nif a > 0:\n    keep(b)  # FC223",
    "nested, after both": "if a > 0:\n    if a > 1:\n        b = inc(a)\nkeep(b)  # FC223",
    "nested, after the inner one": "if a > 0:\n    if a > 1:\n        b = inc(a)\n    keep(b)  # FC223",
    "in a list": "if a > 1:\n    b = inc(a)\nkeep([a, b])  # FC223",
    "in a condition": "if a > 1:\n    b = inc(a)\nif b > 1:  # FC223\n    keep(a)",
    "mapped over": "if a > 1:\n    b = load()\ninc.map(b)  # FC223",
    "after=": "if a > 1:\n    b = inc(a)\nkeep(a, after=[b])  # FC223",
    "returned": "if a > 1:\n    b = inc(a)\nreturn b  # FC223",
    "a key": "d = {}\nif a > 1:\n    d['b'] = inc(a)\nkeep(d['b'])  # FC223",
    "a key of nested arms": "d = {}\nif a > 0:\n    if a > 1:\n        d['b'] = inc(a)\nkeep(d['b'])  # FC223",
    "an entry": "d = []\nif a > 1:\n    d.append(inc(a))\nkeep(d[0])  # FC223",
    "entries": "d = [1]\nif a > 1:\n    d.append(inc(a))\nb, c = d  # FC223\nkeep(b)",
    "a name of a condition": "if a > 1 and (b := a) > 0:\n    keep(b)\nkeep(b)  # FC223",
    "a name of an or": "if a > 0 or (b := a) > 0:\n    keep(b)  # FC223",
    "a name of a conditional expression": "c = (b := inc(a)) if a > 1 else 0\nkeep(b)  # FC223",
    "what a loop's body leaves": "for x in load():\n    b = inc(x)\nkeep(b)  # FC223",
    "the item of a loop": "for x in load():\n    inc(x)\nkeep(x)  # FC223",
    "a loop's, under it": "for x in load():\n    if a > 1:\n        b = inc(x)\nif a > 1:\n    keep(b)  # FC223",
    "an arm's loop": "if a > 1:\n    for x in load():\n        b = inc(x)\nkeep(b)  # FC223",
}


@pytest.mark.process
@pytest.mark.parametrize("limit", ["0", "1"])
@pytest.mark.parametrize("name", [name for name in WHEREVER if "for x in" not in WHEREVER[name]])
def test_it_is_as_in_python(name: str, limit: str, tmp_path: Path) -> None:
    body = "a = inc(0)\n" + dedent(WHEREVER[name]).strip("\n").replace("LIMIT", limit)
    assert not compare(pipeline_file(body if "for " in body else _with_ids(body)), tmp_path)


def _with_ids(body: str) -> str:
    """The same calls with names of their own: Python counts only those that it makes."""
    tree = ast.parse(body)
    for number, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"inc", "keep", "load"}:
            node.keywords.append(ast.keyword("id", ast.Constant(f"call{number}")))
    return ast.unparse(tree)


@pytest.mark.parametrize("name", list(WHEREVER))
def test_no_diagnostic(name: str, tmp_path: Path) -> None:
    body = "a = inc(0)\n" + dedent(WHEREVER[name]).strip("\n")
    assert not diagnostics(tmp_path, pipeline_file(body.replace("LIMIT", "1")))


@pytest.mark.parametrize("name", list(AFTER))
def test_it_is_refused_at_its_line(name: str, tmp_path: Path) -> None:
    text = pipeline_file(f"a = inc(0)\n{AFTER[name]}")
    (found,) = diagnostics(tmp_path, text)
    line = next(number for number, line in enumerate(text.splitlines(), 1) if line.endswith("# FC223"))
    assert (found.code, _line(found)) == ("FC223", line)
    assert found.help


def _line(found: Diagnostic) -> int:
    assert found.span is not None
    return found.span.line
