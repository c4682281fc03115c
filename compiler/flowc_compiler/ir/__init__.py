"""The IR: frozen models of a flow, its specs, their verifier and JSON.

Building a class of pydantic takes a while. Those that small flows do not need are imported when they are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flowc_compiler.ir.model import (
    ROOT_SCOPE,
    SCHEMA_VERSION,
    BranchStep,
    Config,
    Flow,
    ForeachStep,
    JoinStep,
    LinearStep,
    ParallelStep,
    Parameter,
    Scope,
    Step,
    SwitchCase,
    SwitchStep,
)
from flowc_compiler.ir.spec_sets import NO_FLOW_SPECS, NO_SPECS, FlowSpecs, StepSpecs
from flowc_compiler.ir.verifier import IRError, verify

if TYPE_CHECKING:
    from flowc_compiler.ir.base import TaskVariable
    from flowc_compiler.ir.called_flows import CalledFlow, FlowCall
    from flowc_compiler.ir.container_specs import (
        CommandSpec,
        ContainerSpec,
        DependencySpec,
        EnvironmentSpec,
        LockedPackages,
        SecretSource,
        SecretsSpec,
        TmpfsSpec,
    )
    from flowc_compiler.ir.flowspecs import (
        DeadlineSpec,
        EventFilter,
        ExitHookSpec,
        NotifySpec,
        ProjectSpec,
        RunLimitSpec,
        ScheduleSpec,
        SecretValue,
        TriggerEvent,
        TriggerOnFinishSpec,
        TriggerSpec,
        UpstreamFlow,
    )
    from flowc_compiler.ir.kubernetes import (
        Affinity,
        NodeAffinity,
        NodeSelector,
        NodeSelectorRequirement,
        NodeSelectorTerm,
        PodSecurity,
        SecurityContext,
        Toleration,
        as_kubernetes,
    )
    from flowc_compiler.ir.pod_groups import PodGroup
    from flowc_compiler.ir.regions import (
        Argument,
        Call,
        ChosenValue,
        CollectionValue,
        EachValue,
        ElementValue,
        Fan,
        ItemValue,
        LiteralValue,
        MapCall,
        OperationValue,
        Operator,
        OutputValue,
        ParameterValue,
        Region,
        RegionNode,
        StepCall,
        SwitchCall,
        Value,
    )
    from flowc_compiler.ir.specs import (
        AcceleratorSpec,
        AirflowSpec,
        ApprovalSpec,
        AttemptSpec,
        BatchSpec,
        CacheSpec,
        CardSpec,
        CatchSpec,
        CheckpointSpec,
        ForeachOptions,
        FuseSpec,
        HooksSpec,
        LockSpec,
        LoopSpec,
        ParallelSpec,
        Placement,
        ResourceSpec,
        RetryPolicy,
        TimeoutSpec,
        WaitSpec,
    )

__all__ = [
    "NO_FLOW_SPECS", "NO_SPECS", "ROOT_SCOPE", "SCHEMA_VERSION", "AcceleratorSpec", "Affinity", "AirflowSpec",
    "ApprovalSpec", "Argument", "AttemptSpec", "BatchSpec", "BranchStep", "CacheSpec", "Call", "CalledFlow",
    "CardSpec", "CatchSpec", "CheckpointSpec", "ChosenValue", "CollectionValue", "CommandSpec", "Config",
    "ContainerSpec", "DeadlineSpec", "DependencySpec", "EachValue", "ElementValue", "EnvironmentSpec", "EventFilter",
    "ExitHookSpec", "Fan", "Flow", "FlowCall", "FlowSpecs", "ForeachOptions", "ForeachStep", "FuseSpec", "HooksSpec",
    "IRError", "ItemValue", "JoinStep", "LinearStep", "LiteralValue", "LockSpec", "LockedPackages", "LoopSpec",
    "MapCall", "NodeAffinity", "NodeSelector", "NodeSelectorRequirement", "NodeSelectorTerm", "NotifySpec",
    "OperationValue", "Operator", "OutputValue", "ParallelSpec", "ParallelStep", "Parameter", "ParameterValue",
    "Placement", "PodGroup", "PodSecurity", "ProjectSpec", "Region", "RegionNode", "ResourceSpec", "RetryPolicy",
    "RunLimitSpec", "ScheduleSpec", "Scope", "SecretSource", "SecretValue", "SecretsSpec", "SecurityContext", "Step",
    "StepCall", "StepSpecs", "SwitchCall", "SwitchCase", "SwitchStep", "TaskVariable", "TimeoutSpec", "TmpfsSpec",
    "Toleration", "TriggerEvent", "TriggerOnFinishSpec", "TriggerSpec", "UpstreamFlow", "Value", "WaitSpec",
    "as_kubernetes", "verify",
]  # fmt: skip

_LAZY = ("specs", "container_specs", "regions", "flowspecs", "kubernetes", "pod_groups", "called_flows")
"""The modules that are imported when they are used."""


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _LAZY:
            found = vars(import_module(f"{__name__}.{module}"))
            if name in found:
                globals()[name] = found[name]
                return found[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
