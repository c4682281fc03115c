"""flowc: what flows are written with, and what runs them. Standard library only, Python 3.9 and newer."""

from __future__ import annotations

from flowc._version import __version__
from flowc.current import current
from flowc.decorators import (
    airflow_external_task_sensor,
    airflow_options,
    airflow_s3_key_sensor,
    approval,
    batch,
    cache,
    call_flow,
    card,
    catch,
    checkpoint,
    concurrency,
    conda,
    conda_base,
    container,
    deadline,
    environment,
    exit_hook,
    foreach_options,
    fuse,
    gpu_profile,
    kubernetes,
    loop,
    metaflow_ray,
    namespaced_event_name,
    notify,
    parallel,
    project,
    pypi,
    pypi_base,
    pytorch_parallel,
    ray_parallel,
    resources,
    retry,
    schedule,
    secrets,
    step,
    timeout,
    torchrun,
    torchrun_parallel,
    trigger,
    trigger_on_finish,
    wait_for,
)
from flowc.errors import Fatal
from flowc.flow_parameters import JSONType, Parameter
from flowc.flowspec import FlowSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flowc.argo_events import ArgoEvent
    from flowc.client import (
        DataArtifact,
        Flow,
        Metaflow,
        Run,
        Step,
        Task,
        default_metadata,
        default_namespace,
        get_metadata,
        get_namespace,
        metadata,
        namespace,
    )
    from flowc.compat.step_context import get_step_context
    from flowc.compat.zenml_client import Client
    from flowc.datatools.s3_client import S3
    from flowc.deployment import DeployedFlow, Deployer, Runner, TriggeredRun
    from flowc.flow_configs import Config, ConfigValue, config_expr
    from flowc.includefile import IncludeFile
    from flowc.join_inputs import Inputs
    from flowc.multicore import parallel_imap_unordered, parallel_map, profile
    from flowc.notebooks import NBDeployer, NBRunner, NotebookRun
    from flowc.pipeline_calls import approve, unmapped
    from flowc.pipeline_settings import Resources, Retry, Schedule
    from flowc.pipelines import pipeline
    from flowc.protocol.config_parsers import (
        conda_environment_yml_parser,
        pyproject_toml_parser,
        requirements_txt_parser,
        yaml_parser,
    )
    from flowc.shim.torchrun import TorchrunSingleNodeMultiGPU
    from flowc.user_decorators import (
        USER_SKIP_STEP,
        FlowMutator,
        StepMutator,
        UserStepDecorator,
        user_step_decorator,
    )

__all__ = [
    "S3", "USER_SKIP_STEP", "ArgoEvent", "Client", "Config", "ConfigValue", "DataArtifact", "DeployedFlow", "Deployer",
    "Fatal", "Flow", "FlowMutator", "FlowSpec", "IncludeFile", "Inputs", "JSONType", "Metaflow", "NBDeployer",
    "NBRunner", "NotebookRun", "Parameter", "Resources", "Retry", "Run", "Runner", "Schedule", "Step", "StepMutator",
    "Task", "TorchrunSingleNodeMultiGPU", "TriggeredRun", "UserStepDecorator", "__version__",
    "airflow_external_task_sensor", "airflow_options", "airflow_s3_key_sensor", "approval", "approve", "batch", "cache",
    "call_flow", "card", "catch", "checkpoint", "concurrency", "conda", "conda_base", "conda_environment_yml_parser",
    "config_expr", "container", "current", "deadline", "default_metadata", "default_namespace", "environment",
    "exit_hook", "foreach_options", "fuse", "get_metadata", "get_namespace", "get_step_context", "gpu_profile",
    "kubernetes", "loop", "metadata", "metaflow_ray", "namespace", "namespaced_event_name", "notify", "parallel",
    "parallel_imap_unordered", "parallel_map", "pipeline", "profile", "project", "pypi", "pypi_base",
    "pyproject_toml_parser", "pytorch_parallel", "ray_parallel", "requirements_txt_parser", "resources", "retry",
    "schedule", "secrets", "step", "timeout", "torchrun", "torchrun_parallel", "trigger", "trigger_on_finish",
    "unmapped", "user_step_decorator", "wait_for", "yaml_parser",
]  # fmt: skip


if not TYPE_CHECKING:  # a name that flowc does not have is an error in an editor

    def __getattr__(name: str) -> object:
        # Tasks pay for what their flow uses. `from flowc import errors` asks here first, and then imports the module.
        if name == "Inputs":
            from flowc.join_inputs import Inputs

            return Inputs
        if name == "ArgoEvent":
            from flowc.argo_events import ArgoEvent

            return ArgoEvent
        if name == "load_ipython_extension":  # what `%load_ext flowc` looks for
            from flowc.notebooks.flowc_magic import load_ipython_extension

            return load_ipython_extension
        if name in __all__ or name == "JSONTypeClass":
            from flowc.compat.served_modules import find, find_command
            from flowc.protocol.metaflow_names import COMMANDS
            from flowc.protocol.zenml_names import PIPELINES

            if name in COMMANDS:
                return find_command("flowc", name)
            if name in PIPELINES:
                from importlib import import_module

                return getattr(import_module(f"flowc.{PIPELINES[name]}"), name)

            return find("metaflow", name)
        raise AttributeError(f"module 'flowc' has no attribute {name!r}")
