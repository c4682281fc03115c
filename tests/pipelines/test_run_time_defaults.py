"""Parameters whose default only a run knows: a task computes it, or check, run and compile report it alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import NO_INPUTS, ParameterInputs, compile_file
from flowc_targets.package.run_plan import build_plan
from tests.support import flowc

HEAD = """\
import logging
import os
import time
from datetime import datetime
from pathlib import Path

from zenml import pipeline, step

logger = logging.getLogger(__name__)
HERE = Path(__file__).parent


@step(enable_cache=False)
def use(x: object) -> None:
    print("OUT", x)


@step(enable_cache=False)
def items() -> list[int]:
    return [1]


"""
DEFAULTS = {
    "str(Path(__file__).parent / 'x')": "str",
    "str(HERE / 'x')": "str",
    "os.path.join(os.path.dirname(os.path.abspath(__file__)), 'x')": "str",
    "os.getcwd()": "str",
    "datetime.now().strftime('%Y')": "str",
    "f'{datetime.now():%Y}'": "str",
    "int(time.time()) // 10**9": "int",
    "int(time.time()) // 10**9 ": "float",
    "os.environ.get('FLOWC_TEST_ABSENT')": "str",
}
"""Defaults by their annotation; a space makes a second key."""
BODIES = {
    "use(x)": "",
    "use(x=x)": "",
    "y = x\\nuse(y)": "",
    "use(f'{x}/b')": "",
    "z = x + x\\nuse(z)": "",
    "print(x)\\nlogger.info('x %s', x)\\nlogger.info(f'{x}')\\nuse(x)": "",
    "if x == 'a':\\n    use(x)": "",
    "import logging as log\\nlog.info('x %s', x)\\nuse(x)": "",
    "for i in x:\\n    use(i)": "FC304",
    "use({'a': 1}[x])": "FC304",
    "use(1, id=x)": "FC304",
}
"""What a body does with the parameter, and what a compilation says of that."""


def _write(folder: Path, signature: str, body: str, main: str = "") -> Path:
    lines = body.replace("\\n", "\n").splitlines()
    text = (
        HEAD + f"@pipeline(enable_cache=False)\ndef main({signature}):\n" + "".join(f"    {line}\n" for line in lines)
    )
    file = folder / "flow.py"
    file.write_text(f"{text}\n\nif __name__ == '__main__':\n    main({main})\n", encoding="utf-8")
    return file


def _codes(file: Path, given: ParameterInputs) -> list[tuple[str, str, int]]:
    sink = DiagnosticSink()
    try:
        flow = compile_file(file, sink, given=given).flow
        given.bind(flow, sink)
    except FlowcError:
        pass
    return [(item.code, item.severity, item.span.line if item.span else 0) for item in sink.diagnostics]


@pytest.mark.parametrize("default", list(DEFAULTS))
def test_a_task_computes_a_default_that_only_a_run_knows(default: str, tmp_path: Path) -> None:
    file = _write(tmp_path, f"x: {DEFAULTS[default]} = {default}", "use(x)")
    for given in (ParameterInputs(to_check=True), NO_INPUTS, ParameterInputs(to_run=True)):
        assert _codes(file, given) == []
    flow = compile_file(file).flow
    (entry,) = build_plan(flow)["parameters"]
    assert entry["computed"] == [None, "main"]
    assert not flow.parameters[0].required


@pytest.mark.parametrize("body", list(BODIES))
def test_what_a_body_does_with_it(body: str, tmp_path: Path) -> None:
    file = _write(tmp_path, "x: str = os.getcwd()", body)
    line = file.read_text(encoding="utf-8").splitlines().index("def main(x: str = os.getcwd()):") + 1
    wanted = BODIES[body]
    for given, severity in ((ParameterInputs(to_check=True), "warning"), (NO_INPUTS, "error")):
        found = [item for item in _codes(file, given) if item[0] not in {"FC116", "FC225"}]
        assert found == ([(wanted, severity, line)] if wanted else []), given


@pytest.mark.parametrize("default", ["1 / 0", "int('x')"])
def test_a_default_that_fails_is_not_left_to_the_task(default: str, tmp_path: Path) -> None:
    file = _write(tmp_path, f"x: int = {default}", "use(x)")
    assert {severity for _, severity, _ in _codes(file, NO_INPUTS)} == {"error"}


def test_a_check_reports_an_argument_of_the_call_that_is_not_known(tmp_path: Path) -> None:
    file = _write(tmp_path, "x: str", "use(x)", "x=os.getcwd()")
    line = len(file.read_text(encoding="utf-8").splitlines())
    assert _codes(file, ParameterInputs(to_check=True)) == [("FC304", "warning", line)]
    assert ("FC304", "error", line) in _codes(file, ParameterInputs(to_run=True))
    assert _codes(file, ParameterInputs(to_run=True, assignments=("x=a",))) == []


@pytest.mark.process
def test_a_run_computes_each(tmp_path: Path) -> None:
    signature = ", ".join(f"a{place}: {DEFAULTS[text]} = {text}" for place, text in enumerate(DEFAULTS))
    values = "".join(f"{{a{place}}};" for place in range(len(DEFAULTS)))
    body = "print(a3)\\ny = a3\\nuse(f'" + values + "{y}')"
    done = flowc(tmp_path, "run", _write(tmp_path, signature, body))
    here = tmp_path.resolve()
    year = __import__("datetime").datetime.now().strftime("%Y")
    files = f"{here}/x;" * 3
    assert f"OUT {files}{here};{year};{year};1;1.0;None;{here}\n" in done.stdout + done.stderr
