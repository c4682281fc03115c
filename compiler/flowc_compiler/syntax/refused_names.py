"""Why names of `metaflow` and `zenml` are refused, as help lines; `flowc.protocol` has the names that are served."""

from __future__ import annotations

_EXECUTES = "it changes the flow by running code when the file is imported, and flowc compiles without running the file"
_OTHER_RUNS = "start runs with `flowc run`, or on the engine"
_PARSER = "name a parser that flowc knows as text, such as parser='json.loads', 'tomllib.loads' or 'yaml.safe_load'"

METAFLOW_REFUSED: dict[str, str] = {
    "FlowMutator": f"{_EXECUTES}; write the decorators into the file",
    "StepMutator": f"{_EXECUTES}; write the decorators into the file",
    "UserStepDecorator": f"{_EXECUTES}; call a function from the step instead",
    "USER_SKIP_STEP": f"{_EXECUTES}; return from the step instead",
    "user_step_decorator": f"{_EXECUTES}; call a function from the step instead",
    "package_sources": f"{_EXECUTES}; name the files with --include",
    "S3": "use an S3 client such as boto3 or obstore within the step; artifacts don't need one",
    "Runner": _OTHER_RUNS,
    "NBRunner": _OTHER_RUNS,
    "Deployer": "write the engine's files with `flowc compile`, and apply them",
    "NBDeployer": "write the engine's files with `flowc compile`, and apply them",
    "DeployedFlow": "write the engine's files with `flowc compile`, and apply them",
    "inspect_spin": "flowc has no `spin`; read runs with Run, Step and Task",
    "airflow_external_task_sensor": "put the sensor into a separate DAG that triggers the flow's DAG",
    "airflow_s3_key_sensor": "put the sensor into a separate DAG that triggers the flow's DAG",
    "pytorch_parallel": "use `@parallel`: it sets MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE",
    "yaml_parser": _PARSER,
    "pyproject_toml_parser": _PARSER,
    "requirements_txt_parser": _PARSER,
    "conda_environment_yml_parser": _PARSER,
    "get_cards": "flowc keeps the artifacts of a step and renders no cards",
    "metaflow.datatools": "use an S3 client such as boto3 or obstore within the step; artifacts don't need one",
    "metaflow.metaflow_config": "flowc does not read Metaflow's configuration; give the value in the flow file",
}
"""Names of Metaflow that are refused for a reason, which is the help line."""

_ARTIFACTS = (
    "an artifact belongs to the run that created it: pass it from step to step, or read another run with `Client`"
)
_STACK = "flowc has no stacks: use the library itself within the step"
_ALERTS = "write a hook function, and pass it to the pipeline as on_failure or on_success"
_OLD = "it is from ZenML before 0.40: annotate arguments and results of the step, and pass values as arguments"
_PLACES = "use KubernetesOrchestratorSettings, or the arguments of flowc's own `@step`"

ZENML_REFUSED: dict[str, str] = {
    "BaseParameters": _OLD,
    "BaseStep": _OLD,
    "CommandStep": "write a step that calls subprocess.run",
    "ExternalArtifact": "pass the value itself as an argument of the step",
    "Output": _OLD,
    "StepContext": _OLD,
    "add_tags": "give tags to the run with `flowc run --tag`",
    "alerter_failure_hook": _ALERTS,
    "alerter_success_hook": _ALERTS,
    "bulk_log_metadata": "call log_metadata for each of them",
    "get_pipeline_context": "pass the values that the body needs as arguments of the pipeline",
    "link_artifact_to_model": "flowc has no model registry: use the registry's own client within a step",
    "load_artifact": _ARTIFACTS,
    "register_artifact": _ARTIFACTS,
    "remove_tags": "give tags to the run with `flowc run --tag`",
    "run_hook": "call the function from the step",
    "save_artifact": "return the value from the step: each output is an artifact",
    "show": "flowc has no dashboard: read runs with `Client`",
    "wait": "flowc waits for the arguments of a step: pass the results, or write after=[...]",
    "zenml.alerter": _ALERTS,
    "zenml.hooks": _ALERTS,
    "zenml.model_deployers": _STACK,
    "zenml.model_registries": _STACK,
    "zenml.post_execution": "read runs with `Client().get_pipeline_run(...)`",
    "zenml.services": _STACK,
    "zenml.stack": _STACK,
}
"""Names of ZenML that are refused for a reason, which is the help line; of a module also those in it."""


def refusal_of_zenml(module: str, name: str | None = None) -> str:
    """Why a name, or a module of ZenML, is not served, as a help line; empty where there is no more to say of it."""
    if name is not None and name in ZENML_REFUSED:
        return ZENML_REFUSED[name]
    parts = module.split(".")
    for length in range(len(parts), 1, -1):
        if (head := ".".join(parts[:length])) in ZENML_REFUSED:
            return ZENML_REFUSED[head]
    if module.startswith("zenml.integrations."):
        return _PLACES if "flavor" in module or (name or "").endswith("Settings") else _STACK
    return ""
