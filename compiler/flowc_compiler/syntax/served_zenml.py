"""Why names of `zenml` are refused; `flowc.protocol.zenml_names` has those that are served."""

from __future__ import annotations

_ARTIFACTS = "an artifact belongs to the run that made it: pass it from step to step, or read another run with `Client`"
_STACK = "flowc has no stacks: use the library itself within the step"
_ALERTS = "write a hook of your own: a function that the pipeline names as on_failure or on_success"
_OLD = "it is of ZenML before 0.40: annotate what the step returns and takes, and give values as arguments"
_PLACES = "say it with KubernetesOrchestratorSettings, or with the arguments of flowc's own `@step`"

REFUSED: dict[str, str] = {
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
    "get_pipeline_context": "write into the pipeline's arguments what its body needs",
    "link_artifact_to_model": "flowc has no model registry: use the registry's own client within a step",
    "load_artifact": _ARTIFACTS,
    "register_artifact": _ARTIFACTS,
    "remove_tags": "give tags to the run with `flowc run --tag`",
    "run_hook": "call the function from the step",
    "save_artifact": "return the value from the step: each output is an artifact",
    "show": "flowc has no dashboard: read runs with `Client`",
    "wait": "flowc waits for what a step is given: pass the results, or give after=[...]",
    "zenml.alerter": _ALERTS,
    "zenml.hooks": _ALERTS,
    "zenml.model_deployers": _STACK,
    "zenml.model_registries": _STACK,
    "zenml.post_execution": "read runs with `Client().get_pipeline_run(...)`",
    "zenml.services": _STACK,
    "zenml.stack": _STACK,
}
"""Names of ZenML that are refused for a reason, which is the help line; of a module also those in it."""


def reason(module: str, name: str | None = None) -> str:
    """Why a name, or a module of ZenML, is not served, as a help line; empty where there is no more to say of it."""
    if name is not None and name in REFUSED:
        return REFUSED[name]
    parts = module.split(".")
    for length in range(len(parts), 1, -1):
        if (head := ".".join(parts[:length])) in REFUSED:
            return REFUSED[head]
    if module.startswith("zenml.integrations."):
        return _PLACES if "flavor" in module or (name or "").endswith("Settings") else _STACK
    return ""
