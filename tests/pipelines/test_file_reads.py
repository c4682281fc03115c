"""What a pipeline's body reads: files, places beside it, dates, and values that each run has anew."""

from __future__ import annotations

import ast
import os
import runpy
from typing import TYPE_CHECKING, Any

import pytest

from flowc_compiler.diagnostics import FlowcError
from flowc_compiler.driver import compile_file
from tests.pipelines.comparing import run_flowc

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "conf/c.yaml": "a: {lr: 0.5, cols: [x, y]}\nroot: data\n",
    "conf/c.json": '{"n": 3}',
    "conf/c.toml": "[t]\nk = 4\n",
    "note.txt": "first\nsecond\n",
}
HEAD = """
import datetime, json, os, tomllib, uuid
from datetime import timedelta, timezone
from pathlib import Path
import yaml
from zenml import pipeline, step

with open("conf/c.yaml", "r") as file:
    config = yaml.safe_load(file)
path = os.path.join(config["root"], "x.csv")
ROOT = Path(__file__).resolve().parent

def load(name):
    with open(name) as file:
        return json.load(file)

try:
    absent = Path("nobody").read_text()
except FileNotFoundError:
    absent = ""
closed = open("note.txt")
text = closed.read()
closed.close()

def lines(name):
    with open(name, encoding="utf-8") as first, open(name, "r") as second:
        return [line.strip() for line in first.readlines()] + second.read().split()

@step
def same(value: object) -> object:
    return value
"""
VALUES = (
    'config["a"]["lr"]',
    "path",
    "text",
    'load("conf/c.json")["n"]',
    'lines("note.txt")',
    'yaml.load(open(Path(__file__).parent / "conf" / "c.yaml"), Loader=yaml.FullLoader)["a"]["cols"]',
    'yaml.safe_load(Path("conf/c.yaml").read_text())["root"]',
    'tomllib.load(open("conf/c.toml", "rb"))["t"]',
    'yaml.safe_load("[1, 2]")',
    '(ROOT / "conf" / "c.yaml").open().read()',
    '(ROOT / "note.txt").read_text("utf-8") + open("note.txt", encoding="UTF-8").read()',
    'str(ROOT / "data" / "x.zip")',
    "ROOT",
    '[os.path.join(os.path.dirname(os.path.abspath(__file__)), "note.txt"), __file__]',
    'f"{ROOT}/x"',
    'datetime.datetime.strptime("2024-05-06", "%Y-%m-%d")',
    "datetime.date(2024, 1, 2) + timedelta(days=3)",
    "[datetime.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=2))), datetime.time(4, 5, fold=1)]",
    '{"path": Path("a") / "b", "id": uuid.UUID(int=5), "time": timedelta(days=-1, microseconds=2)}',
)


def _write(folder: Path, body: str) -> Path:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    file = folder / "flow.py"
    file.write_text(f"{HEAD}\n@pipeline\ndef flow():\n{body}\n", encoding="utf-8")
    return file


@pytest.mark.process
@pytest.mark.filterwarnings("ignore:unclosed", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_steps_get_what_python_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = _write(tmp_path, "\n".join(f"    same({value}, id='v{place}')" for place, value in enumerate(VALUES)))
    plain = HEAD.replace("from zenml import pipeline, step\n", "").replace("@step\n", "")
    (tmp_path / "plain.py").write_text(f"{plain}\nvalues = [{', '.join(VALUES)}]\n", encoding="utf-8")
    expected: list[Any] = runpy.run_path(os.fspath(tmp_path / "plain.py"))["values"]
    found = run_flowc(file)
    assert found.ok, found.log
    ours = {step: task.artifacts["output"] for (step, _), task in found.tasks.items() if step.startswith("v")}
    texts = {f"v{place}": repr(value).replace("plain.py", "flow.py") for place, value in enumerate(expected)}
    assert {step: repr(value) for step, value in ours.items()} == texts


OF_THE_RUN = """
    run = uuid.uuid4().hex[:8]
    same([run, f"run-{run}"], id="ids")
    same(run, id="again")
    same(random.randint(3, b=3), id="number")
    same(datetime.datetime.now(tz=timezone.utc).strftime("%Y") > "2000", id="year")
    same("early" if time.time() < 5 else "late", id="hour")
    if random.random() > 2:
        same(1, id="never")
"""


@pytest.mark.process
def test_a_value_that_each_run_has_anew_is_the_same_for_its_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _write(tmp_path, OF_THE_RUN)
    file.write_text(f"import random, time\n{file.read_text()}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = run_flowc(file)
    assert found.ok, found.log
    ours = {step: task.artifacts["output"] for (step, _), task in found.tasks.items() if "run_value" not in step}
    (first, second), again = ours.pop("ids"), ours.pop("again")
    assert (second, again, len(first)) == (f"run-{first}", first, 8)
    assert ours == {"number": 3, "year": True, "hour": "late"}


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        ("with open('out.txt', 'w') as file:\n        file.write('x')", "FC110"),
        ("with open('nobody.yaml') as file:\n        same(file.read())", "FC110"),
        ("same(open('nobody.yaml').read())", "FC115"),
        ("same(open('/etc/hostname').read())", "FC115"),
        ("same(open('note.txt'))", "FC113"),
        ("same(Path('nobody').read_text())", "FC110"),
        ("same((ROOT / 'nobody').open().read())", "FC110"),
        ("same(Path('note.txt').write_text('x'))", "FC110"),
        ("same(yaml.load(open('conf/c.yaml'), Loader=yaml.UnsafeLoader))", "FC115"),
        ("same(json.load(open('note.txt')))", "FC112"),
        ("same(os.getcwd())", "FC115"),
        ("same(str(ROOT.parent.parent / 'x'))", "FC115"),
        ("same(ROOT.name)", "FC115"),
    ],
)
def test_other_files_and_places_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, refused: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = _write(tmp_path, f"    same(1)\n    {code}")
    ast.parse(file.read_text())
    with pytest.raises(FlowcError) as caught:
        compile_file(file)
    assert {item.code for item in caught.value.diagnostics if item.severity == "error"} == {refused}


@pytest.mark.parametrize(
    "text",
    [
        'same(open("note.txt").read(3))',
        'same(open("note.txt", "rb").read())',
        'same(open("note.txt", newline="").read())',
        'same(Path("note.txt").read_text("utf-16"))',
        'same(Path("note.txt").read_text(errors="ignore"))',
        'same(Path("missing.txt").read_text())',
        'same(Path("missing.txt").open().read())',
        'file = open("note.txt"); same(file.read()); same(file.read())',
    ],
)
def test_what_a_read_gives_is_known_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FlowcError) as raised:
        compile_file(_write(tmp_path, f"    {text}"))
    assert [found.code for found in raised.value.diagnostics] in (["FC110"], ["FC115"])


def test_a_file_that_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    compile_file(_write(tmp_path, '    file = open("note.txt"); text = file.read(); file.close(); same(text)'))
