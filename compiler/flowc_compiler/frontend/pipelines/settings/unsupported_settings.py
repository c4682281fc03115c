"""Every argument and setting of ZenML's that flowc does not express, and what its diagnostic says.

An argument that changes what a step computes or where it runs is FC411, an error; one that is about ZenML's server,
dashboard, stack or image builds is FC410, a warning. Values that request nothing cause neither.
"""

from __future__ import annotations

from typing import NamedTuple

_CACHE = "what counts is said by `@cache(version=..., ignore=[...])` of flowc, above the step"
_DASHBOARD = "flowc has no dashboard"
_PICKLED = "flowc stores whatever a step returns, and needs no materializers"
_BUILDS = "flowc builds no images"
_ENGINE = "it is about ZenML's own orchestrator, which the engine replaces"
_TRACKER = "set the tracker up with its own variables, as with environment={'MLFLOW_TRACKING_URI': ...}"
UNREAD_EXTRA = (
    "nothing reads it: steps do with get_step_context().step_run.config.extra; or pass the value as an argument"
)


class Unread(NamedTuple):
    """Diagnostics for arguments that are not read."""

    idle: dict[str, str]
    """Arguments that do nothing here, and why: FC410."""
    refused: dict[str, str]
    """Arguments without which the run would be another, and the way out: FC411."""
    silent: frozenset[str] = frozenset()
    """Arguments that others read, or that hold here in any case."""


STEP = Unread(
    idle={
        "cache_policy": _CACHE,
        "enable_artifact_metadata": _DASHBOARD,
        "enable_artifact_visualization": _DASHBOARD,
        "experiment_tracker": _TRACKER,
        "group": _DASHBOARD,
        "heartbeat_healthy_threshold": _ENGINE,
        "output_materializers": _PICKLED,
        "step_operator": "request what the step needs: resources=Resources(cpu=..., memory=..., gpu='a100:1')",
        "step_type": _DASHBOARD,
        "substitutions": "artifacts are found by run, step and name, and names have no placeholders",
    },
    refused={},
    silent=frozenset({"enable_step_logs", "extra", "merge", "name", "parameters", "runtime"}),
)

PIPELINE = Unread(
    idle={
        **{name: STEP.idle[name] for name in ("cache_policy", "enable_artifact_metadata", "substitutions")},
        "depends_on": _BUILDS,
        "enable_artifact_visualization": _DASHBOARD,
        "execution_mode": "the engine decides what still runs after a failure",
        "prevent_build_reuse": _BUILDS,
        "run_name": "a run is named when it starts: give it tags with `flowc run --tag`",
        "tags": "give tags to the run: `flowc run --tag NAME`",
        "unlisted": _DASHBOARD,
    },
    refused={
        "build": "name the image: image='...' of the step or pipeline, or --image",
        "on_cleanup": "do it in a last step, or in the pipeline's on_success and on_failure",
        "on_init": "do it in a first step, and pass its result to the others",
        "on_init_kwargs": "do it in a first step, and pass its result to the others",
        "on_pause": "runs do not pause: remove it",
        "on_resume": "runs do not pause: remove it",
    },
    silent=frozenset(
        {
            "config_path",
            "extra",
            "dynamic",
            "enable_heartbeat",
            "enable_pipeline_logs",
            "enable_step_logs",
            "merge",
            "name",
            "parameters",
            "step_configurations",
            "steps",
        }
    ),
)

RESOURCES = Unread(
    idle=dict.fromkeys(
        (
            "allocation_wait_timeout_seconds", "autoscaling_metric", "autoscaling_target",
            "initialization_lease_seconds", "max_concurrency", "max_replicas", "min_replicas", "preemptible",
            "reclaim_tolerance",
        ),
        "it is about ZenML's resource pools, or about pipelines that are deployed as a service",
    ),
    refused={
        "gpu_class": "name the GPU's type: resources=Resources(gpu='a100:1')",
        "pool_resources": "request what the step needs: resources=Resources(cpu=..., memory=..., gpu='a100:1')",
        "resources": "request what the step needs: resources=Resources(cpu=..., memory=..., gpu='a100:1')",
    },
)  # fmt: skip

DOCKER = Unread(
    idle={**dict.fromkeys(
        (
            "local_project_install_command", "pyproject_export_command", "pyproject_path",
            "replicate_local_python_environment",
        ),
        "install the packages in the image, and name it: image='...', or `flowc image`",
    ), **dict.fromkeys(
        (
            "allow_download_from_artifact_store", "allow_download_from_code_repository",
            "allow_including_files_in_images", "build_config", "build_context_root", "build_options", "copy_files",
            "copy_global_config", "disable_automatic_requirements_detection", "dockerignore", "image_tag",
            "install_deployment_requirements", "install_stack_requirements", "parent_image_build_config",
            "prevent_build_reuse", "python_package_installer", "python_package_installer_args",
            "python_package_installer_cache_mount", "required_hub_plugins", "source_files", "target_repository",
        ),
        f"{_BUILDS}: a step runs in `parent_image` unchanged, with the flow's code",
    ), "dockerfile": "flowc builds no images: build it, and name it: image='...', or --image"},
    refused={
        "user": "put @kubernetes(security_context={'run_as_user': ...}) above the step",
    },
    silent=frozenset({"skip_build"}),
)  # fmt: skip

ORCHESTRATOR = Unread(
    idle=dict.fromkeys(
        (
            "always_build_pipeline_image", "api_request_timeout", "backoff_limit_margin",
            "fail_on_container_waiting_reasons", "failed_jobs_history_limit", "interrupt_check_interval",
            "job_monitoring_delay", "job_monitoring_interval", "job_name_prefix", "max_api_retries",
            "orchestrator_job_backoff_limit", "orchestrator_pod_settings", "pod_failure_backoff",
            "pod_failure_max_retries", "pod_failure_retry_delay", "pod_name_prefix", "pod_startup_timeout",
            "pod_stop_grace_period", "prevent_orchestrator_pod_caching", "service_account_name", "stream_step_logs",
            "successful_jobs_history_limit", "synchronous", "timeout", "ttl_seconds_after_finished",
        ),
        _ENGINE,
    )
    | {"max_parallelism": "set it for the engine: --max-workers for local runs, --set parallelism=... on Argo"},
    refused={
        "active_deadline_seconds": "give the step a time limit: timeout='30m'",
        "concurrency_policy": "set it with the options of the target",
        "pod_failure_policy": "set the number of retries: retry=3",
        "starting_deadline_seconds": "set it with the options of the target",
    },
)  # fmt: skip

POD = Unread(
    idle={},
    refused={
        "host_ipc": "request shared memory: resources=Resources(shared_memory='2Gi')",
    },
)

MODEL = Unread(
    idle=dict.fromkeys(
        (
            "audience", "description", "ethics", "license", "limitations", "save_models_to_registry", "tags",
            "trade_offs", "use_cases",
        ),
        "flowc has no model registry: a version of a model is the runs that have it",
    ),
    refused={"model_version_id": "name the version: Model(name=..., version=...)"},
    silent=frozenset({"suppress_class_validation_warnings"}),
)  # fmt: skip

SCHEDULE = Unread(
    idle={"name": "a schedule has the name of its flow"},
    refused={
        "catchup": "remove it: a schedule does not catch up on missed runs",
        "end_time": "remove the schedule at that time",
        "interval_second": "write cron_expression='*/10 * * * *'",
        "run_once_start_time": "start the run at that time",
        "start_time": "apply the schedule at that time",
    },
)

COMPONENTS = frozenset(
    {
        "alerter", "annotator", "artifact_store", "container_registry", "data_validator", "deployer", "deployment",
        "experiment_tracker", "feature_store", "image_builder", "log_store", "model_deployer", "model_registry",
        "sandbox",
    }
)  # fmt: skip
"""Components of ZenML's stacks that steps call themselves, or that only deployed pipelines have: FC410."""
