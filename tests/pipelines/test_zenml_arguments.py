"""Typed arguments of pipelines: steps see what they see in ZenML, by default, from a call, and from `-p`.

One pipeline has all of them, with a step for each. The oracle needs the environment that tests/bench/setup makes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from flowc.client import Run
from flowc_compiler.diagnostics import FlowcError
from flowc_compiler.driver import ParameterInputs, compile_file
from tests.pipelines.asking_zenml import answers_of_zenml

HEAD = """\
import datetime
import decimal
import enum
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Dict, List, Literal, NamedTuple, Optional, Tuple, Union

from pydantic import BaseModel
from zenml import pipeline, step


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Mode(str, enum.Enum):
    FAST = "fast"
    SLOW = "slow"


class Level(int, enum.Enum):
    LOW = 1
    HIGH = 2


class Config(BaseModel):
    lr: float = 0.1
    n: int = 1
    mode: Mode = Mode.FAST


class Outer(BaseModel):
    config: Config = Config()
    tags: List[str] = []


@dataclass
class Optimizer:
    name: str = "adam"
    rate: float = 0.1
    where: Optional[Path] = None


@dataclass(frozen=True)
class Search:
    optimizer: Optimizer = field(default_factory=Optimizer)
    color: Color = Color.RED


class Point(NamedTuple):
    x: int
    y: int = 0

"""


class Row(NamedTuple):
    """An argument: its annotation and default, what a call and `-p` give for it, and what the step sees."""

    annotation: str
    default: str
    seen: str
    call: str
    text: str
    seen_then: str


_CONFIG = "Config Config(lr={}, n=1, mode=<Mode.FAST: 'fast'>)"
ROWS = {
    "model": Row("Config", "Config(lr=0.2)", _CONFIG.format(0.2), "{'lr': 3}", '{"lr": 3}', _CONFIG.format(3.0)),
    "model_object": Row(
        "Config", "Config()", _CONFIG.format(0.1), "Config(lr=3)", '{"lr": 3}', _CONFIG.format(3.0)
    ),
    "model_in_a_model": Row(
        "Outer", "Outer(tags=['a'])", f"Outer Outer(config={_CONFIG.format(0.1)[7:]}, tags=['a'])",
        "Outer(config=Config(lr=0.3))", '{"config": {"lr": 0.3}}',
        f"Outer Outer(config={_CONFIG.format(0.3)[7:]}, tags=[])",
    ),
    "optional_model": Row(
        "Optional[Config]", "None", "NoneType None", "{'lr': 2}", '{"lr": 2}', _CONFIG.format(2.0)
    ),
    "models": Row("List[Config]", "[]", "list []", "[{'lr': 2}]", '[{"lr": 2}]', f"list [{_CONFIG.format(2.0)[7:]}]"),
    "models_by_name": Row(
        "Dict[str, Config]", "{'a': Config()}", f"dict {{'a': {_CONFIG.format(0.1)[7:]}}}", "{'b': Config(lr=1)}",
        '{"b": {"lr": 1}}', f"dict {{'b': {_CONFIG.format(1.0)[7:]}}}",
    ),
    "dataclass": Row(
        "Optimizer", "Optimizer(rate=0.2)", "Optimizer Optimizer(name='adam', rate=0.2, where=None)",
        "{'rate': 3, 'where': 'a/b'}", '{"rate": 3, "where": "a/b"}',
        "Optimizer Optimizer(name='adam', rate=3.0, where=PosixPath('a/b'))",
    ),
    "dataclass_object": Row(
        "Optimizer", "Optimizer()", "Optimizer Optimizer(name='adam', rate=0.1, where=None)",
        "Optimizer('sgd', rate=0.5)", '{"name": "sgd", "rate": 0.5}',
        "Optimizer Optimizer(name='sgd', rate=0.5, where=None)",
    ),
    "dataclass_in_a_dataclass": Row(
        "Search", "Search()",
        "Search Search(optimizer=Optimizer(name='adam', rate=0.1, where=None), color=<Color.RED: 'red'>)",
        "Search(Optimizer('sgd'), Color.BLUE)", '{"optimizer": {"name": "sgd"}, "color": "blue"}',
        "Search Search(optimizer=Optimizer(name='sgd', rate=0.1, where=None), color=<Color.BLUE: 'blue'>)",
    ),
    "literal": Row("Literal['a', 'b']", "'a'", "str 'a'", "'b'", "b", "str 'b'"),
    "literal_of_numbers": Row("Literal[1, 2]", "1", "int 1", "2", "2", "int 2"),
    "optional_literal": Row("Optional[Literal['a', 'b']]", "None", "NoneType None", "'b'", "b", "str 'b'"),
    "member": Row("Color", "Color.RED", "Color <Color.RED: 'red'>", "'blue'", "blue", "Color <Color.BLUE: 'blue'>"),
    "member_object": Row(
        "Color", "Color.RED", "Color <Color.RED: 'red'>", "Color.BLUE", "blue", "Color <Color.BLUE: 'blue'>"
    ),
    "member_of_text": Row(
        "Mode", "Mode.FAST", "Mode <Mode.FAST: 'fast'>", "'slow'", "slow", "Mode <Mode.SLOW: 'slow'>"
    ),
    "member_of_numbers": Row("Level", "Level.LOW", "Level <Level.LOW: 1>", "2", "2", "Level <Level.HIGH: 2>"),
    "members": Row(
        "Dict[str, Color]", "{}", "dict {}", "{'a': 'red'}", '{"a": "red"}', "dict {'a': <Color.RED: 'red'>}"
    ),
    "path": Row("Path", "Path('x')", "PosixPath PosixPath('x')", "'y/z'", "y/z", "PosixPath PosixPath('y/z')"),
    "paths": Row("List[Path]", "[]", "list []", "['a', 'b']", '["a", "b"]', "list [PosixPath('a'), PosixPath('b')]"),
    "date": Row(
        "datetime.date", "datetime.date(2024, 1, 2)", "date datetime.date(2024, 1, 2)", "'2023-03-04'", "2023-03-04",
        "date datetime.date(2023, 3, 4)",
    ),
    "decimal": Row(
        "decimal.Decimal", "decimal.Decimal('1.50')", "Decimal Decimal('1.50')", "'2.5'", "2.5",
        "Decimal Decimal('2.5')",
    ),
    "identifier": Row(
        "uuid.UUID", "uuid.UUID(int=1)", "UUID UUID('00000000-0000-0000-0000-000000000001')",
        "'00000000-0000-0000-0000-000000000002'", "00000000-0000-0000-0000-000000000002",
        "UUID UUID('00000000-0000-0000-0000-000000000002')",
    ),
    "union": Row("Union[int, str]", "1", "int 1", "'x'", "x", "str 'x'"),
    "number": Row("float", "1.5", "float 1.5", "3", "3", "float 3.0"),
    "tuple": Row("Tuple[int, str]", "(1, 'a')", "tuple (1, 'a')", "(2, 'b')", '[2, "b"]', "tuple (2, 'b')"),
    "set": Row("set", "{1}", "set {1}", "{1, 2}", "[1, 2]", "set {1, 2}"),
    "annotated": Row("Annotated[int, 'how many']", "1", "int 1", "3", "3", "int 3"),
}  # fmt: skip
REFUSED = {
    "literal": ("Literal['a', 'b']", "'c'", "FC303"),
    "member": ("Color", "'green'", "FC303"),
    "number": ("int", "'x'", "FC303"),
}
"""What both refuse: by name the annotation, the value, and the code."""


def _file(folder: Path, call: str) -> Path:
    steps = [
        f"@step(enable_cache=False)\ndef show_{name}(value: {row.annotation}) -> str:\n"
        '    return f"{type(value).__name__} {value!r}"\n\n\n'
        for name, row in ROWS.items()
    ]
    parameters = ", ".join(f"{name}: {row.annotation} = {row.default}" for name, row in ROWS.items())
    calls = "".join(f"    show_{name}({name})\n" for name in ROWS)
    head = f"@pipeline(enable_cache=False)\ndef arguments({parameters}):\n{calls}\n\n"
    end = f"def main():\n    arguments({call})\n\n\nif __name__ == '__main__':\n    main()\n"
    file = folder / f"arguments_{'given' if call else 'default'}.py"
    file.write_text(f"{HEAD}\n{''.join(steps)}{head}{end}", encoding="utf-8")
    return file


CALL = ", ".join(f"{name}={row.call}" for name, row in ROWS.items())
DEFAULT = {f"show_{name}": row.seen for name, row in ROWS.items()}
GIVEN = {f"show_{name}": row.seen_then for name, row in ROWS.items()}


def _seen(file: Path, *arguments: str) -> dict[str, str]:
    """What the steps of `flowc run` returned."""
    root = file.parent / "store"
    command = [sys.executable, "-m", "flowc_cli", "run", str(file), "--root", str(root), *arguments]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (folder,) = (root / "arguments").glob("2*")
    run = Run(f"arguments/{folder.name}", root=str(root))
    return {task.step: task.value("output") for step in run for task in step if task.step.startswith("show_")}


@pytest.mark.process
def test_defaults_are_what_the_signature_has(tmp_path: Path) -> None:
    assert _seen(_file(tmp_path, "")) == DEFAULT


@pytest.mark.process
def test_values_of_a_call_are_made_by_the_annotations(tmp_path: Path) -> None:
    assert _seen(_file(tmp_path, CALL)) == GIVEN


@pytest.mark.process
def test_texts_of_the_command_line_are_made_by_the_annotations(tmp_path: Path) -> None:
    given = [part for name, row in ROWS.items() for part in ("-p", f"{name}={row.text}")]
    assert _seen(_file(tmp_path, ""), *given) == GIVEN


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_type_takes_is_refused(name: str, tmp_path: Path) -> None:
    annotation, value, code = REFUSED[name]
    file = tmp_path / "flow.py"
    step = f"@step\ndef show(value: {annotation}) -> None:\n    pass\n\n\n"
    body = f"@pipeline\ndef arguments(value: {annotation}):\n    show(value)\n\n\n"
    for call, inputs in ((value, ()), ("", (f"value={value[1:-1]}",))):
        file.write_text(f"{HEAD}\n{step}{body}arguments({call})\n" if call else f"{HEAD}\n{step}{body}")
        with pytest.raises(FlowcError) as caught:
            compile_file(file, given=ParameterInputs(inputs, to_run=True))
        assert code in [item.code for item in caught.value.diagnostics]


@pytest.mark.oracle
def test_zenml_gives_the_same(tmp_path: Path) -> None:
    answers = answers_of_zenml(tmp_path, [_file(tmp_path, ""), _file(tmp_path, CALL)])
    for name, expected in (("arguments_default", DEFAULT), ("arguments_given", GIVEN)):
        assert answers[name]["error"] is None
        outputs = {step: said["outputs"]["output"] for step, said in answers[name]["steps"].items()}
        assert outputs == {step: repr(seen) for step, seen in expected.items()}


MADE = f"""{HEAD}
BASE = Config(lr=0.5)
CHANGED = Config()
CHANGED.lr = 9


@step
def show(value: Any) -> None:
    pass


@pipeline
def made():
"""


@pytest.mark.parametrize("use", ["BASE", "Config(n=4)", "[BASE, Color.RED]", "{'a': Optimizer()}", "[BASE][0]"])
def test_steps_get_objects_of_the_files_classes(use: str, tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    file.write_text(f"{MADE}    show({use})\n")
    assert compile_file(file).flow.steps


@pytest.mark.parametrize(
    "use", ["BASE.lr", "CHANGED", "BASE + 1", "f'{BASE}'", "BASE == Config()", "len(BASE)", "BASE and 1", "{BASE: 1}"]
)
def test_what_is_in_an_object_of_a_model_is_unknown(use: str, tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    file.write_text(f"{MADE}    show({use})\n")
    with pytest.raises(FlowcError) as caught:
        compile_file(file)
    assert [item.code for item in caught.value.diagnostics if item.severity == "error"] == ["FC115"]
