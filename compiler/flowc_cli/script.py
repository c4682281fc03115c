"""`python flow.py COMMAND`: the commands of a flow's own file, in Metaflow's spelling.

`run`, `try`, `resume`, `check` and `compile` are the commands of `flowc`, for this file; `show` describes the flow.
Metaflow's options before the command become options of `flowc`. Whatever flowc does in another way, or not at all, is
an error that says what to do instead: nothing is ignored.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from flowc.protocol import env_names
from flowc_cli.python_call import PythonCall, executing

COMMANDS = {
    "run": "run the flow on this machine",
    "try": "run one step alone, here in the terminal: try STEP",
    "resume": "run a flow again from where an earlier run ended",
    "check": "print every problem of the flow",
    "show": "describe the flow: its steps and where they lead",
    "compile": "compile the flow to the files of an engine, as in: compile --target argo --root s3://bucket/prefix",
}
"""What `python flow.py` offers."""

INPUT_ERROR = 2

_ELSEWHERE = {
    "airflow": "compile --target airflow",
    "argo-workflows": "compile --target argo",
    "dump": "flowc show {flow}/RUN --json",
    "logs": "flowc logs {flow}/RUN",
    "output-dot": "flowc graph {file} --format dot",
    "output-raw": "flowc ir {file}",
    "package": "compile, which prints the code package with the rest",
    "spin": "try",
    "version": "flowc --version",
}
"""Metaflow's other commands, and what does the same here."""


_SILENT = frozenset({"--no-pylint", "--not-quiet"})
"""Flags for what flowc does anyway."""

_ONLY = {
    "--datastore": ("local", "name the store by its URL, as in: run --root s3://bucket/prefix"),
    "--metadata": ("local", "flowc has no metadata service: runs are in the store"),
    "--environment": ("local", "@conda and @pypi say what an image must hold; flowc installs nothing"),
    "--event-logger": ("nullSidecarLogger", "flowc has no event logger"),
    "--monitor": ("nullSidecarMonitor", "flowc has no monitor"),
}
"""Options of which flowc accepts one value, and why no other."""

_NEVER = {
    "--pylint": "flowc runs no pylint; it has checks of its own: check",
    "--package-suffixes": "name the files to ship: compile --include '**/*.csv'",
    "--mode": "to run one step alone: try STEP",
    "--max-log-size": "logs are kept whole",
    "--runner-attribute-file": "use --run-id-file",
    "--coverage": "run the command under coverage: coverage run flow.py run",
    "--force-rebuild-environments": "flowc builds no environments",
}
"""Options that flowc does not have, and what to do instead."""

_PASSED = {"--branch": "--branch", "--datastore-root": "--root", "--profile": "--profile", "--with": "--with"}
"""Options before the command that belong to it."""

_TWO = {"--config", "--config-value"}
"""Options before the command with a name and a value."""

_BEHIND = {"--namespace", "--max-log-size", "--runner-attribute-file"}
"""Options behind the command that are Metaflow's only. The others are options of flowc, or parameters."""

_READERS = r"argparse|click|typer|fire|docopt|optparse|getopt|absl|hydra|tyro|jsonargparse|simple_parsing|plac|cyclopts"
_READS_ARGUMENTS = re.compile(rf"^[ \t]*(?:import|from)[ \t]+(?:{_READERS})\b|\bargv\b", re.MULTILINE)


class _BadOptionError(Exception):
    """An option that flowc does not have; the message says what to do instead."""


def main(file: str, flow_name: str, arguments: Sequence[str]) -> int:
    """Run one command for the flow `flow_name` of `file`. Returns the exit code of `flowc`."""
    try:
        command, rest = _split(arguments)
    except _BadOptionError as error:
        return _fail(file, str(error))
    if command in (None, "help"):
        _usage(file, flow_name)
        return 0
    if command not in COMMANDS:
        hint = _ELSEWHERE.get(command, "")
        way_out = f"; in flowc it is: {hint.format(flow=flow_name, file=file)}" if hint else ""
        return _fail(file, f"there is no command {command!r}{way_out}")
    if {"-h", "--help"} & set(rest):
        return _help(file, flow_name, command)
    if command == "show":
        return _flowc(["graph", file, "--format", "text", "--flow", flow_name, *rest], file)
    return _flowc([command, file, "--flow", flow_name, *rest], file)


def call_pipeline(file: str, name: str, values: Mapping[str, object]) -> tuple[int, str, str]:
    """Run the pipeline `name` of `file` for a program that calls it, by default with these arguments.

    Where the pipeline's own file is the program, its command line is read as for a class flow, unless the program reads
    it itself. Returns the exit code, and the pathspec and the root of the run; both are empty where there is none.
    Raises SystemExit after any command but a run: the program cannot continue without a run.
    """
    arguments = _program_arguments(file)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in {"-h", "--help"}):
        arguments = ["run", *arguments]
    call = PythonCall(values)
    with executing(call):
        code = main(file, name, arguments)
    if call.run is None and code == 0:
        raise SystemExit(0)
    if call.run is None:
        return code, "", ""
    flow, run_id, root = call.run
    return code, f"{flow}/{run_id}", root


def _program_arguments(file: str) -> list[str]:
    """The command line, where it is for flowc to read."""
    program = getattr(sys.modules["__main__"], "__file__", None)
    if program is None or Path(program).resolve() != Path(file).resolve():
        return []
    text = Path(file).read_text(encoding="utf-8", errors="replace")
    return [] if _READS_ARGUMENTS.search(text) else sys.argv[1:]


def _split(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """The command, `None` for the help, and the arguments for it. Raises _BadOptionError.

    Sets FLOWC_NAMESPACE for `--namespace`: tasks take the namespace from there.
    """
    rest = list(arguments)
    passed: list[str] = []
    while rest and rest[0].startswith("-"):
        if rest[0] in {"-h", "--help"}:
            return None, []
        passed += _option(rest)
    if not rest:
        if passed:
            raise _BadOptionError("options, and no command")
        return None, []
    command = rest.pop(0)
    if command not in {"run", "resume"}:  # the others say nothing of their own
        passed = [item for item in passed if item != "--quiet"]
    behind: list[str] = []
    while rest:
        own = rest[0].partition("=")[0] in _BEHIND
        behind += _option(rest) if own else [rest.pop(0)]
    return command, [*passed, *behind]


def _option(rest: list[str]) -> list[str]:
    """Take one option and its value off the list. Returns the options of flowc that it stands for."""
    item = rest.pop(0)
    name, separator, value = item.partition("=")

    def given() -> str:
        if separator:
            return value
        if not rest:
            raise _BadOptionError(f"{name} needs a value")
        return rest.pop(0)

    if name in {"--production", "--quiet"}:
        return [name]
    if name in _SILENT:
        return []
    if name in _NEVER:
        raise _BadOptionError(f"flowc has no option {name}: {_NEVER[name]}")
    if name in _ONLY:
        only, why = _ONLY[name]
        if (got := given()) != only:
            raise _BadOptionError(f"{name} {got} is not something that flowc does: {why}")
        return []
    if name == "--namespace":
        os.environ[env_names.NAMESPACE] = given()
        return []
    if name in _PASSED:
        return [_PASSED[name], given()]
    if name in _TWO:
        return [name, given(), given()]
    raise _BadOptionError(f"{name} is not an option before the command")


def _flowc(arguments: list[str], file: str) -> int:
    """The `flowc` command in this process."""
    from flowc_cli.__main__ import main as flowc

    try:
        flowc(arguments, program=f"python {file}")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _usage(file: str, flow_name: str) -> None:
    lines = [f"usage: python {file} COMMAND [OPTIONS]", "", f"Flow {flow_name}. Commands:", ""]
    lines += [f"  {name:<8} {text}" for name, text in COMMANDS.items()]
    lines += ["", f"python {file} COMMAND --help lists the options of a command."]
    sys.stdout.write("\n".join(lines) + "\n")


def _help(file: str, flow_name: str, command: str) -> int:
    """Print a command's options, without the file and the flow; for a run also the flow's parameters."""
    from flowc_cli.app import load_command
    from flowc_cli.outline import parameters_of
    from flowc_cli.output import write

    found = load_command("graph" if command == "show" else command)
    filled_in = {"file", "files", "flow", *(["format"] if command == "show" else [])}
    found.params = [parameter for parameter in found.params if parameter.name not in filled_in]
    if command == "show":
        found.help = COMMANDS["show"]
    context = found.make_context(f"python {file} {command}", [], resilient_parsing=True)
    sys.stdout.write(f"{found.get_help(context)}\n")
    if command == "run":
        write(parameters_of(file, flow_name))
    return 0


def _fail(file: str, message: str) -> int:
    sys.stderr.write(f"flowc: {message}\ntry: python {file} --help\n")
    return INPUT_ERROR
