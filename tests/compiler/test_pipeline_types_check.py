"""The check of types in whole files: what it says, what it lets pass, and what it costs."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file

STEPS = """
from __future__ import annotations
from typing import *
from dataclasses import dataclass
from flowc import pipeline, step, unmapped
import pandas as pd

@dataclass
class Config:
    rate: float = 0.1

@step
def load() -> int:
    return 3

@step
def many() -> list[int]:
    return [1, 2]

@step
def config() -> Config:
    return Config()

@step
def maybe() -> Config | None:
    return None

@step
def bare():
    return 1

@step
def text(value: str) -> str:
    return value

@step
def number(value: int) -> int:
    return value

@step
def texts(values: list[str]) -> str:
    return ""

@step
def tune(config: Config, mode: Literal["fast", "slow"] = "fast") -> pd.DataFrame:
    return pd.DataFrame()

@step
def table(data: pd.DataFrame, *, index: Sequence[str] | None = None) -> None: ...

@step
def nested(rows: list[list[int]]) -> int:
    return 0
"""


def problems(folder: Path, body: str, *, more: str = "", end: str = "flow()") -> list[tuple[str, str, str]]:
    """(code, message, help) of what the compiler says of a pipeline with that body."""
    path = folder / "flow.py"
    body = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    path.write_text(f"{STEPS}\n{textwrap.dedent(more)}\n@pipeline\ndef flow():\n{body}\n\n{end}\n")
    sink = DiagnosticSink()
    try:
        compile_file(path, sink)
    except FlowcError as error:
        return [(item.code, item.message, item.help) for item in error.diagnostics]
    return [(item.code, item.message, item.help) for item in sink.diagnostics]


@pytest.mark.parametrize(
    ("body", "code", "message", "help"),
    [
        ("text(load())", "FC310", "`text` takes `str` for `value`, and gets `int` from `load` (line 13)", "change one"),
        ("text(3)", "FC310", "`text` takes `str` for `value`, and gets the `int` 3", "write '3'"),
        ("number('3')", "FC310", "`number` takes `int` for `value`, and gets the `str` '3'", "write 3"),
        ("number(None)", "FC310", "`number` takes `int` for `value`, and gets `None`", "take `int | None`"),
        ("number(many())", "FC310", "gets `list[int]` from `many`", "`number.map(...)` calls it once for each item"),
        ("texts.map(['a'])", "FC310", "gets `str`", "`texts(...)` without `.map` gets the whole list"),
        ("texts(number.map(many()))", "FC310", "gets `list[int]` from `number`", "change one"),
        ("texts([text('a'), load()])", "FC310", "gets `list[str | int]`, with `int` from `load`", "change one"),
        ("text.map(many())", "FC310", "gets `int`, each item of what is from `many` (line 17)", "change one"),
        ("tune(config(), mode='quick')", "FC310", "`Literal['fast', 'slow']` for `mode`, and gets the `str` '", ""),
        ("tune({'rate': 1})", "FC310", "takes `Config` for `config`, and gets `dict[str, int]`", "type `Config`"),
        ("tune(maybe())", "FC311", "takes `Config` for `config`, and may get `None` from `maybe`", "let `tune` take"),
        ("table(tune(config()), index='abc')", "", "", ""),
        ("table(tune(config()), index=[load()])", "FC310", "gets `list[int]`, with `int` from `load`", ""),
        ("number.map(load())", "FC312", "`.map` iterates over a list, and gets `int` from `load`", "map over"),
        ("nested([number.map(many()), [1, 2], number.map([3])])", "", "", ""),
        ("nested([number.map(many()), text.map(['a'])])", "FC310", "with `list[str]` from `text`", ""),
        ("nested([[load(), 'x']])", "FC310", "gets `list[list[int | str]]`", ""),
    ],
)  # fmt: skip
def test_messages(tmp_path: Path, body: str, code: str, message: str, help: str) -> None:
    found = problems(tmp_path, body)
    assert [item[0] for item in found] == ([code] if code else [])
    if code:
        assert message in found[0][1]
        assert help in found[0][2]


@pytest.mark.parametrize(
    "body",
    [
        "number(bare())",
        "text(bare())",
        "table(bare(), index=None)",
        "tune(config(), mode='slow')",
        "number(many()[0])",
        "nested([many(), many()])",
        "number.map(bare())",
        "number.map(number.map(many()))",
        "number.map(range(3))",
        "number.map([])",
        "texts([])",
        "number(value=True)",
        "for value in [1, 2]:\n    number(value)",
        "if load() > 2:\n    chosen = load()\nelse:\n    chosen = bare()\nnumber(chosen)",
        "load.with_options(id='x')\nnumber.with_options(parameters={'value': 1})()",
        "def inner(x: str):\n    return number(x)\ninner(load())",
    ],
)
def test_nothing_to_say(tmp_path: Path, body: str) -> None:
    assert [item for item in problems(tmp_path, body) if item[0].startswith("FC31")] == []


def test_nested_maps(tmp_path: Path) -> None:
    more = """
    @step
    def parts(of: int) -> list[float]:
        return [0.5]

    @step
    def half(value: float) -> str:
        return ""

    @pipeline
    def each(item: int):
        return half.map(parts(item))

    @step
    def all_of(rows: list[list[str]]) -> None: ...

    @step
    def wrong(rows: list[str]) -> None: ...
    """
    assert problems(tmp_path, "all_of(each.map(many()))", more=more) == []
    found = problems(tmp_path, "wrong(each.map(many()))", more=more)
    assert [item[0] for item in found] == ["FC310"]
    assert "takes `list[str]` for `rows`, and gets `list[list[str]]` from `half`" in found[0][1]


def test_steps_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("from dataclasses import dataclass\n@dataclass\nclass Row:\n    x: int\n")
    (tmp_path / "steps.py").write_text(
        "from flowc import step\nfrom models import Row\n@step\ndef fetch() -> list[Row]:\n    return []\n"
    )
    more = """
    from steps import fetch
    from models import Row as Line

    @step
    def show(row: Line) -> None: ...
    """
    assert problems(tmp_path, "show.map(fetch())", more=more) == []
    found = problems(tmp_path, "texts(fetch())", more=more)
    assert "gets `list[Row]` from `fetch` (" in found[0][1]
    assert "steps.py:4)" in found[0][1]


def test_an_error_in_a_loop_is_reported_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "n = load()\nfor i in range(20):\n    text(n)")) == 1


def test_many_calls_are_cheap(tmp_path: Path) -> None:
    def seconds(annotation: str) -> float:
        path = tmp_path / "wide.py"
        path.write_text(
            f"from flowc import pipeline, step\n@step\ndef one(x: {annotation}) -> {annotation}:\n    return x\n"
            f"@step\ndef total(xs: list[{annotation}]) -> None: ...\n"
            "@pipeline\ndef wide():\n    total([one(i) for i in range(2000)])\nwide()\n"
        )
        start = time.perf_counter()
        compile_file(path)
        return time.perf_counter() - start

    seconds("object")
    assert seconds("int") < 2 * seconds("Unknown") + 0.5


@pytest.mark.process
def test_class_flows_do_not_load_the_types() -> None:
    code = """
import sys
from pathlib import Path
from flowc_compiler.driver import compile_file
compile_file(Path(sys.argv[1]))
assert not [name for name in sys.modules if "pipelines" in name], sys.modules
"""
    examples = Path(__file__).parents[2] / "examples"
    flow = next(path for path in sorted(examples.glob("*.py")) if "(FlowSpec)" in path.read_text())
    subprocess.run([sys.executable, "-c", code, str(flow)], check=True)
