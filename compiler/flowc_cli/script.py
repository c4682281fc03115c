"""`python flow.py COMMAND`: the commands of a flow's own file, in Metaflow's spelling.

`run`, `resume`, `check` and `compile` are those of `flowc`, with the file filled in; `show` describes the flow. What
Metaflow takes and flowc does otherwise, or not at all, is an error that says how to go on: nothing is passed over.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

COMMANDS = {
    "run": "run the flow on this machine",
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
    "version": "flowc --version",
}
"""Metaflow's other commands, and what does the same here."""


def main(file: str, flow_name: str, arguments: Sequence[str]) -> int:
    """Run one command for the flow `flow_name` of `file`; returns the exit code, that of `flowc`."""
    from flowc_cli.scriptoptions import BadOption, split

    try:
        command, rest = split(arguments)
    except BadOption as error:
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
    """Run the pipeline `name` of `file` for a program that calls it.

    Returns the exit code, and the pathspec and the root of the run; both are empty where there is none.
    """
    from flowc_cli.scriptcalls import answer

    return answer(file, name, values)


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
    """A command's options, without what this file fills in; for a run the flow's parameters as well."""
    from flowc_cli.app import app
    from flowc_cli.outline import parameters_of

    group: Any = typer.main.get_command(app)
    found = group.commands["graph" if command == "show" else command]
    filled_in = {"file", "flow", "format"} if command == "show" else {"file", "flow"}
    found.params = [parameter for parameter in found.params if parameter.name not in filled_in]
    if command == "show":
        found.help = COMMANDS["show"]
    context = found.make_context(f"python {file} {command}", [], resilient_parsing=True)
    sys.stdout.write(f"{found.get_help(context)}\n")
    if command == "run":
        sys.stdout.write(parameters_of(file, flow_name))
    return 0


def _fail(file: str, message: str) -> int:
    sys.stderr.write(f"flowc: {message}\ntry: python {file} --help\n")
    return INPUT_ERROR
