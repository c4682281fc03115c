"""The labels of the objects that flowc writes, and any text as a label's value."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from flowc_targets.package.project_names import branch_name, deployment_name

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow

LABELS = {"app.kubernetes.io/managed-by": "flowc"}
"""The labels of every object that flowc writes."""
RELEASE = "flowc/release"
"""The release of flowc that a runtime is of."""
VERSION = "flowc/version"
"""The version of a flow's code: the hash that the name of the object with the code ends in."""
FLOW = "flowc/flow"
"""The flow's name."""
DEPLOYMENT = "flowc/deployment"
"""`project.branch.Flow`, or the flow's name: what `@trigger_on_finish` of another flow waits for."""
ENGINE = "flowc/engine"
"""The engine whose pods need an object, where that is not Argo: `flowc prune` removes none of these."""
PROJECT = "flowc/project"
BRANCH = "flowc/branch"

HASH_LENGTH = 10
"""Digits of a hash in a name or a label."""
_LONGEST = 63
_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", re.ASCII)


def label_value(text: str) -> str:
    """A text as the value of a label: at most 63 characters of `[A-Za-z0-9_.-]`.

    Where a text is not that, the value ends in a hash of it, so that two texts never share a value.
    """
    if _VALUE.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", text, flags=re.ASCII)[: _LONGEST - HASH_LENGTH - 1].strip("_.-")
    return f"{plain}-{digest}" if plain else digest


def run_labels(flow: Flow) -> dict[str, str]:
    """The labels of the objects that run a flow, or hold its code."""
    labels = {**LABELS, FLOW: label_value(flow.name), DEPLOYMENT: label_value(deployment_name(flow))}
    project = flow.specs.project
    if project is not None:
        labels |= {PROJECT: label_value(project.name), BRANCH: label_value(branch_name(project))}
    return labels
