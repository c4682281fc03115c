"""Argo Workflows: one YAML text with a ConfigMap that carries the code and a Workflow that runs it."""

from flowc_targets.argo.target import TARGET, ArgoTarget

__all__ = ["TARGET", "ArgoTarget"]
