"""The base of the IR's models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from flowc_compiler.source import Span

LONGEST_SECONDS = 2 * 10**9
"""The longest time. An alarm and the fields of Kubernetes take less than 2**31, with what they get on top."""


def is_image(text: str) -> bool:
    """Whether a text could name an image: it has no blanks and no control characters."""
    return bool(text) and not re.search(r"[\s\0-\x1f\x7f]", text)


class Model(BaseModel):
    """A frozen, closed value.

    Building a model's validator takes a while and few flows need all of them: each is built when it is first used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def model_rebuild(
        cls,
        *,
        force: bool = False,
        raise_errors: bool = True,
        _parent_namespace_depth: int = 2,
        _types_namespace: Mapping[str, Any] | None = None,
    ) -> bool | None:
        """Build the validator, as pydantic does. Imports the modules whose classes annotate fields."""
        built = super().model_rebuild(force=force, raise_errors=False, _types_namespace={})
        if built is not False:
            return built
        from flowc_compiler import ir

        names = {name: getattr(ir, name) for name in ir.__all__}
        return super().model_rebuild(force=force, raise_errors=raise_errors, _types_namespace=names)


class Node(Model):
    """A part of a flow, with the source that it came from."""

    span: Span


class TaskVariable(Model):
    """A secret that a step's variable is read from, in the environment of the task: no value of it is compiled."""

    source: str
    """The name of the variable that is read."""
    required: bool = True
    """Whether the flow's file fails without it."""
    default: str | None = None
    """The value where it is not set."""
