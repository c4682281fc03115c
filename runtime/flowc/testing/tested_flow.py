"""The flow that a test names: its file, what the compiler makes of it, and the module that the test shares with it."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, NamedTuple, Tuple, Type, TypeVar, Union, cast

from flowc.errors import FlowError
from flowc.flowspec import FlowSpec
from flowc.pipelines import FunctionWrapper, StepFunction

if TYPE_CHECKING:
    from flowc_cli.flow_options import FlowOptions
    from flowc_compiler.diagnostics import Diagnostic, DiagnosticSink
    from flowc_compiler.driver import Compilation, ParameterInputs
    from flowc_compiler.filesystem import Seen

    AnyFlow = Union[str, "os.PathLike[str]", Type[Any], FunctionWrapper[Any, Any]]
    """A class, a pipeline or a step of pipelines, as the test has imported it; or the path of a file with one flow."""

    Key = Tuple[Any, ...]


Function = TypeVar("Function", bound=Callable[..., Any])


class UsageError(FlowError, ValueError):
    """A test asks for what its flow does not have; the message names what there is."""


class CompileFailed(FlowError):  # noqa: N818
    """The flow does not compile. The message is what `flowc check` prints; `codes` has the codes of the errors."""

    def __init__(self, text: str, diagnostics: Tuple[Diagnostic, ...]) -> None:
        super().__init__(text)
        self.diagnostics = diagnostics
        """All of them, warnings among them."""

    @property
    def codes(self) -> List[str]:
        """The codes of the errors, in the order of the file."""
        return [item.code for item in self.diagnostics if item.severity == "error"]


def short_traceback(function: Function) -> Function:
    """Let errors about the test's own arguments point to the test, not to what has found them."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            return function(*args, **kwargs)
        except FlowError as error:
            raise error.with_traceback(None)  # noqa: B904 (it is the same error)

    return cast("Function", call)


class NamedFlow(NamedTuple):
    """What a test names."""

    path: Path
    name: Union[str, None]
    """The flow's name; `None` for the only one of a file."""
    found: Any
    """The class, pipeline or step; `None` where the test names a file."""

    def module(self) -> ModuleType:
        """The module with the flow, which the test has imported, or which is imported for it."""
        if self.found is None:
            return load(self.path)
        is_function = isinstance(self.found, FunctionWrapper)
        owner: Any = inspect.unwrap(self.found.entrypoint) if is_function else self.found
        return sys.modules[owner.__module__]


def tested_flow(flow: AnyFlow) -> NamedFlow:
    """The flow that a test names. Raises UsageError for anything else, and for what is in no file."""
    if isinstance(flow, (str, os.PathLike)):
        path = Path(flow)
        if not path.is_file():
            raise UsageError(f"there is no file {path} (the working directory is {os.getcwd()})")
        return NamedFlow(path, None, None)
    if isinstance(flow, FunctionWrapper):
        function: Any = inspect.unwrap(flow.entrypoint)  # pyright: ignore[reportUnknownMemberType]
        return NamedFlow(_file(function, function.__code__.co_filename), function.__name__, flow)
    if inspect.isclass(flow) and any(base.__name__ == "FlowSpec" for base in flow.__mro__[1:]):
        return NamedFlow(_file(flow, _source_file(flow)), flow.__name__, flow)
    raise UsageError(f"give a flow's class, a pipeline, or the path of a file, not {_shown(flow)}")


def _shown(value: Any) -> str:
    return f"the class {value.__qualname__}" if inspect.isclass(value) else f"a {type(value).__name__}: {value!r:.80}"


def _source_file(cls: type) -> str:
    try:
        return inspect.getsourcefile(cls) or ""
    except (TypeError, OSError):
        return ""


def _file(found: Any, file: str) -> Path:
    if not os.path.isfile(file):
        raise UsageError(
            f"{found.__qualname__} is in no file ({file or 'it was made by a program'}); flowc reads files"
        )
    if "<locals>" in found.__qualname__:
        raise UsageError(f"{found.__qualname__} is within a function; define the flow at the top of {file}")
    return Path(file)


def serve() -> None:
    """Let `import metaflow` and `import zenml` find what flowc serves, as in tasks, whether or not these are installed.

    For `conftest.py`, above the tests that import a flow with `from metaflow import FlowSpec`.
    """
    from flowc.shim.user_code import serve_modules

    for name in ("metaflow", "zenml"):
        module = sys.modules.get(name)
        if module is not None and not str(getattr(module, "__file__", "") or "").startswith(_own_folder()):
            raise UsageError(f"{name} itself is imported already ({module!r}); call flowc.testing.serve() before that")
    serve_modules()


def _own_folder() -> str:
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def load(path: Union[str, os.PathLike[str]]) -> ModuleType:
    """Import the file of a flow as a task does, with `metaflow` and `zenml` served; once in a process.

    Its names can be replaced by `monkeypatch.setattr(module, "name", ...)`. Raises what the file raises.
    """
    from importlib.util import module_from_spec, spec_from_file_location

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.frontend import read_source
    from flowc_compiler.syntax.local_code import local_code

    file = tested_flow(path).path.resolve()
    known = _imported(file)
    if known is not None:
        return known
    sink = DiagnosticSink()
    source = read_source(file, sink)
    if source is None:
        raise CompileFailed(rendered(sink), sink.diagnostics)
    root = local_code(source).root
    serve()
    sys.path[:0] = [str(folder) for folder in root.path if str(folder) not in sys.path]
    spec = spec_from_file_location(root.module, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[root.module] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[root.module]
        raise
    return module


def _imported(file: Path) -> ModuleType | None:
    """The module of a file that is imported already."""
    for module in list(sys.modules.values()):
        place = getattr(module, "__file__", None)
        if isinstance(place, str) and os.path.basename(place) == file.name and Path(place).resolve() == file:
            return module
    return None


class _Known(NamedTuple):
    compilation: Compilation
    inputs: ParameterInputs
    seen: Seen


_compiled: Dict[Key, _Known] = {}
"""What was compiled in this process, with what was seen for it: tests of one flow come in dozens."""


def compile_tested(
    tested: NamedFlow,
    parameters: Mapping[str, Any],
    configs: Mapping[str, Any],
    decorators: Tuple[str, ...] = (),
    *,
    to_run: bool = False,
) -> Tuple[Compilation, ParameterInputs]:
    """What the compiler makes of a flow, with its project's settings, and what binds its parameters.

    Raises CompileFailed.
    """
    from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
    from flowc_compiler.filesystem import SEEN, look

    key = (str(tested.path.absolute()), tested.name, repr(parameters), repr(configs), decorators, to_run, os.getcwd())
    known = _compiled.get(key)
    if known is not None and all(look(*what) == seen for what, seen in known.seen.items()):
        return known.compilation, known.inputs
    seen: Seen = {}
    options = _options(tested, parameters, configs, decorators, to_run=to_run)
    token, sink = SEEN.set(seen), DiagnosticSink()
    try:
        found = options.compile(tested.path, sink)
    except FlowcError as error:
        raise CompileFailed(rendered(sink), error.diagnostics) from None
    finally:
        SEEN.reset(token)
    _compiled[key] = _Known(found, options.parameters, seen)
    return found, options.parameters


def _options(
    tested: NamedFlow, parameters: Mapping[str, Any], configs: Mapping[str, Any], decorators: Any, *, to_run: bool
) -> FlowOptions:
    import json

    from flowc_cli.flow_options import FlowOptions
    from flowc_compiler.driver import ParameterInputs

    files: Dict[str, Any] = {name: value for name, value in configs.items() if isinstance(value, os.PathLike)}
    values = {name: value for name, value in configs.items() if name not in files}
    texts = tuple(f"{name}={value}" for name, value in parameters.items() if isinstance(value, str))
    values_given = {name: value for name, value in parameters.items() if not isinstance(value, str)}
    return FlowOptions(
        tested.name,
        tuple(decorators),
        tuple(f"{name}={os.fspath(path)}" for name, path in files.items()),
        tuple(f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in values.items()),
        parameters=ParameterInputs(texts, values=values_given, to_run=to_run),
    )


def rendered(sink: DiagnosticSink) -> str:
    """The diagnostics as `flowc check` prints them."""
    from flowc_compiler.diagnostics import render

    return render.render_text(sink.diagnostics, sink.sources, color=False)


def names_a_step(tested: NamedFlow) -> bool:
    """Whether a test names a step alone."""
    return isinstance(tested.found, StepFunction)


def flow_class(tested: NamedFlow, name: str) -> Type[FlowSpec]:
    """The class that runs a step in the test's process. Raises UsageError where that is one of Metaflow itself."""
    cls: Any = tested.found if tested.found is not None else getattr(tested.module(), name, None)
    if not (inspect.isclass(cls) and issubclass(cls, FlowSpec)):
        raise UsageError(
            f"{name} is a flow of the installed metaflow, which flowc does not run in this process: call "
            "flowc.testing.serve() in conftest.py, before anything imports metaflow"
        )
    return cls
