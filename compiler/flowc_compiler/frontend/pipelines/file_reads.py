"""Configuration that the files read themselves when ZenML compiles the pipeline: `yaml.safe_load(open("config.yaml"))`.

Only the project's own files are read, and only as text, YAML, JSON or TOML.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from flowc_compiler.evaluate.assumptions import stripped
from flowc_compiler.evaluate.evaluation_state import CallArguments
from flowc_compiler.evaluate.values import Assumed, BoundMethod, Builtin, Foreign, OpenedFile
from flowc_compiler.filesystem import expand_user, is_file, read_file
from flowc_compiler.frontend.parameters.config_languages import PARSERS, YAML_LOADERS, ParseError
from flowc_compiler.syntax.import_root import is_readable, outside_help

if TYPE_CHECKING:
    import ast

    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator

_OPEN = frozenset({("io", "open"), ("codecs", "open")})
_TO_READ = frozenset({None, "r", "rt", "rb", "tr", "br"})
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
_OF_FILES = frozenset({"read", "readlines"})
_UTF_8 = frozenset({"utf-8", "utf8", "utf-8-sig"})
_CLOSE = Builtin("close", lambda: None)


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
        file = callee.owner
        file.readers.add(node)
        if arguments.all() or not file.is_text or file.readers != {node}:
            return evaluator.runtime_attribute(file, callee.name, node)
        return {"read": file.text, "readlines": file.text.splitlines(keepends=True)}.get(callee.name)
    if _is_path(callee.owner) and callee.name in _OF_PATHS:
        rest = arguments
        if callee.name == "read_text":  # whose first argument is the encoding
            first = dict(zip(["encoding"], arguments.positional, strict=False))
            rest = CallArguments(arguments.positional[1:], {**first, **arguments.keywords}, arguments.open)
        found = _opened(evaluator, callee.owner, rest, node)
        if found is None:
            return evaluator.runtime_attribute(callee.owner, callee.name, node)  # which refuses it
        return found if callee.name == "open" else found.text
    return None


def read_method(owner: object, name: str) -> BoundMethod | Builtin | None:
    """A method of a file that was opened, or of a path, that reads; `None` for any other."""
    if isinstance(owner, OpenedFile):
        return _CLOSE if name == "close" else BoundMethod(owner, name) if name in _OF_FILES else None
    return BoundMethod(owner, name) if name in _OF_PATHS and _is_path(owner) else None


def _is_path(value: object) -> bool:
    return isinstance(value.value if isinstance(value, Assumed) else value, PurePath)


def _opened(evaluator: PipelineEvaluator, path: object, rest: CallArguments, node: ast.expr) -> OpenedFile | None:
    """The file at a path: relative to the current folder, as in ZenML, or else next to the flow.

    Raises EvaluationError for one that is not in the project.
    """
    path = stripped(path)
    given = dict(zip(["mode"], rest.positional, strict=False)) | rest.keywords
    mode, encoding = (given[name].value if name in given else None for name in ("mode", "encoding"))
    if not isinstance(path, str | PurePath) or mode not in _TO_READ:
        return None
    if len(rest.positional) > 1 or given.keys() - {"mode", "encoding"} or rest.open:
        return None
    if encoding is not None and str(encoding).lower() not in _UTF_8:
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
        return OpenedFile(text, Path(path).as_posix(), is_text="b" not in str(mode))
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
