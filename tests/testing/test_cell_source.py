"""The file of a flow of cells: what it needs, in the order of its execution, and where its lines come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowc.notebooks.cell_source import CellNames, NotebookError, cell_source
from flowc.notebooks.cell_statements import Cell
from flowc.shim.failure_report import failure_text

FLOW = """
class F(FlowSpec):
    @step
    def start(self):
        {use}
        self.next(self.end)

    @step
    def end(self):
        pass
"""
IMPORT = "from flowc import FlowSpec, Parameter, step"


def _source(*texts: str, use: str = "pass", namespace: dict[str, Any] | None = None) -> str:
    cells = [Cell(number, text) for number, text in enumerate([IMPORT, *texts, FLOW.format(use=use)], 1)]
    return cell_source("F", cells, namespace or {}, is_class=True).text


ROWS: dict[str, tuple[tuple[str, ...], str, tuple[str, ...] | None]] = {
    "what it does not need": (("x = 1", "print(x)", "y = x"), "pass", ()),
    "a constant": (("x = 1",), "x", ("x = 1",)),
    "the latest": (("x = 1", "x = 2"), "x", ("x = 2",)),
    "what that is made of": (("x = 1", "x = x + 1"), "x", ("x = 1", "x = x + 1")),
    "what it was when it was read": (("n = 3", "xs = list(range(n))", "n = 5"), "xs, n", None),
    "what a function reads is the latest": (
        ("n = 3", "def f():\n    return n", "n = 5"), "f()", ("def f():\n    return n", "n = 5"),
    ),
    "a function above what it uses": (
        ("def f():\n    return g()", "def g():\n    return 1"), "f()",
        ("def f():\n    return g()", "def g():\n    return 1"),
    ),
    "a local name is none of the notebook": (("x = 1",), "x = 2; print(x)", ()),
    "changes of an object": (
        ("t = {}", "t['a'] = 1", "t.update(b=2)", "print(t)"), "t", ("t = {}", "t['a'] = 1", "t.update(b=2)"),
    ),
    "imports": (("import os, sys", "from math import pi, tau"), "os, pi", ("import os", "from math import pi")),
    "an import as another name": (("import numpy as np",), "np", ("import numpy as np",)),
    "a decorator": (
        ("import functools", "@functools.cache\ndef f():\n    return 1"), "f()",
        ("import functools", "@functools.cache\ndef f():\n    return 1"),
    ),
    "a base class": (("class Base:\n    size = 1",), "Base.size", ("class Base:\n    size = 1",)),
    "a condition": (("if True:\n    x = 1\nelse:\n    x = 2",), "x", ("if True:\n    x = 1\nelse:\n    x = 2",)),
    "two of a line": (("a = 1; b = 2; c = 3",), "b", ("b = 2",)),
    "a default and an annotation": (("A = int", "D = 1", "def f(x: A = D): ..."), "f()", None),
    "a comprehension": (
        ("n = 2", "xs = [i for i in range(n)]", "i = 7"), "xs", ("n = 2", "xs = [i for i in range(n)]"),
    ),
    "a lambda": (("n = 2", "f = lambda x: x + n"), "f(1)", ("n = 2", "f = lambda x: x + n")),
    "the import path": (("import sys", "sys.path.insert(0, 'lib')"), "pass", None),
    "no Python": (("!ls", "x = 1"), "x", ("x = 1",)),
    "a magic with code in it": (
        ("get_ipython().run_cell_magic('time', '', 'x = 1\\n')",), "x", ("x = 1",),
    ),
    "a star": (("from math import *",), "pi", ("from math import *",)),
    "IPython's own": ((), "display(1)", ("from IPython.display import display",)),
    "an augmented assignment": (("x = 0", "x += 1"), "x", None),
    "of a list that was changed": (("x = [1]", "x.append(2)", "x += [3]"), "x", None),
    "a name that was deleted": (("sum = 0", "del sum"), "sum([1])", None),
    "deleted beside another": (("x, y = 1, 2", "del x, y", "x = 5"), "x", ("x = 5",)),
    "changed in a loop": (("x = []", "for i in range(3):\n    x.append(i)"), "x", None),
    "augmented in a loop": (("x = 0", "for i in range(3):\n    x += i"), "x", None),
    "a loop with names of its own": (("for t in [1]:\n    x = t\n    x += t",), "x", None),
    "bound in a condition": (("x = 7", "y = 0", "if y:\n    x = 3"), "x", None),
    "another loop over the same name": (
        ("x = []", "for i in [1]:\n    print(i)", "for i in [2]:\n    x.append(i)"), "x",
        ("x = []", "for i in [2]:\n    x.append(i)"),
    ),
    "several lines": (('x = """\na\n  b"""',), "x", ('x = """\na\n  b"""',)),
}  # fmt: skip
"""Cells, what the flow uses, and what of the cells it needs; `None` is all."""


@pytest.mark.parametrize("row", ROWS)
def test_what_a_flow_needs(row: str) -> None:
    texts, use, wanted = ROWS[row]
    expected = texts if wanted is None else wanted
    text = _source(*texts, use=use, namespace={"pi": 3.14, "x": 1, "i": 1, "t": 1})
    assert "from flowc import FlowSpec, step" in text
    body = text.partition("class F(")[0]
    kept = "\n".join(line for line in body.splitlines() if line and not line.startswith(("#", '"""F', "from flowc")))
    assert sorted(kept.splitlines()) == sorted("\n".join(expected).splitlines())
    compile(text, "cells", "exec")
    positions = [body.index(item) for item in expected if not item.startswith("from IPython")]
    assert positions == sorted(positions)


def test_lines_have_their_cells() -> None:
    cells = [Cell(1, IMPORT), Cell(4, "x = 1\n\ny = [\n  x,\n]"), Cell(7, FLOW.format(use="y"))]
    source = cell_source("F", cells, {}, is_class=True)
    lines = source.text.splitlines()
    places = {line: source.place(number) for number, line in enumerate(lines, 1)}
    assert places["x = 1"] == (4, 1)
    assert places["  x,"] == (4, 4)
    assert places["        y"] == (7, 5)
    names = CellNames(source, "F_cells.py", "F")
    number = lines.index("        y") + 1
    assert names.translated(f'  File "/work/F_cells.py", line {number}, in start') == "  Cell In[7], line 5, in start"
    assert names.translated(f" --> F_cells.py:{number}:9") == " --> In [7], line 5, column 9"
    assert names.translated(f"{number} |         y") == f"{5:>{len(str(number))}} |         y"
    end = "--origin-run-id 1 --root 'a b'"
    for file in ("/work/F_cells.py", "'/my work/F_cells.py'"):
        assert (
            names.translated(f"to go on: flowc resume {file} {end} --flow F\n") == f"to go on: %flowc resume F {end}\n"
        )
    assert names.translated("flowc try F_cells.py end/0") == "%flowc try F end/0"
    assert names.translated("flowc try other.py end/0") == "flowc try other.py end/0"
    assert names.translated('  File "/work/other.py", line 3') == '  File "/work/other.py", line 3'


@pytest.mark.parametrize("name", ["F_cells.py", "F_cells2.py", "F.py"])
def test_a_traceback_names_the_cells(tmp_path: Path, name: str) -> None:
    use = "try:\n            helper(0)\n        except ZeroDivisionError:\n            helper('x')"
    cells = [Cell(1, IMPORT), Cell(4, "x = 1\n\ndef helper(y):\n    return x / y"), Cell(7, FLOW.format(use=use))]
    file = tmp_path / name
    file.write_text(cell_source("F", cells, {}, is_class=True).text)
    names: dict[str, Any] = {"__name__": "cells"}
    exec(compile(file.read_text(), str(file), "exec"), names)
    with pytest.raises(TypeError) as raised:
        names["F"].start(None)
    text = failure_text(raised.value)
    if name == "F.py":
        assert f'File "{file}", line ' in text
        return
    assert str(file) not in text
    assert text.count("  Cell In[4], line 4, in helper\n    return x / y\n") == 2
    assert "  Cell In[7], line 6, in start\n" in text
    assert "  Cell In[7], line 8, in start\n" in text


def test_what_no_cell_defines_is_an_error_with_its_cell() -> None:
    with pytest.raises(NotebookError, match=r"In \[2\], line 5 uses 'loaded', which no cell defines"):
        _source(namespace={"loaded": 1}, use="loaded")
    with pytest.raises(NotebookError, match=r"In \[2\], line 1 uses a magic or the shell"):
        _source("files = get_ipython().getoutput('ls')", use="files")
