"""What can go wrong: with the manifest, and with a node of its run."""

from __future__ import annotations


class ManifestError(Exception):
    """The manifest cannot be simulated. Each problem begins with the path of the field, unless it has a code."""

    def __init__(self, *problems: str, code: str = "", help: str = "") -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.code = code
        """Of a diagnostic, where no field is at fault: the file, or an option."""
        self.help = help


class NodeError(Exception):
    """What makes the controller give a node the phase Error; the text is the node's message."""


class TooDeepError(NodeError):
    """More nested calls of templates than the controller allows (operator.go, maxStackDepth)."""


class HeldError(Exception):
    """`parallelism` is reached: the node is not created yet (operator.go, ErrParallelismReached)."""


class PodError(Exception):
    """A pod cannot be started on this machine; the text becomes the node's message."""
