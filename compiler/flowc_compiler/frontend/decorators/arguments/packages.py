"""`@conda`, `@pypi` and, for the whole flow, `@conda_base` and `@pypi_base`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from flowc_compiler.frontend.decorators.arguments.values import Arguments, Texts


def _version(value: object) -> object:
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


class PypiArguments(Arguments):
    """`@pypi` and `@pypi_base`."""

    packages: Texts = Field(default_factory=dict)
    python: Annotated[str | None, BeforeValidator(_version)] = None
    disabled: bool | None = None


class CondaArguments(PypiArguments):
    """`@conda` and `@conda_base`; `libraries` is the old name of `packages`."""

    libraries: Texts = Field(default_factory=dict)
