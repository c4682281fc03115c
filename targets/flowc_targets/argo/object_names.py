"""Names and labels that Kubernetes and Argo accept, derived from the user's: the same flow always gets the same."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from flowc_targets.package.project_names import branch_name, deployment_name

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow

OBJECT_LIMIT = 63
"""The longest name of a Workflow, which becomes a label's value."""

CRON_LIMIT = 52
"""The longest name of a CronWorkflow: the controller puts a dash and ten digits behind it."""

TASK_LIMIT = 128
"""The longest name of a task or a template."""

LABELS = {"app.kubernetes.io/managed-by": "flowc"}
"""The labels of every object that flowc writes."""
FLOW = "flowc/flow"
"""The flow's name."""
DEPLOYMENT = "flowc/deployment"
"""`project.branch.Flow`, or the flow's name: what `@trigger_on_finish` of another flow waits for."""
PROJECT = "flowc/project"
BRANCH = "flowc/branch"

HASH_LENGTH = 10
_SUFFIX = 6
_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", re.ASCII)


def deployed_name(flow: Flow, limit: int = OBJECT_LIMIT) -> str:
    """The name of a flow's deployment, the same for every version of it: `ParallelTrees` is `parallel-trees`.

    Names of another form, and those of projects, end in a hash, so that two deployments whose names differ only in
    case, dots or underscores do not replace each other.
    """
    full = deployment_name(flow)
    name = object_name(full)
    plain = full == "".join(word[:1].upper() + word[1:] for word in name.split("-"))
    return _shorten(name, limit) if plain else object_name(full, _digest(full)[:_SUFFIX], limit)


def object_name(flow: str, digest: str = "", limit: int = OBJECT_LIMIT) -> str:
    """The DNS-1123 name of a flow's object: `ParallelTrees` is `parallel-trees`, then the start of `digest`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", flow)
    name = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    if not name or not name[0].isalpha():
        name = f"flow-{name}".rstrip("-")
    tail = f"-{digest[:HASH_LENGTH]}" if digest else ""
    return _shorten(name, limit - len(tail)).rstrip("-") + tail


def unique_names(prefix: str, names: list[str], limit: int = TASK_LIMIT) -> dict[str, str]:
    """A name of `[a-z0-9-]` for each given one; where two would be equal, the later one gets a number.

    The prefix separates them from other kinds of names, and from the functions of Argo's expressions: a task that is
    called like one breaks them (#12037).
    """
    result: dict[str, str] = {}
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    for name in names:
        base = _shorten(prefix + re.sub(r"[^a-z0-9-]", "-", name.lower()), limit - 6)
        candidate = base
        while candidate in taken:
            numbers[base] = numbers.get(base, 1) + 1
            candidate = f"{base}-{numbers[base]}"
        taken.add(candidate)
        result[name] = candidate
    return result


def run_labels(flow: Flow) -> dict[str, str]:
    """The labels of a flow's Workflows."""
    labels = {**LABELS, FLOW: label_value(flow.name), DEPLOYMENT: label_value(deployment_name(flow))}
    project = flow.specs.project
    if project is not None:
        labels |= {PROJECT: label_value(project.name), BRANCH: label_value(branch_name(project))}
    return labels


def label_value(text: str) -> str:
    """A text as the value of a label: at most 63 characters of `[A-Za-z0-9_.-]`.

    Where a text is not that, the value ends in a hash of it, so that two texts never share a value.
    """
    if _LABEL_VALUE.fullmatch(text):
        return text
    digest = _digest(text)[:HASH_LENGTH]
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", text, flags=re.ASCII)[: OBJECT_LIMIT - HASH_LENGTH - 1].strip("_.-")
    return f"{plain}-{digest}" if plain else digest


def _shorten(name: str, limit: int) -> str:
    if len(name) <= limit:
        return name
    return f"{name[: limit - 9].rstrip('-')}-{_digest(name)[:8]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
