"""ZenML's types of text, which say how an artifact is shown; flowc stores them as they are. And its logger."""

from __future__ import annotations

import logging
import sys

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
