"""What a main block passes to its pipeline: the value that Python passes, or a diagnostic, and never another value.

The snippets are in `evaluated/`; those under `# known:` must have a value, those under `# any:` may be refused.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowc_compiler.diagnostics import FlowcError
from flowc_compiler.driver import compile_file
from flowc_compiler.driver.parameter_inputs import ParameterInputs

FOLDER = Path(__file__).parent / "evaluated"
HEAD = """\
from flowc import pipeline, step

@step
def note(x, y):
    print(x, y)

@pipeline
def p(x=1, y="default"):
    note(repr(x), repr(y))

"""
REFUSED = "refused"


def snippets(name: str) -> dict[str, str]:
    """The snippets of a file by their titles, such as `known: def main`."""
    found: dict[str, str] = {}
    for block in f"\n{(FOLDER / name).read_text()}".split("\n# ")[1:]:
        title, _, text = block.partition("\n")
        assert title not in found, title
        found[title] = text
    return found


MAIN_BLOCKS = snippets("main_blocks.py.txt")


class _Stub:
    """Stands for a pipeline, and notes the arguments of its first call."""

    def __init__(self, function: Callable[..., Any], calls: list[dict[str, Any]]) -> None:
        self.function = function
        self.calls = calls

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        bound.apply_defaults()
        self.calls.append(copy.deepcopy(dict(bound.arguments)))

    def with_options(self, **_: Any) -> _Stub:
        """The same pipeline."""
        return _Stub(self.function, self.calls)


def _unchanged(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def by_python(text: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any] | None:
    """What the pipeline is called with when Python runs the file; `None` where it is not."""
    calls: list[dict[str, Any]] = []
    module = type(sys)("__main__")
    names = module.__dict__

    def pipeline(function: Callable[..., Any]) -> _Stub:
        return _Stub(function, calls)

    names.update(step=_unchanged, pipeline=pipeline, __file__="flow.py")
    monkeypatch.setitem(sys.modules, "__main__", module)
    monkeypatch.setattr(sys, "argv", ["flow.py"])
    math = sys.modules["math"]
    kept = dict(vars(math))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        exec(compile(text.replace("from flowc import pipeline, step\n", ""), "flow.py", "exec"), names)
    vars(math).clear()
    vars(math).update(kept)
    return calls[0] if calls else None


def by_flowc(text: str, folder: Path) -> dict[str, Any] | str:
    """What the pipeline is compiled with, or the messages of the errors."""
    file = folder / "flow.py"
    file.write_text(text)
    try:
        flow = compile_file(file).flow
    except FlowcError as error:
        return "; ".join(f"{item.code} {item.message}" for item in error.diagnostics if item.severity == "error")
    return {item.name: item.default for item in flow.parameters}


@pytest.mark.parametrize("title", MAIN_BLOCKS)
def test_main_blocks(title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAD + MAIN_BLOCKS[title]
    wanted = by_python(text, monkeypatch)
    found = by_flowc(text, tmp_path)
    if isinstance(found, str):
        assert not title.startswith("known"), found
        return
    if wanted is not None:
        assert {key: repr(value) for key, value in found.items()} == {key: repr(value) for key, value in wanted.items()}


UNKNOWN = {
    "import argparse\np(x=argparse.ArgumentParser().parse_args().n)": "FC304 parameter `x` has no known value",
    "p(x=input())": "`input(...)` is not known before the file runs",
    "import os\nif os.name:\n    p(x=2)\nelse:\n    p(x=3)": "the calls in the lines 13 and 15 pass different",
    "import os\nif os.name:\n    p(x=2)\np(x=3)": "the calls in the lines 13 and 14 pass different values",
    "import os\nif os.name:\n    n = 2\nelse:\n    n = 3\np(x=n)": "it depends on what line 12 of",
    "import fire\nfire.Fire(p)": "FC304 parameter `x` has no known value",
    "import os\nq = p.with_options(retry=2) if os.name else p\nq()": "FC402 which options of `p` count is not known",
    "import os\nif os.name:\n    note.configure(retry=2)\np()": "FC402 whether this configures `note` is not known",
    "n = [1]\nfor _ in range(60):\n    n = [n, n]\np(x=n)": "more than 1000000 entries",
    "n = []\nn.append(n)\np(x=n)": "nested too deeply",
    "for _ in range(10**9):\n    pass\nn = 2\np(x=n)": "takes too long to evaluate",
}


@pytest.mark.parametrize("text", UNKNOWN)
def test_what_is_not_known_is_an_error(text: str, tmp_path: Path) -> None:
    """A parameter that the file passes a value to never falls back to its default."""
    found = by_flowc(HEAD + text + "\n", tmp_path)
    assert isinstance(found, str)
    assert UNKNOWN[text] in found


def test_a_value_from_outside_is_enough(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(HEAD + "import fire\nfire.Fire(p)\n")
    given = ParameterInputs(assignments=("x=5", "y=given"))
    assert [item.default for item in compile_file(tmp_path / "flow.py", given=given).flow.parameters] == [5, "given"]


CLASS_BODIES = snippets("class_bodies.py.txt") | snippets("folded.py.txt")


@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # Python 3.14 warns about `break` in `finally`
@pytest.mark.parametrize("title", CLASS_BODIES)
def test_class_bodies(title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a parameter has as its default: `=>` is its expression, `==>` goes before it, `<=` after the class."""
    lines = CLASS_BODIES[title].splitlines()
    above = [line for line in lines if not line.startswith(("=>", "==>", "<="))]
    inside = [line[4:] for line in lines if line.startswith("==>")]
    (default,) = [line[3:] for line in lines if line.startswith("=>")]
    after = [line[3:] for line in lines if line.startswith("<=")]
    body = [*inside, f"p = Parameter('p', default={default})"]
    text = "\n".join([*above, "class F(FlowSpec):", *(f"    {line}" for line in body), _STEPS, *after, ""])
    found = _default(text, tmp_path)
    try:
        wanted = _python_default(text, monkeypatch)
    except NameError:
        wanted = _Failed
    if found is REFUSED:
        assert not title.startswith("known"), wanted
    else:
        assert repr(found) == repr(wanted)


class _Failed:
    """Stands for the value of what Python refuses."""


_STEPS = """
    @step
    def start(self):
        self.next(self.end)
    @step
    def end(self):
        pass
"""


def _python_default(text: str, monkeypatch: pytest.MonkeyPatch) -> object:
    import builtins

    kept = builtins.len
    found: list[Any] = []
    module = type(sys)("__main__")
    names = module.__dict__

    def parameter(name: str, default: object) -> None:
        del name
        found.append(default)

    names.update(FlowSpec=object, step=_unchanged, Parameter=parameter, __file__="flow.py")
    monkeypatch.setitem(sys.modules, "__main__", module)
    try:
        exec(compile(text, "flow.py", "exec"), names)
    finally:
        builtins.len = kept
    return found[0]


def _default(text: str, folder: Path) -> object:
    file = folder / "flow.py"
    file.write_text(f"from flowc import FlowSpec, Parameter, step\n{text}")
    try:
        (parameter,) = compile_file(file).flow.parameters
    except FlowcError:
        return REFUSED
    return REFUSED if parameter.dynamic_default else parameter.default
