"""What is known of a pipeline when its body was evaluated."""

from __future__ import annotations

from dataclasses import dataclass

from flowc_compiler.frontend.pipelines.graph import Region
from flowc_compiler.ir import FlowSpecs, Parameter
from flowc_compiler.source import Span


@dataclass(frozen=True, eq=False)
class PipelineReading:
    """A pipeline: its calls of steps, and what it asks for."""

    name: str
    """The name of its function."""
    doc: str
    """The docstring, dedented."""
    span: Span
    """The name in the function's `def`."""
    region: Region
    parameters: tuple[Parameter, ...]
    """All parameters of the function; those that are `fixed` have the value that the body was evaluated with."""
    specs: FlowSpecs
