"""`%load_ext flowc`: the magics `%flowc` and `%%flowc`, and Metaflow's names where it is not installed."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import ExitStack
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Dict, List

from flowc.client.run_object import Run
from flowc.notebooks.cell_source import NotebookError
from flowc.notebooks.cell_statements import Cell, as_python, statements
from flowc.notebooks.notebook_run import (
    FlowFile,
    NBRunner,
    chosen_root,
    execute,
    flow_file,
    is_flow,
    start,
)

_STARTING = frozenset({"run", "resume"})
"""Commands that make a run."""
_OF_FILES = frozenset(
    {"check", "compile", "diff", "graph", "image", "ir", "migrate", "package", "resume", "run", "submit", "try"}
)
"""Commands that are given a file; for others a flow is a name."""


def load_ipython_extension(shell: Any) -> None:
    """Register the magics; let `import metaflow` and `import zenml` find what flowc serves, if not installed."""
    shell.register_magic_function(partial(of_line, shell), "line", "flowc")
    shell.register_magic_function(partial(of_cell, shell), "cell", "flowc")
    missing = [name for name in ("metaflow", "zenml") if name not in sys.modules and find_spec(name) is None]
    if missing:
        from flowc.shim.user_code import serve_modules

        serve_modules()
    if "metaflow" in missing:
        import_module("metaflow").__dict__["NBRunner"] = NBRunner


def of_line(shell: Any, line: str) -> Run | None:
    """`%flowc COMMAND ...`: the command, with flows of cells in the place of files."""
    words = shlex.split(line)
    if not words:
        raise NotebookError("write the command: %flowc check WeatherFlow")
    namespace: Dict[str, Any] = shell.user_ns
    if words[0] in _STARTING and len(words) > 1 and is_flow(namespace.get(words[1])):
        return _run(namespace[words[1]], words[0], words[2:])
    with ExitStack() as stack:
        first: FlowFile | None = None
        if words[0] in _OF_FILES:
            _check_file(words[1:2], namespace)
        for place, word in enumerate(words):
            if place and words[0] in _OF_FILES and is_flow(namespace.get(word)):
                file = stack.enter_context(flow_file(namespace[word]))
                first, words[place] = first or file, file.path
        code = execute(words, first)
    if code:
        raise NotebookError(f"flowc {words[0]} has ended with exit code {code}")
    return None


def _check_file(words: List[str], namespace: Dict[str, Any]) -> None:
    """Raise NotebookError for what could only be the name of a flow, and is none."""
    for name in words:
        if name.isidentifier() and not is_flow(namespace.get(name)) and not os.path.exists(name):
            flows = [key for key, value in namespace.items() if not key.startswith("_") and is_flow(value)]
            close = get_close_matches(name, flows, 1)
            known = f"did you mean {close[0]}?" if close else f"the flows are {', '.join(flows) or 'none so far'}"
            raise NotebookError(f"no cell defines a flow {name}, and there is no such file; {known}")


def of_cell(shell: Any, line: str, cell: str) -> Run | None:
    """`%%flowc [COMMAND] [OPTIONS]`: execute the cell, and then the command (`run`) for the last flow in it."""
    words = shlex.split(line)
    command = "run" if not words or words[0].startswith("-") else words.pop(0)
    result = shell.run_cell(cell)
    if not result.success:
        return None
    names = [name for each in statements([Cell(0, as_python(cell))]) for name in each.binds]
    flows = [name for name in names if is_flow(shell.user_ns.get(name))]
    if not flows:
        raise NotebookError("the cell defines no flow: neither a class of FlowSpec nor a pipeline")
    flow = shell.user_ns[flows[-1]]
    if command in _STARTING:
        return _run(flow, command, words)
    with flow_file(flow) as file:
        code = execute([command, file.path, *words], file)
    if code:
        raise NotebookError(f"flowc {command} has ended with exit code {code}")
    return None


def _run(flow: Any, command: str, words: List[str]) -> Run:
    given = next((word.partition("=")[2] for word in words if word.startswith("--root=")), None)
    if "--root" in words[:-1]:
        at = words.index("--root")
        given = words[at + 1]
        words = [*words[:at], *words[at + 2 :]]
    root = chosen_root(given)
    words = [word for word in words if not word.startswith("--root=")]
    return Run(start(flow, command, words, root=root), root=root, _namespace_check=False)
