"""The IR: frozen models of a flow, its specs, their verifier and JSON."""

from flowc_compiler.ir.model import (
    ROOT_SCOPE,
    SCHEMA_VERSION,
    BranchStep,
    Flow,
    ForeachStep,
    JoinStep,
    LinearStep,
    ParallelStep,
    Parameter,
    Scope,
    Step,
    SwitchStep,
)
from flowc_compiler.ir.specs import (
    AcceleratorSpec,
    ContainerSpec,
    EnvironmentSpec,
    Placement,
    ResourceSpec,
    RetryPolicy,
    StepSpecs,
    TimeoutSpec,
    Toleration,
)
from flowc_compiler.ir.verify import IRError, verify

__all__ = [
    "ROOT_SCOPE",
    "SCHEMA_VERSION",
    "AcceleratorSpec",
    "BranchStep",
    "ContainerSpec",
    "EnvironmentSpec",
    "Flow",
    "ForeachStep",
    "IRError",
    "JoinStep",
    "LinearStep",
    "ParallelStep",
    "Parameter",
    "Placement",
    "ResourceSpec",
    "RetryPolicy",
    "Scope",
    "Step",
    "StepSpecs",
    "SwitchStep",
    "TimeoutSpec",
    "Toleration",
    "verify",
]
