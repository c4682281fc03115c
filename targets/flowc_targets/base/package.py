"""The code package: one zip that Python runs, with the shim, the user's file, its local modules and the plan."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from flowc_targets.base.localimports import local_files
from flowc_targets.base.plan import build_plan, module_name

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow
    from flowc_compiler.source import SourceFile

_MAIN = """\
import sys

from flowc.__main__ import main

sys.exit(main())
"""
_EPOCH = (1980, 1, 1, 0, 0, 0)


def build_package(flow: Flow, source: SourceFile) -> bytes:
    """The zipapp of a flow: the same files give the same bytes. Run it with `python3 flow.pyz task --step ...`."""
    return zip_files(package_files(flow, source))


def package_files(flow: Flow, source: SourceFile) -> dict[str, bytes]:
    """What goes into the code package, by name, sorted."""
    files = local_files(source.text, source.path.parent)
    files[f"{module_name(flow)}.py"] = _exact(source)
    files.update(_runtime_files())
    files["__main__.py"] = _MAIN.encode()
    files["plan.json"] = json.dumps(build_plan(flow), ensure_ascii=False, separators=(",", ":")).encode()
    return dict(sorted(files.items()))


def content_hash(files: dict[str, bytes]) -> str:
    """SHA-256 over names and contents: the same on every machine, whatever its zlib."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{len(name)}:{name}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def zip_files(files: dict[str, bytes]) -> bytes:
    """A zip with fixed times and modes, in the order of the names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(files.items()):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def _exact(source: SourceFile) -> bytes:
    """The user's file byte for byte, since it may declare an encoding of its own."""
    return source.path.read_bytes() if source.path.is_file() else source.text.encode()


def _runtime_files() -> dict[str, bytes]:
    """The shim. It is located, not imported: importing it here would cost time and tie the compiler to it."""
    spec = find_spec("flowc")
    assert spec is not None, "the package flowc is not installed"
    assert spec.submodule_search_locations, "flowc is not a package"
    folder = Path(next(iter(spec.submodule_search_locations)))
    return {f"flowc/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in sorted(folder.rglob("*.py"))}
