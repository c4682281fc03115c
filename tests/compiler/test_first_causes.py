"""What is reported once its cause is, and which package a help line imports from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import diagnostics

STEPS = """
    @step
    def start(self):
        print(self.made, self.other)
        self.next(self.{target})

    @step
    def {last}(self):
        print(self.made)
"""
BODIES = {
    "for name in NAMES:\n        locals()[name] = Parameter(name)": ("end", "end"),
    "if NAMES:\n        made = Parameter('made')": ("end", "end"),
    "made, other = Parameter('made'), Parameter('other')": ("end", "end"),
    "with open('x') as file:\n        made = Parameter('made', default=file.read())": ("end", "end"),
    "for name in NAMES:\n        locals()[name] = step(lambda self: self.next(self.end))": ("middle", "end"),
}
"""Statements in a flow's body that are not followed, the step that the first leads to, and the last that is written."""


@pytest.mark.parametrize("statement", list(BODIES))
@pytest.mark.parametrize("package", ["metaflow", "flowc"])
def test_only_the_statement_that_is_not_followed_is_reported(statement: str, package: str, tmp_path: Path) -> None:
    target, last = BODIES[statement]
    text = f"from {package} import FlowSpec, Parameter, step\n\nNAMES = ['made', 'other']\n\n\nclass F(FlowSpec):\n"
    text += f"    {statement}\n" + STEPS.format(target=target, last=last)
    assert {item.code for item in diagnostics(tmp_path, text)} == {"FC108"}


DECORATED = """{imports}


class F(FlowSpec):
    @{name}
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.mark.parametrize(
    ("imports", "name", "package"),
    [
        ("from metaflow import FlowSpec, step", "pypi", "metaflow"),
        ("from metaflow import *\nfrom metaflow import FlowSpec, step", "loop", "flowc"),
        ("import metaflow as mf\nfrom flowc import FlowSpec, step", "retry", "metaflow"),
        ("from flowc import FlowSpec, step", "retry", "flowc"),
        ("import os\nfrom metaflow import FlowSpec, step", "retry", "metaflow"),
        ("from metaflow import FlowSpec, step", "loop", "flowc"),
    ],
)
def test_the_help_imports_from_the_package_that_the_file_uses(
    imports: str, name: str, package: str, tmp_path: Path
) -> None:
    (found,) = (
        item for item in diagnostics(tmp_path, DECORATED.format(imports=imports, name=name)) if item.code == "FC401"
    )
    assert found.help == f"import it: `from {package} import {name}`"
    assert found.fix is not None
    assert (found.fix.old, found.fix.new) == (package, name)


def test_a_step_in_a_class_is_reported_once(tmp_path: Path) -> None:
    text = """from zenml import pipeline, step


class Steps:
    @staticmethod
    @step
    def inner(x: int) -> None:
        pass


@pipeline
def p():
    Steps.inner(1)
    {"k": Steps.inner}["k"](2)
    for item in (Steps.inner,):
        item(3)
"""
    (found,) = diagnostics(tmp_path, text)
    assert (found.code, found.span and found.span.line) == ("FC115", 13)
    assert "it is defined in a class" in found.message


@pytest.mark.parametrize("owner", ["def build(n):", "class Build:", "class Build:\n    def build(self, n):"])
def test_a_pipeline_that_is_not_at_the_top_of_a_file(owner: str, tmp_path: Path) -> None:
    depth = "    " * (1 + owner.count("\n"))
    text = f"from zenml import pipeline, step\n\n\n{owner}\n{depth}@pipeline\n{depth}def inner():\n{depth}    pass\n"
    (found,) = diagnostics(tmp_path, text)
    assert found.code == "FC102"
    assert "`inner` is defined in `" in found.message
    assert found.span is not None
    assert "def inner" in text.splitlines()[found.span.line - 1]


def test_a_pipeline_that_uses_zenml(tmp_path: Path) -> None:
    head = "from zenml import pipeline, step\n\n\n@step\ndef a(x: int) -> int:\n    return x\n\n\n"
    (found,) = diagnostics(tmp_path, f"{head}@pipeline(dynamic=True)\ndef p():\n    a.map([1], x=unmapped(1))\n")
    assert (found.code, found.help) == ("FC112", "import it: `from zenml import unmapped`")


LOOKED_UP = """from zenml import pipeline, step


@step
def load() -> list[int]:
    return [1]


@step
def use(x: int) -> int:
    return x


@pipeline(dynamic=True)
def p():
    xs = load().load()
    found, table = [], {}
    other = table
    BODY
"""


@pytest.mark.parametrize(
    "body",
    [
        "for x in xs:\n        table[x] = use(x)\n    use(table[1])",
        "for x in xs:\n        table[x] = use(x)\n    use(other[1])",
        "for x in xs:\n        table[x] = use(x)\n    for value in table.values():\n        use(value)",
        "table[sorted(xs)[0] if any(sorted(v for v in xs if v > 1)) else 2] = 1\n    use(table[2])",
        "found.append(next(iter(xs)))\n    use(found[0])",
        "found.extend([next(iter(xs))])\n    use(found[0])\n    a, b = found",
        "table.update({next(iter(xs)): 1})\n    use(table[1])",
        "found[next(iter(xs))] = 3\n    use(found[0])",
        "found += [next(iter(xs))]\n    use(found[0])",
        "table.setdefault('a', []).append(next(iter(xs)))\n    use(table['a'][0])",
        "table['a'] = {}\n    table['a'][next(iter(xs))] = 1\n    use(table['a'][1])",
        "del table[next(iter(xs))]\n    use(table['a'])",
    ],
)
def test_what_a_refused_statement_would_have_changed_is_not_reported(body: str, tmp_path: Path) -> None:
    found = diagnostics(tmp_path, LOOKED_UP.replace("BODY", body))
    assert [item.code for item in found if item.severity == "error"] == ["FC111"]


BLOCKS = """import os
from metaflow import FlowSpec, Parameter, step

DEBUG = os.getenv("DEBUG")


class F(FlowSpec):
    a = Parameter("a", default=1)
    BLOCK

    @step
    def start(self):
        print(self.LIMIT, self.a)
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.mark.parametrize(
    ("block", "codes"),
    [
        ("if DEBUG:\n        LIMIT = 1\n    else:\n        LIMIT = 2", []),
        ("try:\n        LIMIT = int(DEBUG)\n    except TypeError:\n        LIMIT = 2", []),
        ("for LIMIT in range(3):\n        pass", []),
        ("with open(__file__) as file:\n        LIMIT = file.read()", []),
        ("while True:\n        LIMIT = 3\n        break", []),
        ("if DEBUG:\n        LIMIT = Parameter('limit')\n    else:\n        LIMIT = 2", ["FC108"]),
        ("if DEBUG:\n        a = 2\n        LIMIT = 2", ["FC108"]),
        ("if DEBUG:\n        LIMIT = staticmethod(lambda: 1)\n    LIMIT = 1", []),
        ("for name in ('LIMIT',):\n        locals()[name] = 1", ["FC108"]),
        ("if DEBUG:\n        def LIMIT(self):\n            pass", ["FC108"]),
    ],
)
def test_blocks_in_a_flow_bind_constants(block: str, codes: list[str], tmp_path: Path) -> None:
    assert [item.code for item in diagnostics(tmp_path, BLOCKS.replace("BLOCK", block))] == codes
