"""Errors of tasks: protocol errors come from the platform or from flowc, all others from the flow."""

from __future__ import annotations


def error_text(error: BaseException) -> str:
    """The text of an exception. The `str()` of a user's exception may itself raise, or exit."""
    try:
        return str(error)
    except BaseException as second:
        return f"<no text: str() raises {type(second).__name__}>"


class FlowError(Exception):
    """The base of every error that flowc raises in a task. In `metaflow` it is called MetaflowException."""

    headline = "Flow failed"

    def __init__(self, message: str = "", lineno: int | None = None, source_file: str | None = None) -> None:
        """`lineno` and `source_file` say where, for errors that flows raise themselves; they stand before the text."""
        super().__init__(message)
        self.message = message
        self.line_no = lineno
        self.source_file = source_file

    def __str__(self) -> str:
        place = f"line {self.line_no}" if self.line_no else self.source_file  # as in Metaflow: the line wins
        return f"{place}: {self.message}" if place else str(self.message)


class ProtocolError(FlowError):
    """The run cannot go on, and the step's code is not the reason. The task exits with 2."""

    headline = "Protocol error"


class InstallationFailed(FlowError):  # noqa: N818
    """The packages that a pod installs when it starts could not be installed; an attempt more may help."""


class StoreError(ProtocolError):
    """The artifact store cannot be reached, read or written."""


class InvalidRoot(StoreError):  # noqa: N818
    """The text that should name the root of a store does not."""


class MissingKey(StoreError):  # noqa: N818 (a lookup that failed, often expected)
    """The store has no such key."""


class MissingInput(ProtocolError):  # noqa: N818
    """A task that this one needs has no committed attempt."""


class CorruptArtifact(ProtocolError):  # noqa: N818
    """Bytes in the store differ from what was written."""


class NewerFormat(CorruptArtifact):
    """A file of the store was written by a newer release, and this one might misread it: not damaged, and no better."""


class ParameterError(ProtocolError):
    """A parameter is missing, or its value does not have its type."""


class PeerFailed(FlowError):  # noqa: N818
    """A member of a gang ends because another member, `peer`, has failed: with that one's exit code, so that what
    `@retry` says of the failure holds for all members."""

    headline = "Another member of the gang failed"

    def __init__(self, message: str, peer: int, code: int = 1) -> None:
        super().__init__(message)
        self.args = (message, peer, code)
        self.peer = peer
        self.code = code


class ContainerFailed(FlowError):  # noqa: N818
    """The container of a step has failed, or its files are not as the step says."""

    headline = "The container failed"

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.args = (message, exit_code)
        self.exit_code = exit_code


class GangTimeout(ProtocolError):  # noqa: N818
    """Not all members of a gang started in time."""


class NotServedError(FlowError):
    """The code uses a name of `metaflow` or `zenml` that it may import, and that flowc does not serve."""

    headline = "A name that flowc does not serve"


class InvalidNextException(FlowError):  # noqa: N818 (Metaflow's name)
    """`self.next` differs from the compiled flow."""


class TimeoutException(FlowError):  # noqa: N818 (Metaflow's name)
    """The step ran longer than its `@timeout`."""

    headline = "@timeout"


class CalledRunFailed(FlowError):  # noqa: N818
    """The run of a deployed flow, which a step calls, has failed."""


class Fatal(FlowError):  # noqa: N818
    """To be raised by a step's code: the task has failed, and no other attempt would help, whatever `@retry` says."""

    headline = "Fatal"


class WaitTimeout(Fatal):
    """What `@wait_for` waits for was not there in time."""

    headline = "Waited too long"


class ApprovalError(Fatal):
    """What was chosen for a step with `@approval` cannot be chosen, or not any more."""

    headline = "Approval"


class ApprovalTimeout(ApprovalError):  # noqa: N818
    """Nobody has chosen in time."""

    headline = "Nobody has chosen in time"


class TooManyIterations(FlowError):  # noqa: N818
    """A recursive switch would run more often than its `@loop` allows."""

    headline = "Too many iterations"


class NoTerminal(FlowError):  # noqa: N818
    """A debugger was to begin in a task that nobody can answer."""

    headline = "No terminal"


class PipelineError(FlowError):
    """The arguments or results of a pipeline's step differ from the compiled flow."""

    headline = "Pipeline failed"


class UnpicklableArtifact(FlowError):  # noqa: N818
    """An attribute of the flow cannot be stored."""


class UnloadableArtifact(FlowError):  # noqa: N818
    """A stored value cannot be unpickled where it is read."""


class MergeArtifactsException(FlowError):  # noqa: N818
    """`merge_artifacts` is used where it cannot be."""


class UnhandledInMergeArtifactsException(MergeArtifactsException):
    """The inputs of a join disagree on some artifacts, which `artifact_names` lists."""

    headline = "Unhandled artifacts in merge"

    def __init__(self, message: str, artifact_names: list[str]) -> None:
        super().__init__(message)
        self.args = (message, artifact_names)  # what a pickle calls the class with
        self.artifact_names = artifact_names


class MissingInMergeArtifactsException(MergeArtifactsException):
    """Artifacts to include exist in no input; `artifact_names` lists them."""

    headline = "Missing artifacts in merge"

    def __init__(self, message: str, artifact_names: list[str]) -> None:
        super().__init__(message)
        self.args = (message, artifact_names)
        self.artifact_names = artifact_names


class NotFound(FlowError):  # noqa: N818 (Metaflow's name without its prefix, like those that follow)
    """There is no such flow, run, step, task or artifact in the store. In `metaflow`: MetaflowNotFound."""

    headline = "Object not found"


class InvalidPathspec(FlowError):  # noqa: N818
    """What should name a flow, run, step, task or artifact does not. In `metaflow`: MetaflowInvalidPathspec."""

    headline = "Invalid pathspec"


class NamespaceMismatch(FlowError):  # noqa: N818
    """The object belongs to another namespace. In `metaflow`: MetaflowNamespaceMismatch."""

    headline = "Object not in the current namespace"

    def __init__(self, namespace: str | None) -> None:
        super().__init__(f"Object not in namespace '{namespace}'")
        self.args = (namespace,)


class TaggingError(FlowError):
    """Tags of a run cannot be changed. In `metaflow`: MetaflowTaggingError."""

    headline = "Tagging error"


class InternalError(FlowError):
    """For flows that raise or catch Metaflow's MetaflowInternalError; flowc itself does not raise it."""

    headline = "Internal error"


class DataMissing(FlowError):  # noqa: N818
    """For flows that raise or catch Metaflow's MetaflowDataMissing; flowc itself raises MissingInput."""

    headline = "Data missing"


class ExternalCommandFailed(FlowError):  # noqa: N818
    """For flows that raise or catch Metaflow's error of this name."""

    headline = "External command failed"


class CommandException(FlowError):  # noqa: N818
    """For flows that raise or catch Metaflow's error of this name."""

    headline = "Invalid command"


class UnknownUser(FlowError):  # noqa: N818
    """The user's name is unknown. In `metaflow`: MetaflowUnknownUser."""

    headline = "Unknown user"

    def __init__(self) -> None:
        super().__init__("your user name is not in the environment ($FLOWC_USER, $METAFLOW_USER, $USER)")
        self.args = ()


class ParameterFieldFailed(FlowError):  # noqa: N818
    """For flows that catch Metaflow's error of this name: a field of a Parameter, a function, has raised."""

    headline = "Parameter field failed"

    def __init__(self, name: str, field: str) -> None:
        import traceback

        super().__init__(
            f"When evaluating the field *{field}* for the Parameter *{name}*, the following exception occurred:\n\n"
            f"{traceback.format_exc()}"
        )
        self.args = (name, field)


class ParameterFieldTypeMismatch(FlowError):  # noqa: N818
    """For flows that raise or catch Metaflow's error of this name."""

    headline = "Parameter field with a mismatching type"


class InvalidDecoratorAttribute(FlowError):  # noqa: N818
    """For flows that catch Metaflow's error of this name; flowc says it when it compiles (FC403)."""

    headline = "Unknown decorator attribute"

    def __init__(self, deconame: str, attr: str, defaults: list[str]) -> None:
        super().__init__(
            f"Decorator '{deconame}' does not support the attribute '{attr}'. "
            f"These attributes are supported: {', '.join(defaults)}."
        )
        self.args = (deconame, attr, defaults)


class MulticoreException(Exception):  # noqa: N818 (Metaflow's name)
    """A process of `parallel_map` has failed; its traceback is on stderr."""


class ExceptionWrapper(Exception):  # noqa: N818
    """An exception as an artifact, which needs none of the user's classes. In `metaflow`: MetaflowExceptionWrapper.

    `exception` is its text, `type` its class with module, `stacktrace` the traceback, or `None`.
    """

    def __init__(self, error: BaseException | None = None, stacktrace: str | None = None) -> None:
        """Wrap an exception; its traceback is formatted unless it is given."""
        super().__init__()
        self.exception = ""
        self.type = ""
        self.stacktrace = stacktrace
        if error is not None:
            self.exception = error_text(error)
            self.type = f"{type(error).__module__}.{type(error).__name__}"
            if stacktrace is None and error.__traceback__ is not None:
                import traceback

                self.stacktrace = "".join(traceback.format_exception(type(error), error, error.__traceback__))

    def __reduce__(self) -> tuple[type[ExceptionWrapper], tuple[()], dict[str, object]]:
        return ExceptionWrapper, (), dict(vars(self))

    def __str__(self) -> str:
        return self.stacktrace or f"[no stacktrace]\n{self.type}: {self.exception}"

    __repr__ = __str__
