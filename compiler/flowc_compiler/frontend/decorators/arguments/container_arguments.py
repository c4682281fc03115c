"""The arguments of `@container`: a command in an image of its own, and the files that it reads and leaves."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from flowc.protocol.container import VALUES, file_format, placeholders
from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments, Strings, Texts
from flowc_compiler.frontend.spec_builder import Origin, some_specs
from flowc_compiler.ir import CommandSpec, StepSpecs
from flowc_compiler.ir.base import is_image

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def _check_image(image: str) -> str:
    if not is_image(image):
        raise ValueError(f"{image!r} is not an image: write 'postgres:17' or 'registry.example/team/r:4.4'")
    return image


def _not_text(value: object) -> object:
    if isinstance(value, str):
        raise ValueError(f"the words of a command are a list: ['sh', '-c', {value!r}] runs a text by a shell")
    return value


def _no_nul(words: tuple[str, ...]) -> tuple[str, ...]:
    if any("\0" in word for word in words):
        raise ValueError("no command can have a NUL character in it")
    return words


def _check_variables(env: dict[str, str]) -> dict[str, str]:
    for name, value in env.items():
        if not _VARIABLE.fullmatch(name) or name.startswith("FLOWC_"):
            raise ValueError(f"{name!r} is not the name of a variable: letters, digits and _, and not FLOWC_ first")
        if "\0" in value:
            raise ValueError(f"the value of {name!r} has a NUL character in it")
    return env


def _check_files(files: dict[str, str]) -> dict[str, str]:
    for name, file in files.items():
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"{name!r} is not the name of an artifact: write {{name: file}}")
        path = PurePosixPath(file_format(file)[1])
        if path.is_absolute() or not path.parts or ".." in path.parts or "\0" in file:
            raise ValueError(
                f"{file!r} is not a path below the folder of the files: write 'rows.csv' or 'parts/a.json'"
            )
    for path, times in Counter(PurePosixPath(file_format(file)[1]) for file in files.values()).items():
        if times > 1:
            raise ValueError(f"{times} names have the file {str(path)!r}")
    return files


Words = Annotated[Strings, BeforeValidator(_not_text), AfterValidator(_no_nul)]
Files = Annotated[Texts, AfterValidator(_check_files)]


class ContainerArguments(Arguments):
    """`@container`, flowc's own."""

    image: Annotated[str, AfterValidator(_check_image)]
    command: Annotated[Words, Field(min_length=1)]
    args: Words = ()
    env: Annotated[Texts, AfterValidator(_check_variables)] = Field(default_factory=dict)
    inputs: Files = Field(default_factory=dict)
    outputs: Files = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_placeholders(self) -> Self:
        for problem in (*self._unknown(), *self._injected()):
            raise ValueError(problem)
        return self

    def _unknown(self) -> Iterator[str]:
        known = {"inputs": self.inputs, "outputs": self.outputs}
        for kind, name in placeholders({"command": (*self.command, *self.args), "env": self.env}):
            if kind != VALUES and name not in known[kind]:
                listed = ", ".join(known[kind]) or "none"
                yield f"{{{kind}.{name}}} names no file: {kind} are {listed}; a value itself is {{values.{name}}}"

    def _injected(self) -> Iterator[str]:
        """A value in the text of a shell script would be code of it."""
        words = (*self.command, *self.args)
        if PurePosixPath(words[0]).name not in _SHELLS:
            return
        script = next((word for option, word in pairwise(words) if re.fullmatch(r"-[a-z]*c", option)), "")
        for kind, name in placeholders({"command": (script,), "env": {}}):
            if kind == VALUES:
                yield (
                    f"{{values.{name}}} in a script is code that the shell runs: use it as a variable, "
                    f"env={{'NAME': '{{values.{name}}}'}} and \"$NAME\" in the script"
                )

    def _specs(self, at: Origin, /) -> StepSpecs:
        command = CommandSpec(
            span=at.span,
            image=self.image,
            command=(*self.command, *self.args),
            env=self.env,
            inputs=self.inputs,
            outputs=self.outputs,
        )
        return some_specs(command=command)
