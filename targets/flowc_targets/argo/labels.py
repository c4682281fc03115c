"""What Workflows of a flow are labelled with: for people who look for them, and for what waits until they are done.

A label's value is at most 63 characters of `[A-Za-z0-9_.-]`. Where a name is not that, the end of the value is a hash
of the name, so that two names never share a value.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from flowc_targets.package.project import branch_name, deployment_name

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow

LABELS = {"app.kubernetes.io/managed-by": "flowc"}
"""What every object of flowc carries."""
FLOW = "flowc/flow"
"""The flow's name."""
DEPLOYMENT = "flowc/deployment"
"""`project.branch.Flow`, or the flow's name: what `@trigger_on_finish` of another flow waits for."""
PROJECT = "flowc/project"
BRANCH = "flowc/branch"

_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", re.ASCII)
_LONGEST = 63


def run_labels(flow: Flow) -> dict[str, str]:
    """The labels of a flow's Workflows."""
    labels = {**LABELS, FLOW: label_value(flow.name), DEPLOYMENT: label_value(deployment_name(flow))}
    project = flow.specs.project
    if project is not None:
        labels |= {PROJECT: label_value(project.name), BRANCH: label_value(branch_name(project))}
    return labels


def label_value(text: str) -> str:
    """A text as the value of a label."""
    if _VALUE.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", text, flags=re.ASCII)[: _LONGEST - 11].strip("_.-")
    return f"{plain}-{digest}" if plain else digest
