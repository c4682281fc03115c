"""The base of the IR's models."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from flowc_compiler.source import Span


class Model(BaseModel):
    """A frozen, closed value.

    Building a model's validator takes a while and few flows need all of them: each is built when it is first used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Node(Model):
    """A part of a flow, with the source that it came from."""

    span: Span
