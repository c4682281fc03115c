"""Running a pipeline that a program calls: by the `flowc` command, where that is installed.

A container has the shim alone. The command is looked for by name, as for `python flow.py run`.
"""

from __future__ import annotations

import sys

from flowc.errors import FlowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Tuple

FAILED = 1


class PipelineRunFailed(FlowError):  # noqa: N818
    """The run of a pipeline that a program called has failed."""

    headline = "Pipeline run failed"


def launch(function: Callable[..., Any], args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
    """Run the pipeline with the arguments of the call. Raises PipelineRunFailed; SystemExit where it is the script.

    The command is `flowc_cli.script.call_pipeline(file, name, arguments)`, which returns the exit code, and the
    pathspec of the run once there is one.
    """
    import inspect

    from flowc.cli import commands, shown_path

    signature = inspect.signature(function)
    arguments = dict(signature.bind(*args, **kwargs).arguments)
    file = inspect.getsourcefile(function)
    script = function.__module__ == "__main__"
    if file is None:
        raise PipelineRunFailed(f"{function.__qualname__} is not in a file; save it as one, and run that")
    module = commands()
    if module is None:
        return _fail(f"{function.__qualname__} cannot be run here", 2, script=script)
    code, run = module.call_pipeline(shown_path(file), function.__name__, arguments)
    if code:
        return _fail(
            f"the run of {function.__qualname__} has failed ({run or 'it was not started'})", code, script=script
        )
    from flowc.pipelines.client import Client

    return Client().get_pipeline_run(run)


def _fail(text: str, code: int, *, script: bool) -> Any:
    """A script ends, for the command has said what is wrong; another program gets an exception."""
    if script:
        sys.exit(code or FAILED)
    raise PipelineRunFailed(text)
