"""Configuration that the files read themselves when ZenML compiles the pipeline: `yaml.safe_load(open("config.yaml"))`.

Only the project's own files are read, and only as text, YAML, JSON or TOML.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from flowc_compiler.evaluate.assumptions import stripped
from flowc_compiler.evaluate.evaluator import CallArguments
from flowc_compiler.evaluate.values import Assumed, BoundMethod, Builtin, Foreign, OpenedFile
from flowc_compiler.filesystem import expand_user, is_file, read_file
from flowc_compiler.frontend.parameters.config_table import PARSERS, YAML_LOADERS, ParseError
from flowc_compiler.syntax.import_root import is_readable, outside_help

if TYPE_CHECKING:
    import ast

    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator

_OPEN = frozenset({("io", "open"), ("codecs", "open")})
_TO_READ = frozenset({"r", "rt", "rb", "tr", "br"})
_MOST_BYTES = 2**20
"""A larger file is no configuration."""
_LOADERS = {
    "json.load": "json.loads",
    "tomli.load": "tomli.loads",
    "tomllib.load": "tomllib.loads",
    "yaml.full_load": "yaml.safe_load",
    "yaml.load": "yaml.safe_load",
    "yaml.safe_load": "yaml.safe_load",
}
"""Functions that read a file or a text, and the parsers that know their language."""
_OF_PATHS = frozenset({"open", "read_text"})
_OF_FILES = frozenset({"read", "readlines", "close"})


def read_call(evaluator: PipelineEvaluator, callee: object, arguments: CallArguments, node: ast.expr) -> object | None:
    """What a call gives that opens or reads a file of the project; `None` for any other call."""
    if isinstance(callee, Foreign) and callee.path in _OPEN:
        first = arguments.positional[0].value if arguments.positional else None
        found = _opened(evaluator, first, CallArguments(arguments.positional[1:], arguments.keywords), node)
        if found is None and not evaluator.lenient:
            message = f"flowc does not evaluate `{callee.path[-1]}` in a pipeline's body, but for files of the project"
            raise evaluator.refuse("FC115", message, node, "do this in a step")
        return found
    if isinstance(callee, Foreign) and (parser := _LOADERS.get(".".join(callee.path))) is not None:
        return _parsed(evaluator, parser, arguments, node)
    if not isinstance(callee, BoundMethod):
        return None
    if isinstance(callee.owner, OpenedFile):
        return {"read": callee.owner.text, "readlines": callee.owner.text.splitlines(keepends=True)}.get(callee.name)
    if _is_path(callee.owner) and callee.name in _OF_PATHS:
        found = _opened(evaluator, callee.owner, arguments if callee.name == "open" else CallArguments(), node)
        if found is None:
            return evaluator.runtime_attribute(callee.owner, callee.name, node)  # which refuses it
        return found if callee.name == "open" else found.text
    return None


def read_method(owner: object, name: str) -> BoundMethod | None:
    """A method of a file that was opened, or of a path, that reads; `None` for any other."""
    if isinstance(owner, OpenedFile):
        return BoundMethod(owner, name) if name in _OF_FILES else None
    return BoundMethod(owner, name) if name in _OF_PATHS and _is_path(owner) else None


def _is_path(value: object) -> bool:
    return isinstance(value.value if isinstance(value, Assumed) else value, PurePath)


def _opened(evaluator: PipelineEvaluator, path: object, rest: CallArguments, node: ast.expr) -> OpenedFile | None:
    """The file at a path: relative to the current folder, as in ZenML, or else next to the flow.

    Raises EvaluationError for one that is not in the project.
    """
    path = stripped(path)
    mode = rest.positional[0] if rest.positional else rest.keywords.get("mode")
    if not isinstance(path, str | PurePath) or (mode is not None and mode.value not in _TO_READ):
        return None
    folder = evaluator.executed_views()[0].source.path.parent
    places = [expand_user(str(path)), folder / str(path)]
    place = next((item for item in places if is_file(item)), None)
    if place is None:
        return None
    if not is_readable(place, folder):
        message = f"the file `{path}` is not in the flow's project"
        raise evaluator.refuse("FC115", message, node, outside_help(str(path)))
    with suppress(OSError, ValueError):
        text = read_file(place, _MOST_BYTES).decode().replace("\r\n", "\n").removeprefix("\ufeff")
        return OpenedFile(text, Path(path).as_posix())
    return None


def yaml_loader(owner: object, name: str) -> Builtin | None:
    """A loader of YAML that makes plain data only, `yaml.FullLoader`; `None` for anything else."""
    if isinstance(owner, Foreign) and owner.path == ("yaml",) and name in YAML_LOADERS:
        return Builtin(f"yaml.{name}", dict)
    return None


def _parsed(evaluator: PipelineEvaluator, parser: str, arguments: CallArguments, node: ast.expr) -> object | None:
    given = arguments.positional[0].value if arguments.positional else None
    rest = [*arguments.positional[1:], *arguments.keywords.values()]
    if any(not (isinstance(item.value, Builtin) and item.value.name.startswith("yaml.")) for item in rest):
        return None
    if isinstance(given, str) and parser == "yaml.safe_load":
        text, shown = given, "this text"
    elif isinstance(given, OpenedFile):
        text, shown = given.text, f"the file `{given.name}`"
    else:
        return None
    try:
        found: object = PARSERS[parser](text)
    except ParseError as error:
        raise evaluator.refuse("FC112", f"{shown} {error}", node, "correct it") from None
    return found
