"""The rows of docs/zenml.md: every name, argument and rule of ZenML, each with the least code that uses it."""

from __future__ import annotations

from tests.docs.zenmlrows.arguments import PIPELINES, STEPS
from tests.docs.zenmlrows.bodies import BODIES, MAPS, OUTPUTS
from tests.docs.zenmlrows.names import CONTEXT, NAMES
from tests.docs.zenmlrows.settings import DOCKER, KEYS, ORCHESTRATOR, PODS, RESOURCES

TABLES = {
    "Bodies of pipelines": BODIES,
    "Dynamic pipelines": MAPS,
    "Outputs of steps": OUTPUTS,
    "Arguments of steps": STEPS,
    "Arguments of pipelines": PIPELINES,
    "Keys of settings": KEYS,
    "ResourceSettings": RESOURCES,
    "DockerSettings": DOCKER,
    "KubernetesOrchestratorSettings": ORCHESTRATOR,
    "KubernetesPodSettings": PODS,
    "Names to import": NAMES,
    "In a step": CONTEXT,
}
"""The page's tables, in order."""
