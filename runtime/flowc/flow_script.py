"""`python flow.py COMMAND`: what `FlowName()` at the end of a flow's file does when that file is run.

The commands are those of the `flowc` command line, which the shim does not have: a container has only the shim.
They are looked for when a file is run, by name; this is the one place where the shim reaches up to the compiler.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List

_COMMANDS = "flowc_cli.script"


def main(cls: type) -> int:
    """Run the command that the command line names, for the flow `cls` of the file that runs; returns the exit code."""
    file = getattr(sys.modules["__main__"], "__file__", None)
    if file is None:
        sys.stderr.write(f"flowc: {cls.__name__} is not in a file; save it as one, and run that: python flow.py run\n")
        return 2
    found = commands()
    if found is None:
        return 2
    run: Callable[[str, str, List[str]], int] = found.main
    return run(shown_path(file), cls.__name__, sys.argv[1:])


def commands() -> Any:
    """The module that runs commands; `None`, having said what is missing, where there is the shim only."""
    from importlib import import_module

    try:
        return import_module(_COMMANDS)
    except ImportError as error:
        major, minor = sys.version_info[:2]
        old = f" with Python 3.11 or newer (this is {major}.{minor})" if (major, minor) < (3, 11) else ""
        sys.stderr.write(
            f"flowc: this Python has what flows are written with, but not the flowc command ({error});\n"
            f"to run, check or compile a flow, install flowc{old}: pip install flowc\n"
        )
        return None


def shown_path(file: str) -> str:
    """The file as the user would write it: Python has made its path absolute."""
    import os

    relative = os.path.relpath(file)
    return file if relative.startswith(os.pardir) else relative
