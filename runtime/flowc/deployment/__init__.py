"""Running and deploying flows from Python: `Runner`, `Deployer`, `DeployedFlow` and `TriggeredRun`, as in Metaflow.

Thin classes over the `flowc` command, which has to be installed where they are used. See docs/submitting.md.
"""

from __future__ import annotations

from flowc.deployment.deployer import DeployedFlow, Deployer, DeployerImpl, TriggeredRun
from flowc.deployment.flow_runner import ExecutingRun, Runner

__all__ = ["DeployedFlow", "Deployer", "DeployerImpl", "ExecutingRun", "Runner", "TriggeredRun"]
