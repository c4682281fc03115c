"""The command of the shim: `python3 flow.pyz task ...`, or `python -m flowc task ...` with FLOWC_PLAN set.

Any other word is for the command line of `flowc`, where that is installed: `python -m flowc check flow.py`.
"""

from __future__ import annotations

import os
import sys

from flowc.errors import ProtocolError
from flowc.protocol import env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Dict, List

    from flowc.protocol.plan import Plan
    from flowc.shim.task_identity import Task
    from flowc.store.run_layout import Path

USAGE = """\
usage: task --step STEP [--index 3.0] [--attempt N] [--first N] [--outputs DIR]
       group --group NAME [--index 3.0] [--attempt N] [--first N] [--outputs DIR]
       choice --step STEP [--index 3] --outputs DIR
       wait --step STEP [--index 3.0] [--approval]
       hook FUNCTION [--forgive]

Runs one task of a compiled flow, or those of a pod group, looks up what a recursive switch has chosen in the end, or
calls an exit hook. The environment names the run: FLOWC_ROOT, FLOWC_RUN_ID, FLOWC_TAGS, FLOWC_PARAM_*.
"""
NO_COMMAND_LINE = "This Python does not have the `flowc` command, which compiles and runs flows: pip install flowc\n"
_COMMAND_LINE = "flowc_cli.__main__"


def main(arguments: List[str] | None = None) -> int:
    """Run a command and return its exit code."""
    args = sys.argv[1:] if arguments is None else arguments
    if os.getpid() == 1:
        _end_at_sigterm()
    if args[:1] in (["task"], ["group"], ["fork-server"], ["choice"], ["hook"], ["wait"]) and os.environ.get(
        env_names.CODE
    ):
        from flowc.protocol.exit_codes import PROTOCOL_ERROR
        from flowc.shim.loaded_plan import find_package

        try:
            find_package()
        except (ProtocolError, OSError) as error:
            sys.stderr.write(f"flowc: the code cannot be read: {error}\n")
            return PROTOCOL_ERROR
    if args[:1] == ["task"]:
        return _task(args[1:])
    if args[:1] == ["group"]:
        return _group(args[1:])
    if args[:1] == ["fork-server"]:
        from flowc.shim.fork_server import serve

        return serve(int(args[1]), fresh="fresh" in args[2:], of_pod="pod" in args[2:])
    if args[:1] == ["choice"]:
        return _choice(args[1:])
    if args[:1] == ["hook"]:
        return _hook(args[1:])
    if args[:1] == ["wait"]:
        return _wait(args[1:])
    return _command_line(args)


def _command_line(args: List[str]) -> int:
    """Run the `flowc` command where it is installed. It is looked for by name: a container has the shim only."""
    from importlib import import_module

    try:
        found = import_module(_COMMAND_LINE)
    except ImportError:
        sys.stderr.write(f"{USAGE}{NO_COMMAND_LINE}")
        return 0 if args[:1] in (["--help"], ["-h"]) else 2
    try:
        found.main(args, program="python -m flowc")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _end_at_sigterm() -> None:
    """As any other process does: the kernel withholds from PID 1, which a container's process is, what it ignores."""
    from flowc.shim.plain_signal import signal

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        os._exit(128 + number)

    signal.signal(signal.SIGTERM, end)


def _task(args: List[str]) -> int:
    from flowc.errors import ProtocolError
    from flowc.protocol.exit_codes import PROTOCOL_ERROR
    from flowc.shim.loaded_plan import load_plan
    from flowc.shim.log_keeper import keep_log, leave
    from flowc.shim.task_identity import Task
    from flowc.store.run_layout import parse_index

    try:
        options = _options(args)
        plan = load_plan()
        task = Task(
            options["step"],
            plan.own_path(options["step"], parse_index(options.get("index", ""))),
            int(options.get("attempt", "0")),
            _absolute(options.get("outputs")),
            first=int(options.get("first", "0")),
        )
    except (ProtocolError, ValueError, KeyError) as error:
        sys.stderr.write(f"flowc: {error}\n")
        return PROTOCOL_ERROR
    # Of a step in three containers, what the middle one prints is with the engine: the other two would hide that.
    kept = keep_log(plan.flow, task) if env_names.CONTAINER_PART not in os.environ else None
    if kept is not None:
        leave(kept)
    from flowc.shim.task_runner import run_task  # the process that keeps the log doesn't need it

    line_buffer()
    if task.step in plan.steps and plan.steps[task.step].install is not None and plan.steps[task.step].cache:
        from flowc.shim.task_cache import take_before_packages

        if take_before_packages(plan, task):
            return 0
    code = run_task(plan, task, problem=_enter_packages(plan, task, ["task", *args]))
    _forget_broken_streams()
    return code


def _group(args: List[str]) -> int:
    from flowc.errors import FlowError
    from flowc.protocol.exit_codes import PROTOCOL_ERROR, USER_ERROR
    from flowc.shim.loaded_plan import load_plan
    from flowc.shim.pod_group import run_group
    from flowc.store.run_layout import parse_index

    try:
        options = _options(args, "group")
        plan, path = load_plan(), parse_index(options.get("index", ""))
        path = plan.own_path(options["group"], path)
        steps = map(plan.step, plan.group(options["group"]).steps)
        install = next((step.install for step in steps if not step.synthetic), None)
        if install is not None:  # the same of all steps of the group
            from flowc.shim.pod_packages import enter_packages

            enter_packages(install, ["group", *args])
        line_buffer()
        attempt, first = int(options.get("attempt", "0")), int(options.get("first", "0"))
        outputs, cleared = _absolute(options.get("outputs")), attempt == first > 0
        return run_group(plan, options["group"], path, outputs, again=attempt > first, cleared=cleared)
    except (FlowError, ValueError, KeyError) as error:
        sys.stderr.write(f"flowc: {error}\n")
        return PROTOCOL_ERROR if isinstance(error, (ProtocolError, ValueError, KeyError)) else USER_ERROR


def _absolute(path: str | None) -> str | None:
    return None if path is None else os.path.abspath(path)


def _enter_packages(plan: Plan, task: Task, arguments: List[str]) -> Exception | None:
    """Go on as a process with the packages that the step installs, if it does; returns why that is impossible."""
    install = plan.steps[task.step].install if task.step in plan.steps else None
    if install is None:
        return None
    from flowc.errors import FlowError
    from flowc.shim.pod_packages import enter_packages

    try:
        enter_packages(install, arguments, bool if task.log is None else task.log.survive_exec)
    except FlowError as error:
        return error
    return None


def _forget_broken_streams() -> None:
    """Python ends with the code 120 where it cannot flush what the step has made of these: its values are stored."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except BaseException:
            setattr(sys, name, None)


def _choice(args: List[str]) -> int:
    from flowc.errors import FlowError
    from flowc.protocol.exit_codes import PROTOCOL_ERROR
    from flowc.shim.loaded_plan import load_plan
    from flowc.store.run_layout import parse_index

    try:
        options = _options(args)
        plan, path = load_plan(), parse_index(options.get("index", ""))
        look_up(plan, options["step"], plan.own_path(options["step"], (*path, 0))[:-1], options["outputs"])
    except (FlowError, ValueError, KeyError) as error:
        sys.stderr.write(f"flowc: {error}\n")
        return PROTOCOL_ERROR
    return 0


def _wait(args: List[str]) -> int:
    from flowc.errors import FlowError
    from flowc.protocol.exit_codes import PROTOCOL_ERROR
    from flowc.shim.gate import look
    from flowc.shim.loaded_plan import load_plan
    from flowc.shim.task_identity import Task
    from flowc.store.run_layout import parse_index

    approval = "--approval" in args
    try:
        options = _options([argument for argument in args if argument != "--approval"])
        task = Task(options["step"], parse_index(options.get("index", "")), 0, outputs=options.get("outputs"))
        line_buffer()
        return look(load_plan(), task, approval=approval)
    except (FlowError, ValueError, KeyError) as error:
        sys.stderr.write(f"flowc: {error}\n")
        return PROTOCOL_ERROR


def _hook(args: List[str]) -> int:
    from flowc.shim.exit_hook import run_hook
    from flowc.shim.loaded_plan import load_plan

    options = args[1:]
    if "--outputs" in options:  # engines pass it to every command; a hook has no outputs
        place = options.index("--outputs")
        del options[place : place + 2]
    forgive = options == ["--forgive"]
    if not args or len(options) != forgive:
        sys.stderr.write(USAGE)
        return 2
    line_buffer()
    code = run_hook(load_plan(), args[0])
    return 0 if forgive else code


def line_buffer() -> None:
    """Flush the output line by line, also into a pipe."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True)


def _options(args: List[str], required: str = "step") -> Dict[str, str]:
    """`--name value` and `--name=value`; argparse would cost more time than the task."""
    known = {required, "index", "attempt", "first", "outputs"}
    options: Dict[str, str] = {}
    rest = iter(args)
    for argument in rest:
        name, separator, value = argument.partition("=")
        if not name.startswith("--") or name[2:] not in known:
            raise ValueError(f"unknown argument {argument!r}\n{USAGE}")
        options[name[2:]] = value if separator else next(rest, "")
    if required not in options:
        raise ValueError(f"--{required} is missing\n{USAGE}")
    return options


def look_up(plan: Plan, step: str, path: Path, outputs: str) -> None:
    """Write the choice of the last iteration of a step at `path` to the folder `outputs`.

    Raises MissingInput, ProtocolError and StoreError.
    """
    from flowc.errors import MissingInput
    from flowc.shim.task_results import write_output
    from flowc.store import open_store
    from flowc.store.run_layout import RunLayout, task_id

    try:
        root, run = os.environ[env_names.ROOT], os.environ[env_names.RUN_ID]
    except KeyError as error:
        raise ProtocolError(f"the environment has no {error.args[0]}") from None
    layout = RunLayout(open_store(root), plan.flow, run)
    last = layout.latest_iteration(step, path)
    if last is None:
        raise MissingInput(f"no iteration of {task_id(step, path)} has finished in run {plan.flow}/{run}")
    write_output(outputs, "choice", layout.manifest(step, (*path, last))["choice"])


if __name__ == "__main__":
    if sys.path[0] == os.getcwd():  # Python puts the working directory there; a code package does not
        del sys.path[0]
    sys.exit(main())
