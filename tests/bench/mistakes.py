"""The eleven mistakes of tests/compiler/test_artifact_flow.py in five spellings each: what finds them before a run.

A tool has found one if it reports something of the file that it does not report of the corrected file, on any line:
that a type is unknown counts, too.
`MISTAKES_ENV` is an environment with Metaflow, its stubs, pylint, mypy and pyright; tests/bench/setup makes one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.compiler.test_artifact_flow import MARK, MISTAKES, corrected
from tests.support import flowc

ENVIRONMENT = Path(os.environ.get("MISTAKES_ENV", Path(__file__).parent / "env-mistakes"))
IMPORTS = "from metaflow import Config, FlowSpec, Parameter, current, step"
MAIN = '\n\nif __name__ == "__main__":\n    F()\n'

Reports = Mapping[str, set[str]]
"""The name of a file to what is reported of it, without lines and columns."""


def main() -> int:
    """Print how many of the five spellings each tool finds."""
    if not (ENVIRONMENT / "bin" / "pyright").exists():
        sys.stderr.write("run tests/bench/setup first, or name its environment in MISTAKES_ENV\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        names = _write_flows(Path(folder))
        found = {tool: check(Path(folder)) for tool, check in TOOLS.items()}
    sys.stdout.write(f"{_versions()}\n\n")
    _print_line("mistake, in five spellings", *TOOLS)
    _print_line("---", *("---:" for _ in TOOLS))
    total = dict.fromkeys(TOOLS, 0)
    for mistake, spellings in names.items():
        counts = {tool: sum(_is_found(reports, name) for name in spellings) for tool, reports in found.items()}
        total = {tool: total[tool] + count for tool, count in counts.items()}
        _print_line(mistake, *map(str, counts.values()))
    _print_line("found, of 55", *map(str, total.values()))
    right = [f"{name}_right.py" for spellings in names.values() for name in spellings]
    _print_line(
        "corrected flows with a report, of 55",
        *(str(sum(bool(reports.get(name)) for name in right)) for reports in found.values()),
    )
    return 0


def _is_found(reports: Reports, name: str) -> bool:
    return bool(reports.get(f"{name}_wrong.py", set()) - reports.get(f"{name}_right.py", set()))


def _write_flows(folder: Path) -> dict[str, list[str]]:
    """Write every flow, wrong and corrected. Returns the names of the files of each mistake, without their ends."""
    names: dict[str, list[str]] = {}
    for mistake, rows in MISTAKES.items():
        for number, row in enumerate(rows):
            name = f"{re.sub(r'[^a-z]+', '_', mistake.lower())}_{number}"
            names.setdefault(mistake, []).append(name)
            for end, text in (("wrong", MARK.sub("", row.text())), ("right", corrected(row.text()))):
                lines = text.replace("from flowc import *", IMPORTS).rstrip("\n")
                (folder / f"{name}_{end}.py").write_text(lines + MAIN)
    return names


def _of_flowc(folder: Path) -> Reports:
    found: dict[str, set[str]] = {}
    for path in sorted(folder.glob("*.py")):
        done = flowc(folder, "check", path.name, "--format", "json")
        found[path.name] = {f"{item['code']} {item['message']}" for item in json.loads(done.stdout)["diagnostics"]}
    return found


_CHECK = """
import io, os, runpy, sys
import metaflow.cli
from metaflow.pylint_wrapper import PyLint
from pylint.lint import Run

def check(file):
    sys.argv = [file, "--no-pylint", "check"]
    try:
        runpy.run_path(file, run_name="__main__")
    except SystemExit:
        pass

for file in sys.argv[1:]:  # each in a process of its own, in which Metaflow has been imported
    print("FILE", file, flush=True)
    child = os.fork()
    if child == 0:
        os.dup2(1, 2)
        check(file)
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
files, out, sys.stdout = sys.argv[1:], sys.stdout, io.StringIO()
mutators = "metaflow.user_decorators.user_step_decorator.user_step_decorator"
Run([*files, "--signature-mutators", mutators, "--errors-only"], None, False)
printed, sys.stdout = sys.stdout.getvalue(), out
for line in PyLint("").__class__._filter_lines(PyLint(""), printed):
    file, _, message = line.partition(":")
    print("FILE", file)
    print(message)
"""


def _of_metaflow(folder: Path) -> Reports:
    """What `python flow.py check` prints: Metaflow's own checks, and pylint with Metaflow's options and filter."""
    files = sorted(path.name for path in folder.glob("*.py"))
    printed = _run(folder, str(ENVIRONMENT / "bin" / "python"), "-c", _CHECK, *files, PYTHONWARNINGS="ignore")
    found: dict[str, set[str]] = {name: set() for name in files}
    name = ""
    for line in printed.splitlines():
        if line.startswith("FILE "):
            name = line.removeprefix("FILE ")
        elif name in found and line.strip() and not _WELL.search(line):
            found[name].add(re.sub(r"\d+", "N", line.replace(name, "").replace(name.removesuffix(".py"), "")).strip())
    return found


_WELL = re.compile(
    r"^Metaflow |^Creating local datastore |^Validating |The graph looks good!|\.py (?:show|run|help)' (?:shows|runs) "
)
"""What Metaflow prints of a flow that is right."""


def _of_mypy(folder: Path) -> Reports:
    files = sorted(path.name for path in folder.glob("*.py"))
    options = ["--strict", "--no-error-summary", "--cache-dir", os.devnull, "--no-pretty"]
    printed = _run(folder, str(ENVIRONMENT / "bin" / "mypy"), *options, *files)
    found: dict[str, set[str]] = {}
    for line in printed.splitlines():
        match = re.match(r"([^:]+\.py):\d+(?::\d+)?: error: (.*)", line)
        if match is not None:
            found.setdefault(match[1], set()).add(match[2])
    return found


def _of_pyright(folder: Path) -> Reports:
    (folder / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}))
    python = str(ENVIRONMENT / "bin" / "python")
    printed = _run(folder, str(ENVIRONMENT / "bin" / "pyright"), "--outputjson", "--pythonpath", python)
    found: dict[str, set[str]] = {}
    for item in json.loads(printed)["generalDiagnostics"]:
        found.setdefault(Path(item["file"]).name, set()).add(item["message"])
    return found


TOOLS: dict[str, Callable[[Path], Reports]] = {
    "flowc check": _of_flowc,
    "Metaflow's check with pylint": _of_metaflow,
    "mypy --strict": _of_mypy,
    "pyright, strict": _of_pyright,
}


def _run(folder: Path, *command: str, **variables: str) -> str:
    environment = {**os.environ, "METAFLOW_USER": "bench", "HOME": str(folder), **variables}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if "pyright" not in command[0] else done.stdout


def _versions() -> str:
    names = ("metaflow", "metaflow-stubs", "pylint", "mypy", "pyright")
    program = f"from importlib.metadata import version; print(*(f'{{n}} {{version(n)}}' for n in {names}), sep=', ')"
    return _run(Path.cwd(), str(ENVIRONMENT / "bin" / "python"), "-c", program).strip()


def _print_line(*cells: str) -> None:
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
