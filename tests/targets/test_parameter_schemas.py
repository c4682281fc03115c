"""What engines' forms and the help of `run` say of a parameter's values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowc_cli.outline import parameters_of
from tests.support import compiled, emitted, errors, yaml_documents

HEAD = """\
import enum
from pathlib import Path
from typing import Literal

from metaflow import FlowSpec, Parameter, step
from metaflow._vendor import click


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class SchemaFlow(FlowSpec):
    p = Parameter("p", {declared})

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def _emitted(folder: Path, declared: str, target: str, **options: Any) -> str:
    files, sink = emitted(compiled(folder, HEAD.replace("{declared}", declared)), target, **options)
    assert not errors(sink)
    return files[0].text


@pytest.mark.parametrize(
    ("declared", "value", "enum"),
    [
        ("type=click.Choice(['a', 'b']), default='a'", "a", ["a", "b"]),
        ("type=click.Choice(['a', 'b'])", "flowc:default", ["flowc:default", "a", "b"]),
        ("type=click.Choice(['a', 'b']), required=True", None, ["a", "b"]),
        ("type=Literal['a', 'b'], default='b'", "b", ["a", "b"]),
        ("type=Color, default='red'", "red", ["red", "blue"]),
        ("type=click.Choice(['a', 'b'], case_sensitive=False), default='a'", "a", None),
        ("type=click.Choice(['{{a}}', 'b']), default='b'", "b", None),
        ("type=click.Choice(['a', 'b']), multiple=True, default=['a']", '["a"]', None),
        ("default='x', envvar='P'", "flowc:default", None),
        ("default=Path('x')", "flowc:default", None),
    ],
)
def test_argo_offers_the_choices(tmp_path: Path, declared: str, value: str | None, enum: list[str] | None) -> None:
    documents = yaml_documents(_emitted(tmp_path, declared, "argo", kind="template"))
    workflow = next(item for item in documents if item["kind"] == "WorkflowTemplate")
    parameter = next(item for item in workflow["spec"]["arguments"]["parameters"] if item["name"] == "p")
    assert (parameter.get("value"), parameter.get("enum")) == (value, enum)


@pytest.mark.parametrize(
    ("declared", "schema"),
    [
        ("type=click.Choice(['a', 'b']), default='a'", 'default="a", type="string", enum=["a", "b"]'),
        ("type=click.Choice(['a', 'b'])", 'default=None, type=["null", "string"], enum=["a", "b", None]'),
        ("type=click.IntRange(0, 5), default=2", 'default=2, type="integer", minimum=0, maximum=5'),
        ("type=click.IntRange(0, 5, clamp=True), default=2", 'default=2, type="integer"'),
        ("choices=[1, 2], default=1", 'default=1, type="integer", enum=[1, 2]'),
        ("type=click.FloatRange(min=0.5), required=True", 'type="number", minimum=0.5'),
        ("multiple=True, type=int", 'default=None, type=["null", "array"], description="a JSON list"'),
    ],
)
def test_airflow_checks_the_values(tmp_path: Path, declared: str, schema: str) -> None:
    text = " ".join(_emitted(tmp_path, declared, "airflow").split()).replace("( ", "(").replace(", )", ")")
    assert f'"p": Param({schema})' in text.replace("[ ", "[").replace(", ]", "]")


@pytest.mark.parametrize(
    ("declared", "line"),
    [
        ("type=click.Choice(['a', 'b']), default='a', help='what'", "--p (a|b) what [default: a]"),
        ("type=click.IntRange(0, 5), default=2", "--p (int from 0 to 5) [default: 2]"),
        ("type=click.IntRange(min=1)", "--p (int, at least 1)"),
        ("default=1, metavar='N'", "--p (N) [default: 1]"),
        ("type=Path", "--p (str for Path)"),
        ("multiple=True, type=int", "--p (int; may be repeated)"),
        ("nargs=2", "--p (2 times str)"),
        ("count=True", "--p (may be repeated) [default: 0]"),
        ("default=1, hidden=True", ""),
    ],
)
def test_the_help_says_which_values_there_are(tmp_path: Path, declared: str, line: str) -> None:
    file = tmp_path / "flow.py"
    file.write_text(HEAD.replace("{declared}", declared))
    assert line in parameters_of(str(file), None)
    assert line or not parameters_of(str(file), None)
