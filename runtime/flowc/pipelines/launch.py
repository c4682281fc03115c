"""Running a pipeline that a program calls: by the `flowc` command, where that is installed.

A container has the shim alone. The command is looked for by name, as for `python flow.py run`.
"""

from __future__ import annotations

from flowc.errors import FlowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspect import Signature
    from typing import Any, Callable, Dict, Tuple

    from flowc.compat.zenml_client import PipelineRun


class PipelineRunFailed(FlowError, SystemExit):  # noqa: N818
    """The run of a pipeline that a program called has failed, or could not begin; the command has said why.

    A program may catch it. One that does not ends with the exit code of `flowc run`, and without a traceback.
    """

    headline = "Pipeline run failed"

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def launch(function: Callable[..., Any], args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> PipelineRun:
    """Run the pipeline with the arguments of the call. Raises PipelineRunFailed.

    The command is `flowc_cli.script.call_pipeline(file, name, arguments)`, which returns the exit code, and the
    pathspec and the store of the run once there is one.
    """
    import inspect

    from flowc.flow_script import commands, shown_path

    arguments = _arguments(inspect.signature(function), args, kwargs)
    name = function.__name__
    file = inspect.getsourcefile(function)
    if file is None or file.startswith("<"):
        raise PipelineRunFailed(f"pipeline {name} is not in a file; save it as one, and run that", 2)
    module = commands()
    if module is None:
        raise PipelineRunFailed(f"pipeline {name} cannot be run here", 2)
    code, run, root = module.call_pipeline(shown_path(file), name, arguments)
    if code:
        raise PipelineRunFailed(f"the run of {name} has failed ({run or 'it was not started'})", code)
    from flowc.client import Run
    from flowc.compat.zenml_client import PipelineRun

    return PipelineRun(Run(run, root=root, _namespace_check=False))


def _arguments(signature: Signature, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Dict[str, Any]:
    """The arguments of a call by name, defaults of plain data among them: the compiler takes the file's first call for
    what is not said."""
    plain = (str, int, float, bool, type(None), list, tuple, dict)
    known: Dict[str, Any] = {name: item.default for name, item in signature.parameters.items()}
    defaults: Dict[str, Any] = {name: value for name, value in known.items() if isinstance(value, plain)}
    return {**defaults, **signature.bind(*args, **kwargs).arguments}
