"""Default files of IncludeFile parameters, in the code package: a container has no file of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_compiler.driver import default_file

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow

FOLDER = "flowc_included"
"""Where they are in the package."""


def default_files(flow: Flow, sink: DiagnosticSink) -> tuple[dict[str, str], dict[str, bytes]]:
    """Parameter name to the name of its file in the package, and the files. Collects FC308 for what cannot be read."""
    names: dict[str, str] = {}
    contents: dict[str, bytes] = {}
    for parameter in flow.parameters:
        if parameter.source != "file":
            continue
        if parameter.dynamic_default:
            message = f"parameter `{parameter.name}`: the path of its default file is computed when the run starts"
            way_out = "write the path out: its content is part of what is compiled, since a container has no such file"
            sink.error("FC308", message, parameter.span, help=way_out)
            continue
        path = default_file(parameter, sink, "create it where you compile: its content is part of what is compiled")
        if path is not None:
            names[parameter.name] = f"{FOLDER}/{parameter.name}"
            contents[names[parameter.name]] = path.read_bytes()
    return names, contents
