"""The code package, which is put together when a task starts."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from typing import TYPE_CHECKING

from flowc_targets.airflow.operators.embedded_runtime import RUNTIME

if TYPE_CHECKING:
    from flowc_targets.airflow.operators.flow_package import FlowPackage


def zipped(flow: FlowPackage) -> bytes:
    """Return a program for Python: the shim with the flow's files in one zip."""
    files = {path: text[1:].encode() for path, text in flow.texts.items()}
    for path, text in flow.packed.items():
        files[path] = zlib.decompress(base64.b64decode(text))
    program = io.BytesIO(base64.b64decode(RUNTIME))
    with zipfile.ZipFile(program, "a") as archive:
        for path, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(path), content, zipfile.ZIP_DEFLATED)
    return program.getvalue()
