"""The files of IncludeFile parameters: where they are, and whether they can be read before anything starts."""

from __future__ import annotations

from pathlib import Path

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import Parameter

_SCHEMES = ("s3://", "s3a://", "gs://", "gcs://", "az://", "azure://", "abfs://", "abfss://", "file://")
_WEB = ("http://", "https://")


def is_url(location: str) -> bool:
    """Whether the value of an IncludeFile is a URL, which the start task reads, and no path on this machine."""
    return "://" in location or location.startswith("data:")


def check_location(parameter: Parameter, location: str, sink: DiagnosticSink) -> str:
    """A given value as the start task gets it: a path made absolute. Collects FC308 for what cannot be read."""
    if is_url(location):
        if not location.startswith(("data:", *_SCHEMES, *_WEB)):
            scheme = location.partition(":")[0]
            way_out = "give a path, or a URL of s3://, gs://, az://, file://, https:// or data:"
            _report(parameter, f"URLs of {scheme}:// cannot be read", sink, way_out)
        return location
    path = Path(location).expanduser()
    problem = _problem(path)
    if problem:
        _report(parameter, f"the file `{location}` cannot be read: {problem}", sink, "check the path")
    return str(path.absolute())


def default_file(parameter: Parameter, sink: DiagnosticSink, way_out: str) -> Path | None:
    """The file of a default path: relative to the current folder, as in Metaflow, or else next to the flow.

    `None` where there is no default path, it is a URL or computed, or it cannot be read (FC308 is collected).
    """
    location = parameter.default
    if parameter.source != "file" or not isinstance(location, str) or is_url(location):
        return None
    path = Path(location).expanduser()
    places = [path, Path(parameter.span.file).parent / path]
    found = next((place for place in places if place.exists()), None)
    problem = "it is neither in the current folder nor next to the flow" if found is None else _problem(found)
    if path.is_absolute() and found is None:
        problem = "there is no such file"
    if problem:
        _report(parameter, f"the default file `{location}` cannot be read: {problem}", sink, way_out)
        return None
    return found.absolute() if found is not None else None


def _problem(path: Path) -> str:
    """Why a file cannot be read; empty when it can."""
    try:
        with path.open("rb"):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def _report(parameter: Parameter, problem: str, sink: DiagnosticSink, way_out: str) -> None:
    sink.error("FC308", f"parameter `{parameter.name}`: {problem}", parameter.span, help=way_out)
