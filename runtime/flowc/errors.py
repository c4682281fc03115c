"""What goes wrong in a task: protocol errors are the platform's or flowc's, the rest come from the flow."""

from __future__ import annotations


class FlowError(Exception):
    """The base of every error that flowc raises in a task. In `metaflow` it is called MetaflowException."""

    headline = "Flow error"

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class ProtocolError(FlowError):
    """The run cannot go on, and it is not the step's code that is wrong. The task exits with 2."""

    headline = "Protocol error"


class StoreError(ProtocolError):
    """The artifact store cannot be reached, read or written."""


class MissingKey(StoreError):  # noqa: N818 (a lookup that failed, often expected)
    """There is nothing under that key."""


class MissingInput(ProtocolError):  # noqa: N818
    """A task that this one needs has no committed attempt."""


class CorruptArtifact(ProtocolError):  # noqa: N818
    """Bytes in the store are not those that were written."""


class ParameterError(ProtocolError):
    """A parameter is missing, or its value does not have its type."""


class InvalidNextException(FlowError):  # noqa: N818 (Metaflow's name)
    """`self.next` says something else than the compiled flow."""


class UnpicklableArtifact(FlowError):  # noqa: N818
    """An attribute of the flow cannot be stored."""


class MergeArtifactsException(FlowError):  # noqa: N818
    """`merge_artifacts` is used where it cannot be."""


class UnhandledInMergeArtifactsException(MergeArtifactsException):
    """The inputs of a join disagree on some artifacts, which `artifact_names` lists."""

    def __init__(self, message: str, artifact_names: list[str]) -> None:
        super().__init__(message)
        self.artifact_names = artifact_names


class MissingInMergeArtifactsException(MergeArtifactsException):
    """Artifacts to include exist in no input; `artifact_names` lists them."""

    def __init__(self, message: str, artifact_names: list[str]) -> None:
        super().__init__(message)
        self.artifact_names = artifact_names
