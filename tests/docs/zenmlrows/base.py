"""A row of docs/zenml.md: a name, argument or rule of ZenML, with the least code that uses it.

A row's code is put into a pipeline and compiled for every target; what comes of it is what the page says. What compiles
is run, too.
"""

from __future__ import annotations

import textwrap
from typing import NamedTuple

FILE = """
from datetime import datetime, timedelta
from typing import Annotated

from zenml import ArtifactConfig, Model, Tag, get_step_context, log_metadata, pipeline, step, unmapped
from zenml.client import Client
from zenml.config import DockerSettings, PythonPackageInstaller, ResourceSettings, Schedule, StepRetryConfig
from zenml.enums import StepRuntime
from zenml.integrations.constants import SKLEARN
from zenml.integrations.kubernetes.flavors import KubernetesOrchestratorSettings
from zenml.integrations.kubernetes.pod_settings import KubernetesPodSettings
from zenml.materializers.base_materializer import BaseMaterializer
{top}


def tell():
    print("a hook")


def tell_of(exception):
    print("a hook", exception)


@step
def load() -> list[int]:
    return [1, 2]


@step{step}
def work(x: int, y: int = 1) -> int:
{task}
    return x + y


@step
def combine(values: list[int]) -> int:
    return sum(values)


@pipeline{pipeline}
def row_pipeline(n: int = 2, flag: bool = True):
{body}


row_pipeline{options}()
"""
"""A map and what gathers it, which the parts of a row are put into."""

BODY = "combine(work.map(load()))"


class Row(NamedTuple):
    """One line of a table: the name as the page has it, and where its code belongs."""

    name: str
    place: str
    """`top`, `step` and `pipeline` (arguments), `options` (of the pipeline), `task`, `body`, or `file`: all of it."""
    code: str

    @property
    def source(self) -> str:
        """The pipeline's file."""
        if self.place == "file":
            return textwrap.dedent(self.code)
        parts = {"top": "", "step": "", "task": "pass", "pipeline": "", "options": "", "body": BODY}
        parts[self.place] = self.code
        for place, text in parts.items():
            code = textwrap.dedent(text).strip("\n")
            if place in {"step", "pipeline"}:
                code = f"({code})" if code else ""
            elif place == "options":
                code = f".with_options({code})" if code else ""
            parts[place] = textwrap.indent(code, "    " if place in {"task", "body"} else "")
        return FILE.format(**parts)


def arguments(place: str, *codes: str) -> list[Row]:
    """Rows of arguments, which are their own names."""
    owner = {"step": "@step", "pipeline": "@pipeline", "options": "pipeline.with_options"}[place]
    return [Row(f"`{owner}({code})`", place, code) for code in codes]
