"""The code package: one zip that Python runs, with the shim, the user's file, its local modules and the plan."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
import zlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from flowc.protocol import FILES_FOLDER, PACKAGES_FOLDER, PLAN_FILE, RUNTIME_FILE
from flowc.protocol.trackers import TRACKERS
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.filesystem import read_file
from flowc_compiler.syntax.import_root import located
from flowc_compiler.syntax.local_code import Reason, local_code
from flowc_compiler.syntax.unserved_names import unserved_names
from flowc_targets.package.included_files import (
    ABOVE,
    DEFAULTS_FOLDER,
    default_files,
    included_files,
    read_shipped,
    report_places,
    report_size,
    shipped_files,
)
from flowc_targets.package.local_modules import find_local_code
from flowc_targets.package.run_plan import build_plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flowc_compiler.ir import Flow
    from flowc_compiler.source import SourceFile
    from flowc_compiler.syntax.local_code import LocalCode

_DOCSTRING = re.compile(rb'''^([ \t]*)"""(?:[^"\\]|\\.|"(?!""))*"""$''', re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(rb"""(?:^[ \t]*#.*|[ \t]+#[^"']*)$""")
"""The comment of one line."""
_OF_TYPES = re.compile(rb"^if TYPE_CHECKING:\n((?:[ \t]+[^\n]*\n|\n)+)", re.MULTILINE)
_SIGNATURE = re.compile(rb"""^([ ]*(?:async )?def \w+\()([^\n"'{]*)\)(?: -> [^\n"']+)?:$""", re.MULTILINE)
"""A function's, in one line."""
_TYPE = rb"[\w.]+(?:\[(?:[^\[\]]|\[(?:[^\[\]]|\[[^\[\]]*\])*\])*\])?"
"""With brackets three deep."""
_ANNOTATION = re.compile(rb"(\b\w+): %s(?: \| %s)*(?=, | = |$)" % (_TYPE, _TYPE))
_OF_VARIABLE = re.compile(rb"^( {8,}(?:self\.)?\w+): %s(?: \| %s)* = " % (_TYPE, _TYPE), re.MULTILINE)
"""The annotation of a variable in a function: fields of classes are less indented."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MOST_NAMED = 5
NOT_SHIPPED = ("deployment/", "notebooks/", "testing/", "client/run_html.py", "project_settings.py")
"""What of the runtime no task needs."""
MAIN_FILE = "__main__.py"
"""What Python runs of a zip."""


def build_package(flow: Flow, source: SourceFile) -> bytes:
    """The zipapp of a flow: the same files give the same bytes. Run it with `python3 flow.pyz task --step ...`."""
    return zip_files(package_files(flow, source))


def package_files(
    flow: Flow,
    source: SourceFile,
    include: Sequence[str] = (),
    sink: DiagnosticSink | None = None,
    pods: PodDefaults | None = None,
) -> dict[str, bytes]:
    """The files of the code package, by name, sorted. `include` has paths, folders and globs from the flow's folder.

    `pods` is what steps have that say nothing else, which counts for the cache.

    Collects what is wrong with local modules (see `find_local_code`), FC605 for what is to be included, and FC308 for
    default files of IncludeFile parameters. Raises FlowcError with FC118 for names of files that are not UTF-8, and
    FC605 for files that are too large.
    """
    sink = sink if sink is not None else DiagnosticSink()
    included = included_files(include, located(source.path).parent, sink)
    code = find_local_code(source, list(included.values()), sink)
    shipped, place = shipped_files(code, included)
    fits = report_size(included, sink)
    if not report_places([item.place for item in shipped], sink) or not fits:
        raise FlowcError(sink.diagnostics)
    files: dict[str, bytes] = {}
    executable: list[str] = []
    for item in shipped:
        files[f"{FILES_FOLDER}/{item.place}"] = _content(item.path, source, code, sink)
        is_module = item.reason.why.startswith(("import ", "the flow"))
        if not is_module and item.path.is_file() and item.path.stat().st_mode & 0o100:
            executable.append(item.place)
    defaults, contents = default_files(flow.parameters, sink)
    plan = build_plan(flow, code.root.module, defaults)
    plan["files"] = {**place, **({"executable": executable} if executable else {})}
    plan.update(_unserved(code))
    _add_cache(plan, flow, code, list(included.values()), pods)
    files.update(contents)
    files.update(_locks(flow))
    files[RUNTIME_FILE] = runtime_zip()
    files[MAIN_FILE] = main_file()
    files[PLAN_FILE] = plan_text(plan).encode()
    return dict(sorted(files.items()))


def _locks(flow: Flow) -> dict[str, bytes]:
    """The requirements that pods install when they start."""
    specs = (step.specs.dependencies for step in flow.steps)
    locks = (spec.lock for spec in specs if spec is not None and spec.lock is not None)
    return {
        f"{PACKAGES_FOLDER}/{lock.name}/{name}": text.encode() for lock in locks for name, text in lock.files.items()
    }


def plan_text(plan: Mapping[str, Any]) -> str:
    """A plan as JSON that people can read and compare: each entry on a line of its own, and each step."""
    entries = [
        f"{_json(name)}: {_json(value)}" if name != "steps" else f"{_json(name)}: {{\n {_lines(value)}}}"
        for name, value in plan.items()
    ]
    return "{" + ",\n".join(entries) + "}\n"


def _lines(steps: Mapping[str, Any]) -> str:
    return ",\n ".join(f"{_json(name)}: {_json(step)}" for name, step in steps.items())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


class ListedFile(NamedTuple):
    """A file of the code package."""

    place: str
    """Its name in the package."""
    path: str | None
    """Where it comes from, as the user would write it; `None` for one of flowc's own."""
    size: int
    reason: Reason


class PodDefaults(NamedTuple):
    """What the pods of all steps have, unless a step says something else."""

    image: str | None = None
    env: Mapping[str, str] = MappingProxyType({})


class PackageList(NamedTuple):
    """What is in a code package, and why."""

    files: list[ListedFile]
    import_path: list[str]
    """The folders that the user's files are imported from, in their order, as the user would write them."""
    size: int
    """The bytes of the whole, compressed."""


def list_package(flow: Flow, source: SourceFile, include: Sequence[str], sink: DiagnosticSink) -> PackageList:
    """The files of the code package. Collects what `package_files` does."""
    files = package_files(flow, source, include, sink)
    included = included_files(include, located(source.path).parent, DiagnosticSink())
    code = find_local_code(source, list(included.values()), DiagnosticSink())
    shipped, _ = shipped_files(code, included)
    own = {f"{FILES_FOLDER}/{item.place}": item for item in shipped}
    listed: list[ListedFile] = []
    size = len(zip_files(files))
    del files[RUNTIME_FILE]
    files.update({f"{RUNTIME_FILE}/{name}": content for name, content in runtime_files().items()})
    for name, content in sorted(files.items()):
        item = own.get(name)
        reason = item.reason if item is not None else Reason("the default file of a parameter")
        if item is None and not name.startswith(f"{DEFAULTS_FOLDER}/"):
            reason = Reason("the plan of the flow" if name == PLAN_FILE else "the shim")
            if name.startswith(f"{PACKAGES_FOLDER}/"):
                reason = Reason("packages that a pod installs when it starts")
        path = code.shown(item.path) if item is not None else None
        listed.append(ListedFile(name, path, len(content), reason))
    return PackageList(listed, [code.shown(place) for place in code.root.path], size)


def local_plan(flow: Flow, source: SourceFile, include: Sequence[str] = ()) -> dict[str, Any]:
    """The plan of a local run, whose tasks use the files of the code package in place, and no other local ones."""
    sink = DiagnosticSink()
    included = included_files(include, located(source.path).parent, sink)
    code = find_local_code(source, list(included.values()), sink)
    _, place = shipped_files(code, included, in_place=True)
    plan = {**build_plan(flow, code.root.module), "files": {**place, "top": str(code.top)}, **_unserved(code)}
    _add_cache(plan, flow, code, list(included.values()))
    return plan


def _add_cache(
    plan: dict[str, Any], flow: Flow, code: LocalCode, included: Sequence[Path], pods: PodDefaults | None = None
) -> None:
    """Complete the plan's entries of steps with a cache, for which the local code is read once more."""
    if any(step.specs.cache is not None for step in flow.steps):
        from flowc_targets.package.cached_steps import add_cache

        add_cache(plan, flow, code, included, pods or PodDefaults())


def _unserved(code: LocalCode) -> dict[str, Any]:
    """The plan's entry for what the files import and the shim does not serve; none where there is nothing."""
    installed = local_code(code.source).installed
    texts = [code.source.text, *code.texts.values(), *installed.values()]
    names, trackers = unserved_names(texts), [name for name in TRACKERS if any(name in text for text in texts)]
    return {**({"unserved": names} if names else {}), **({"trackers": trackers} if trackers else {})}


def compressed_sizes(package: bytes) -> dict[str, int]:
    """The bytes that each of the user's files takes in a zip."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        sizes = {info.filename: info.compress_size for info in archive.infolist()}
    return {name: size for name, size in sizes.items() if name not in {RUNTIME_FILE, MAIN_FILE, PLAN_FILE}}


def largest_files(sizes: Mapping[str, int]) -> str:
    """The help for a package that is too large: the largest of the user's files, whose `sizes` are in bytes."""
    own = [name for name in sizes if name != PLAN_FILE]
    largest = sorted(own, key=lambda name: (-sizes[name], name))[:_MOST_NAMED]
    paths = {name: name.removeprefix(f"{FILES_FOLDER}/") for name in largest}
    while any(path.startswith(f"{ABOVE}/") for path in paths.values()):
        paths = {name: path.removeprefix(f"{ABOVE}/") for name, path in paths.items()}
    shown = ", ".join(f"{path} ({sizes[name]:,} bytes)" for name, path in paths.items())
    return f"keep large files in the image, in the store or on a volume; the largest are {shown}"


def content_hash(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents, which does not depend on the version of zlib."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{len(name)}:{name}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def zip_files(files: Mapping[str, bytes], *, compressed: bool = True) -> bytes:
    """A zip with fixed times and modes, in the order of the names."""
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, compresslevel=9) as archive:
        for name, content in sorted(files.items()):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = method
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def _content(path: Path, source: SourceFile, code: LocalCode, sink: DiagnosticSink) -> bytes:
    """A file byte for byte, since it may declare an encoding. Collects FC605 for one that cannot be read."""
    if path == code.root.file and not path.is_file():
        return source.text.encode()
    try:
        return read_file(path) if path in code.files else read_shipped(path)
    except OSError as error:
        help_text = "correct its mode, or do not include it"
        if path not in code.files:  # else it is reported where it is imported
            sink.error("FC605", f"{path} cannot be read: {error.strerror}", None, help=help_text)
        return b""


@cache
def main_file() -> bytes:
    """What a package begins as, with the digest of its shim, and the source of what follows."""
    source = base64.b64encode(zlib.compress(_start_source(), 9)).decode()
    text = without_docs(Path(__file__).with_name("zipapp__main__.py").read_bytes())
    for name, value in {"DIGEST": shim_digest(), "SOURCE": source}.items():
        text = text.replace(f'{name} = ""'.encode(), f'{name} = "{value}"'.encode(), 1)
    return text


def _start_source() -> bytes:
    """What `main_file` executes; the bytecode of it is kept with that of the shim."""
    return without_docs(Path(__file__).with_name("zipapp_start__main__.py").read_bytes())


def shim_digest() -> str:
    """Of this release's shim: names of bytecode that is kept begin with it."""
    return hashlib.sha256(runtime_zip() + _start_source()).hexdigest()[:16]


@cache
def runtime_zip() -> bytes:
    """The shim as a zip to import from. It is not compressed, so that the package compresses it as a whole."""
    return zip_files(runtime_files(), compressed=False)


def runtime_files() -> dict[str, bytes]:
    """The files of the shim, without what no task reads. They are located, not imported, which would take time."""
    spec = find_spec("flowc")
    assert spec is not None, "the package flowc is not installed"
    assert spec.submodule_search_locations, "flowc is not a package"
    folder = Path(next(iter(spec.submodule_search_locations)))
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.py")}
    shipped = sorted(name for name in paths if not name.startswith(NOT_SHIPPED))
    return {f"flowc/{name}": without_docs(paths[name].read_bytes()) for name in shipped}


def without_docs(code: bytes) -> bytes:
    """A file of the shim without docstrings, comments and what only type checkers read; every line stays where it is.

    Annotations of functions whose signature is one line, and in functions, are among that. All these are a third of
    the package, which has to fit into the annotation that a plain `kubectl apply` keeps.
    """
    # The line breaks stay, so that tracebacks name the lines of the source; a literal stays, since some bodies are
    # nothing but a docstring.
    code = _DOCSTRING.sub(lambda found: found[1] + b'""' + b"\n" * found[0].count(b"\n"), code)
    code = b"\n".join(_COMMENT.sub(b"", line) if b"#" in line else line for line in code.split(b"\n"))
    code = _OF_VARIABLE.sub(rb"\1 = ", _SIGNATURE.sub(_without_annotations, code))
    return _OF_TYPES.sub(lambda found: b"if TYPE_CHECKING:\n ..." + b"\n" * found[1].count(b"\n"), code)


def _without_annotations(signature: re.Match[bytes]) -> bytes:
    arguments = signature[2] if b"lambda" in signature[2] else _ANNOTATION.sub(rb"\1", signature[2])
    return signature[1] + arguments + b"):"
