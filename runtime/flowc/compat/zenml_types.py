"""ZenML's types of text and its enumerations, which flowc stores and does not interpret, and its logger."""

from __future__ import annotations

import logging
import sys
from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class HTMLString(str):
    """A page of HTML."""

    __slots__ = ()


class MarkdownString(str):
    """A page of Markdown."""

    __slots__ = ()


class CSVString(str):
    """A table."""

    __slots__ = ()


class JSONString(str):
    """A JSON document."""

    __slots__ = ()


class _Console(logging.StreamHandler):  # type: ignore[type-arg]
    """Prints records, unless the user's code has said where records go."""

    @property
    def stream(self) -> Any:
        """The stdout of the moment."""
        return sys.stdout

    @stream.setter
    def stream(self, stream: Any) -> None:
        del stream

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        if not logging.getLogger().handlers:
            super().emit(record)


def get_logger(logger_name: str) -> logging.Logger:
    """A logger of the standard library whose messages, from INFO on, appear in the task's output, as in ZenML."""
    logger = logging.getLogger(logger_name)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    if not logger.hasHandlers():
        logger.addHandler(_Console())
    return logger


class StrEnum(str, Enum):
    """Text that is one of several: `zenml.utils.enum_utils.StrEnum`."""

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def names(cls) -> list[str]:
        """The names of all."""
        return [item.name for item in cls]

    @classmethod
    def values(cls) -> list[str]:
        """The values of all."""
        return [item.value for item in cls]


class ArtifactType(StrEnum):
    """What an artifact is."""

    DATA_ANALYSIS = "DataAnalysisArtifact"
    DATA = "DataArtifact"
    MODEL = "ModelArtifact"
    SCHEMA = "SchemaArtifact"
    SERVICE = "ServiceArtifact"
    STATISTICS = "StatisticsArtifact"
    BASE = "BaseArtifact"


class ExecutionStatus(StrEnum):
    """How far a run or step is."""

    INITIALIZING = "initializing"
    PROVISIONING = "provisioning"
    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"
    COMPLETED = "completed"
    CACHED = "cached"
    SKIPPED = "skipped"
    RETRYING = "retrying"
    RETRIED = "retried"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    RESUMING = "resuming"
    STOPPED = "stopped"
    STOPPING = "stopping"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more happens."""
        return self in (ExecutionStatus.COMPLETED, ExecutionStatus.CACHED) or self.is_failed

    @property
    def is_successful(self) -> bool:
        """Whether it has ended well."""
        return self in (ExecutionStatus.COMPLETED, ExecutionStatus.CACHED)

    @property
    def is_failed(self) -> bool:
        """Whether it has ended otherwise."""
        return self in (ExecutionStatus.FAILED, ExecutionStatus.CANCELLED, ExecutionStatus.STOPPED)


class ModelStages(StrEnum):
    """How far a version of a model is."""

    NONE = "none"
    STAGING = "staging"
    PRODUCTION = "production"
    ARCHIVED = "archived"
    LATEST = "latest"


class StepRuntime(StrEnum):
    """Whether a step has a pod of its own: in flowc each has."""

    INLINE = "inline"
    ISOLATED = "isolated"


class VisualizationType(StrEnum):
    """What an artifact is shown as."""

    CSV = "csv"
    HTML = "html"
    IMAGE = "image"
    MARKDOWN = "markdown"
    JSON = "json"


class PythonPackageInstaller(Enum):
    """What installs packages into an image."""

    PIP = "pip"
    UV = "uv"


class ByteUnit(Enum):
    """Units of memory."""

    B = "B"
    KB = "KB"
    KIB = "KiB"
    MB = "MB"
    MIB = "MiB"
    GB = "GB"
    GIB = "GiB"
    TB = "TB"
    TIB = "TiB"
    PB = "PB"
    PIB = "PiB"
