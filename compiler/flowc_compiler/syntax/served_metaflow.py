"""Why names of `metaflow` are refused; `flowc.protocol.metaflow_names` has those that are served."""

from __future__ import annotations

_EXECUTES = "it changes the flow by running code when the file is imported, and flowc compiles without running the file"
_OTHER_RUNS = "start runs with `flowc run`, or with the engine that the compiled files are for"
_PARSER = "name a parser that flowc knows as text, such as parser='json.loads', 'tomllib.loads' or 'yaml.safe_load'"

REFUSED: dict[str, str] = {
    "FlowMutator": f"{_EXECUTES}; write the decorators into the file",
    "StepMutator": f"{_EXECUTES}; write the decorators into the file",
    "UserStepDecorator": f"{_EXECUTES}; call a function from the step instead",
    "USER_SKIP_STEP": f"{_EXECUTES}; return from the step instead",
    "user_step_decorator": f"{_EXECUTES}; call a function from the step instead",
    "package_sources": f"{_EXECUTES}; name the files with --include",
    "S3": "use an S3 client such as boto3 or obstore within the step; artifacts need none",
    "Runner": _OTHER_RUNS,
    "NBRunner": _OTHER_RUNS,
    "Deployer": "write the engine's files with `flowc compile`, and apply them",
    "NBDeployer": "write the engine's files with `flowc compile`, and apply them",
    "DeployedFlow": "write the engine's files with `flowc compile`, and apply them",
    "inspect_spin": "flowc has no `spin`; read runs with Run, Step and Task",
    "airflow_external_task_sensor": "put the sensor into a DAG of your own, and let it trigger the flow's DAG",
    "airflow_s3_key_sensor": "put the sensor into a DAG of your own, and let it trigger the flow's DAG",
    "pytorch_parallel": "use `@parallel`: it sets MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE",
    "yaml_parser": _PARSER,
    "pyproject_toml_parser": _PARSER,
    "requirements_txt_parser": _PARSER,
    "conda_environment_yml_parser": _PARSER,
    "get_cards": "flowc keeps the artifacts of a step and renders no cards",
    "metaflow.datatools": "use an S3 client such as boto3 or obstore within the step; artifacts need none",
    "metaflow.metaflow_config": "flowc does not read Metaflow's configuration; give the value in the flow file",
}
"""Names of Metaflow that are refused for a reason, which is the help line."""
