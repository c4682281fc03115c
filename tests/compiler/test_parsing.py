"""Reading files: what Python cannot read ends in a diagnostic that says why, and spans count characters."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from flowc_compiler.diagnostics import Diagnostic, DiagnosticSink
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax import source_reading
from flowc_compiler.syntax.modules import ModuleView
from flowc_compiler.syntax.newer_python import newer_syntax
from flowc_compiler.syntax.parsing import parse_text
from flowc_compiler.syntax.source_reading import parse, read_source
from tests.support import flowc

NEWER = {
    "type X = int": (12, 1),
    "x = 1\ndef f[T](): pass": (12, 2),
    "class A[T]: pass\nclass B[T = int]: pass": (13, 2),
    "x = f'{a[\"b\"] + 'c'}'": (12, 1),
    "x = 1\nx = f'''{\n  a  # comment\n}'''": (12, 2),
    "x = t'{a}'": (14, 1),
    "try:\n    pass\nexcept A, B:\n    pass": (14, 3),
    "try:\n    pass\nexcept* A, B:\n    pass": (14, 3),
    "x = [*a for a in b]": (15, 1),
}
"""Files, the minor version of Python 3 that they need, and the line that needs it."""


def problems(text: str) -> tuple[Diagnostic, ...]:
    sink = DiagnosticSink()
    assert parse(SourceFile(Path("flow.py"), text), sink) is None
    return sink.diagnostics


@pytest.mark.parametrize("text", NEWER)
def test_syntax_of_a_newer_python(text: str) -> None:
    minor, line = NEWER[text]
    if sys.version_info >= (3, minor):
        pytest.skip("this Python reads it")
    (problem,) = problems(text)
    assert problem.code == "FC101"
    assert f"needs Python 3.{minor} or newer" in problem.message
    assert f"run flowc with Python 3.{minor}" in problem.help
    assert problem.span is not None
    assert problem.span.line == line


@pytest.mark.parametrize(
    "text",
    [
        "x = = 1",
        "def f(:\n    pass",
        "x = (\n",
        "print 1",
        "x = 1 +",
        "f() = 1",
        "x = b'a' 'b'",
        "[a for b in c for0 in d]",
    ],
)
def test_wrong_syntax_needs_no_newer_python(text: str) -> None:
    assert newer_syntax(text) is None
    (problem,) = problems(text)
    assert problem.code == "FC101"
    assert "needs Python" not in problem.message


@pytest.mark.parametrize(("before", "name"), [("x = 'é'\n\n", "é"), ("", "x."), ("", "f'{x}{x"), ("def f(", "b")])
def test_names_with_more_accents_than_python_puts_into_order(before: str, name: str) -> None:
    (problem,) = problems(before + name + "\u0300\u0316" * 200 + " = 1\n")
    assert (problem.code, problem.message) == ("FC101", "a name has too many accents")
    assert problem.span is not None
    assert problem.span.line == before.count("\n") + 1


def test_texts_and_comments_may_have_accents() -> None:
    many = "\u0300" * 999
    assert parse_text(f'x = \'{many}\' # {many}\n"""\n{many}\n"""\n').body


def test_nul_bytes() -> None:
    (problem,) = problems("x = 1\ny = '\0'\n")
    assert (problem.code, problem.message) == ("FC101", "the file has a NUL byte in it")
    assert problem.span is not None
    assert problem.span.line == 2


DEEP = {
    "brackets": "[" * 3000 + "]" * 3000,
    "sum": "1" + " + 1" * 20_000,
    "signs": "-" * 20_000 + "1",
    "attributes": "a" + ".b" * 20_000,
    "calls": "a" + "()" * 20_000,
    "lambdas": "lambda: " * 20_000 + "1",
    "choices": "1 if 1 else " * 20_000 + "1",
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_nesting(name: str) -> None:
    (problem,) = problems(f"a = 1\n\nx = {DEEP[name]}\nb = 2\n")
    assert problem.code == "FC101"
    assert problem.span is not None
    assert problem.span.line == 3


def test_many_branches() -> None:
    (problem,) = problems("a = 1\nif a: pass\n" + "elif a: pass\n" * 20_000)
    assert problem.code == "FC101"
    assert problem.span is not None
    assert problem.span.line == 2


def test_deep_nesting_in_a_file_that_no_python_reads() -> None:
    """libcst is not given what overflows its stack."""
    (problem,) = problems("type X = = int\nx = " + "[" * 3000 + "-" * 20_000)
    assert problem.code == "FC101"


@pytest.mark.process
@pytest.mark.parametrize("depth", [300, 900])
@pytest.mark.parametrize("place", ["body", "decorator", "default", "annotation", "constant"])
def test_what_python_reads_compiles(tmp_path: Path, place: str, depth: int) -> None:
    """A long chain of operators is legal; where flowc needs its value, it may say that it does not know it."""
    chain = "1" + " + 1" * depth
    texts = dict.fromkeys(("body", "decorator", "default", "annotation", "constant"), "1") | {place: chain}
    path = tmp_path / "flow.py"
    path.write_text(f"""\
from flowc import FlowSpec, Parameter, retry, step

N = {texts["constant"]}


class F(FlowSpec):
    p = Parameter("p", default={texts["default"]})

    @retry(times={texts["decorator"]})
    @step
    def start(self):
        self.x: {texts["annotation"]} = {texts["body"]}
        self.next(self.end)

    @retry(times=N)
    @step
    def end(self): pass
""")
    done = subprocess.run(
        [sys.executable, "-m", "flowc_cli", "check", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 2}, done.stderr
    assert "Traceback" not in done.stderr
    assert place in {"decorator", "constant"} or done.returncode == 0, done.stderr


@pytest.mark.parametrize("value", ["not " * 900 + "1", "~" * 900 + "1", "x" + ".a" * 900, "x" + ".strip()" * 900])
def test_deep_expressions_are_no_fault(tmp_path: Path, value: str) -> None:
    (tmp_path / "flow.py").write_text(
        SMALL_FLOW.replace("self.items = list", f"x = str(1)\n        self.y = {value}\n        self.items = list")
    )
    done = flowc(tmp_path, "check", "flow.py")
    assert done.returncode in {0, 2}, done.stderr
    assert "FC101" in done.stderr or done.returncode == 0


def test_large_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_reading, "MAX_BYTES", 2**20)
    path = tmp_path / "flow.py"
    path.write_text("x = 1\n" * 200_000)
    sink = DiagnosticSink()
    assert read_source(path, sink) is None
    assert [item.code for item in sink.diagnostics] == ["FC104"]
    assert "larger than 1 MiB" in sink.diagnostics[0].message


def test_declared_encodings(tmp_path: Path) -> None:
    path = tmp_path / "flow.py"
    path.write_bytes("# coding: latin-1\nname = 'Köln'; other = é(1)\n".encode("latin-1"))
    sink = DiagnosticSink()
    source = read_source(path, sink)
    assert source is not None
    tree = parse(source, sink)
    assert tree is not None
    view = ModuleView(source, tree, sink)
    assert [view.code(node) for node in tree.body] == ["name = 'Köln'", "other = é(1)"]
    assert (view.span(tree.body[1]).column, view.span(tree.body[1]).end_column) == (16, 28)


def test_columns_are_characters_and_lines_are_pythons() -> None:
    text = "a = 'ä\u2028\f'; b = '€'\n\f\nclass  \\\n  K: pass\n@deco\nasync   def  g(x: int = 1): pass\n"
    source = SourceFile(Path("flow.py"), text)
    first, second, owner, function = ast.parse(text).body
    assert source.code(first) == "a = 'ä\u2028\f'"
    assert source.code(second) == "b = '€'"
    assert (source.node_span(second).line, source.node_span(second).column) == (1, 12)
    assert isinstance(owner, ast.ClassDef)
    assert isinstance(function, ast.AsyncFunctionDef)
    name = source.name_span(owner)
    assert (name.line, name.column, name.end_column) == (4, 3, 4)
    head = source.head_span(function)
    assert (head.line, head.column, head.end_column) == (6, 1, 15)
    parameter = source.name_span(function.args.args[0])
    assert (parameter.column, parameter.end_column) == (16, 17)


SMALL_FLOW = """\
from flowc import FlowSpec, Parameter, step


class F(FlowSpec):
    count = Parameter("count", default=3)

    @step
    def start(self):
        self.items = list(range(self.count))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self): pass
"""
WITH_RETRY = SMALL_FLOW.replace("FlowSpec, ", "FlowSpec, retry, ", 1).replace("@step", "@retry(times=2)\n    @step", 1)
UNUSED = (
    "libcst", "yaml", "tomllib", "rich", "importlib.metadata",
    "flowc_compiler.evaluate.evaluator", "flowc_compiler.evaluate.known_values",
    "flowc_compiler.frontend.decorators.arguments.argument_types", "flowc_compiler.frontend.pipelines",
    "flowc_compiler.ir.specs", "flowc_compiler.ir.container_specs", "flowc_compiler.ir.flowspecs",
    "flowc_compiler.ir.kubernetes", "flowc_compiler.ir.regions", "flowc_compiler.passes.regions",
    "flowc_compiler.rewrite", "typer.rich_utils", "typer._adapters", "pydantic.type_adapter", "pydantic.plugin._loader",
)  # fmt: skip
"""What takes time to import, and is of no use for a small class flow. The last ones build validators."""
UNUSED_WITH_RETRY = (
    "libcst", "yaml", "tomllib", "rich",
    "flowc_compiler.evaluate.evaluator", "flowc_compiler.evaluate.known_values",
    "flowc_compiler.frontend.decorators.arguments.compute_arguments", "flowc_compiler.frontend.pipelines",
    "flowc_compiler.ir.flowspecs", "flowc_compiler.ir.kubernetes",
    "flowc_compiler.ir.regions", "flowc_compiler.passes.regions", "flowc_compiler.rewrite", "typer.rich_utils",
)  # fmt: skip
"""The same where a step has `@retry`, whose arguments are validated."""


@pytest.mark.process
@pytest.mark.parametrize(
    ("text", "unused"),
    [
        (SMALL_FLOW, UNUSED),
        (WITH_RETRY, UNUSED_WITH_RETRY),
    ],
    ids=["plain", "retry"],
)
def test_check_of_a_small_flow_imports_what_it_needs(text: str, unused: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "flow.py"
    path.write_text(text)
    code = f"""
import sys
from flowc_cli.__main__ import main
try:
    main(["check", {str(path)!r}])
except SystemExit as ended:
    assert not ended.code
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "flowc_compiler.passes.scopes" in loaded
    assert [name for name in loaded if name.startswith(unused)] == []
