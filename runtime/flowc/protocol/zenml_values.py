"""The values of ZenML's enumerations, exceptions and constants that flowc serves, as data: they are made when used."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

ENUMERATIONS: Dict[str, str] = {
    "StepRunInputArtifactType": "STEP_OUTPUT|MANUAL|EXTERNAL|LAZY_LOADED=lazy|OVERRIDE",
    "ArtifactSaveType": "STEP_OUTPUT|MANUAL|PREEXISTING|EXTERNAL",
    "DownloadType": "ARTIFACT_VERSION|STEP_LOGS|RUN_LOGS|SNAPSHOT_CODE",
    "ZenMLServiceType": "ZEN_SERVER|MODEL_SERVING=model-serving",
    "HookType": (
        "RUN_START|RUN_SUCCESS|RUN_FAILURE|RUN_END|RUN_PAUSE|RUN_RESUME|STEP_START|STEP_END|STEP_SUCCESS"
        "|STEP_FAILURE|CUSTOM"
    ),
    "ExecutionMode": "FAIL_FAST|STOP_ON_FAILURE|CONTINUE_ON_FAILURE",
    "RunWaitConditionType": "EXTERNAL_INPUT",
    "RunWaitConditionStatus": "PENDING|RESOLVED",
    "RunWaitConditionResolution": "CONTINUE|ABORT",
    "RunWaitConditionLeaseMode": "REFRESH|FINALIZE|ABANDON",
    "StackComponentType": (
        "ALERTER|ANNOTATOR|ARTIFACT_STORE|CONTAINER_REGISTRY|DATA_VALIDATOR|EXPERIMENT_TRACKER"
        "|FEATURE_STORE|IMAGE_BUILDER|LOG_STORE|MODEL_DEPLOYER|ORCHESTRATOR|STEP_OPERATOR|MODEL_REGISTRY"
        "|DEPLOYER|SANDBOX"
    ),
    "StoreType": "SQL|REST",
    "SecretsStoreType": "NONE|SQL|AWS|GCP|AZURE|HASHICORP|CUSTOM",
    "ContainerRegistryFlavor": "DEFAULT|GITHUB|DOCKERHUB|GCP|AZURE",
    "CliCategories": (
        "STACK_COMPONENTS=Stack Components|MODEL_DEPLOYMENT=Model Deployment|INTEGRATIONS=Integrations"
        "|MANAGEMENT_TOOLS=Management Tools|MODEL_CONTROL_PLANE=Model Control Plane"
        "|IDENTITY_AND_SECURITY=Identity and Security|OTHER_COMMANDS=Other Commands"
    ),
    "AnnotationTasks": (
        "IMAGE_CLASSIFICATION|OBJECT_DETECTION_BOUNDING_BOXES|OCR=optical_character_recognition|TEXT_CLASSIFICATION"
    ),
    "SecretValidationLevel": "SECRET_AND_KEY_EXISTS=SECRET_AND_KEY_EXISTS|SECRET_EXISTS=SECRET_EXISTS|NONE=NONE",
    "ServerProviderType": "DAEMON|DOCKER",
    "AnalyticsEventSource": "ZENML_GO=zenml go|ZENML_INIT=zenml init|ZENML_SERVER=zenml server",
    "AuthScheme": (
        "NO_AUTH=NO_AUTH|HTTP_BASIC=HTTP_BASIC|OAUTH2_PASSWORD_BEARER=OAUTH2_PASSWORD_BEARER|EXTERNAL=EXTERNAL"
    ),
    "OAuthGrantTypes": (
        "OAUTH_PASSWORD=password|OAUTH_DEVICE_CODE=urn:ietf:params:oauth:grant-type:device_code"
        "|ZENML_EXTERNAL=zenml-external|ZENML_API_KEY=zenml-api-key"
    ),
    "OAuthDeviceStatus": "PENDING|VERIFIED|ACTIVE|LOCKED",
    "APITokenType": "GENERIC|WORKLOAD",
    "GenericFilterOps": (
        "EQUALS|NOT_EQUALS=notequals|CONTAINS|STARTSWITH|ENDSWITH|ONEOF|NOT_ONEOF=notoneof"
        "|NOT_CONTAINS=notcontains|IS_NULL=isnull|IS_NOT_NULL=isnotnull|GTE|GT|LTE|LT|IN"
    ),
    "SorterOps": "ASCENDING=asc|DESCENDING=desc",
    "LogicalOperators": "OR|AND",
    "OperatingSystemType": "LINUX=Linux|WINDOWS=Windows|MACOS=Darwin",
    "SourceContextTypes": (
        "CLI|PYTHON|DASHBOARD|DASHBOARD_V2=dashboard-v2|API|KITARU_PYTHON=kitaru-python"
        "|KITARU_CLI=kitaru-cli|KITARU_MCP=kitaru-mcp|KITARU_API=kitaru-api|KITARU_UI=kitaru-ui|UNKNOWN"
    ),
    "EnvironmentType": (
        "BITBUCKET_CI|CIRCLE_CI|COLAB|CONTAINER|DOCKER|GENERIC_CI|GITHUB_ACTION|GITLAB_CI|KUBERNETES"
        "|NATIVE|NOTEBOOK|PAPERSPACE|WSL|LIGHTNING_AI_STUDIO|GITHUB_CODESPACES|VSCODE_REMOTE_CONTAINER"
        "|ZENML_CODESPACE"
    ),
    "ColorVariants": "GREY|PURPLE|RED|GREEN|YELLOW|ORANGE|LIME|TEAL|TURQUOISE|MAGENTA|BLUE",
    "TaggableResourceTypes": (
        "ARTIFACT|ARTIFACT_VERSION|MODEL|MODEL_VERSION|PIPELINE|PIPELINE_RUN|RUN_TEMPLATE|PIPELINE_SNAPSHOT|DEPLOYMENT"
    ),
    "ResponseUpdateStrategy": "ALLOW|IGNORE|DENY",
    "MetadataResourceTypes": "PIPELINE_RUN|STEP_RUN|ARTIFACT_VERSION|MODEL_VERSION|SCHEDULE|WAIT_CONDITION",
    "VisualizationResourceTypes": "DEPLOYMENT|MODEL|PIPELINE|PIPELINE_RUN|PIPELINE_SNAPSHOT|PROJECT",
    "CuratedVisualizationSize": "FULL_WIDTH|HALF_WIDTH",
    "SecretResourceTypes": "STACK|STACK_COMPONENT",
    "DatabaseBackupStrategy": "DISABLED|IN_MEMORY=in-memory|DUMP_FILE=dump-file|DATABASE|MYDUMPER|CUSTOM",
    "SQLDatabaseAuthMode": "PASSWORD|AWS_RDS_IAM",
    "OnboardingStep": (
        "DEVICE_VERIFIED|PROJECT_CREATED|PIPELINE_RUN|STACK_WITH_REMOTE_ORCHESTRATOR_CREATED"
        "|STACK_WITH_REMOTE_ARTIFACT_STORE_CREATED|PIPELINE_RUN_WITH_REMOTE_ORCHESTRATOR"
        "|PIPELINE_RUN_WITH_REMOTE_ARTIFACT_STORE|PIPELINE_DEPLOYED|OSS_ONBOARDING_COMPLETED"
        "|PRO_ONBOARDING_COMPLETED"
    ),
    "StackDeploymentProvider": "AWS|GCP|AZURE",
    "ServiceState": "INACTIVE|ACTIVE|PENDING_STARTUP|PENDING_SHUTDOWN|ERROR|SCALED_TO_ZERO",
    "DeploymentStatus": "UNKNOWN|PENDING|RUNNING|ABSENT|ERROR",
    "PipelineRunTriggeredByType": "STEP_RUN|DEPLOYMENT",
    "KubernetesServiceType": "LOAD_BALANCER=LoadBalancer|NODE_PORT=NodePort|CLUSTER_IP=ClusterIP",
    "StepType": "TOOL_CALL|LLM_CALL|MEMORY_CALL",
    "GroupType": "MANUAL|MAP",
    "ResourceRequestStatus": (
        "PENDING|ALLOCATED|PREEMPTING|PREEMPTED|CANCELLED|REJECTED|RELEASED|EXPIRED|NO_MATCHING_POOL"
    ),
    "ResourcePoolScope": "GLOBAL|ORGANIZATION|WORKSPACE",
    "ResourceRequestRuntimeState": "UNKNOWN|PENDING|SUBMITTED|RUNNING|IDLE",
    "ResourceRequestReclaimTolerance": "NONE|COORDINATED|ANY",
    "TriggerType": "SCHEDULE|PLATFORM_EVENT|WEBHOOK",
    "TriggerFlavor": "NATIVE_SCHEDULE=native schedule|PLATFORM_EVENT=platform event|WEBHOOK",
    "TriggerRunConcurrency": "SKIP|SUBMIT",
    "ContainerEngineType": "DOCKER|PODMAN",
    "SourceType": "PIPELINE|PIPELINE_RUN|PIPELINE_SNAPSHOT",
    "PipelineEvent": "RUN_COMPLETED|RUN_FAILED",
    "PipelineRunEvent": "COMPLETED|FAILED",
    "PipelineSnapshotEvent": "RUN_COMPLETED|RUN_FAILED",
}
"""The enumerations of `zenml.enums` beside those that flowc gives a meaning: `NAME` has the value `name`."""

EXCEPTIONS: Dict[str, str] = {
    **dict.fromkeys(
        (
            "ApiTransactionResultTooLargeError", "ArtifactStoreInterfaceError", "AuthorizationException",
            "DoesNotExistException", "EntityExistsError", "HookExecutionException", "HookValidationException",
            "HydrationError", "IllegalOperationError", "InitializationException", "InputResolutionError",
            "IntegrationError", "LogStoreError", "MaterializerInterfaceError", "MaxConcurrentTasksError",
            "MethodNotAllowedError", "RunInterruptedException", "RunMonitoringError", "RunStoppedException",
            "SettingsResolvingError", "SourceValidationException", "StackComponentInterfaceError",
            "StackValidationError", "StepContextError", "StepExecutionException", "StepInterfaceError",
            "SubscriptionUpgradeRequiredError", "ValidationError", "WebhookInactiveError",
        ),
        "ZenMLBaseException",
    ),
    "BackupSecretsStoreNotConfiguredError": "NotImplementedError",
    "CredentialsNotValid": "AuthorizationException",
    "CustomFlavorImportError": "ImportError",
    "EntityCreationError": "ZenMLBaseException RuntimeError",
    "GitNotFoundError": "ImportError",
    "LogStoreRateLimitError": "LogStoreError",
    "LogStoreUnavailableError": "LogStoreError",
    "SecretsStoreNotConfiguredError": "NotImplementedError",
}  # fmt: skip
"""The exceptions of `zenml.exceptions` and their bases."""

_VARIABLES = """
    ACTIVE_PROJECT_ID ACTIVE_STACK_ID ANALYTICS_OPT_IN AUTO_OPEN_DASHBOARD CAPTURE_PRINTS CONFIG_PATH
    CONSOLE_LOGGING_FORMAT CONTAINER CONTAINER_ENGINE CUSTOM_SOURCE_ROOT DEBUG DEFAULT_ANALYTICS_SOURCE DEFAULT_OUTPUT
    DEFAULT_PROJECT_NAME DEFAULT_USER_NAME DEFAULT_USER_PASSWORD DISABLE_CLIENT_SERVER_MISMATCH_WARNING
    DISABLE_PATH_MATERIALIZER DISABLE_PIPELINE_LOGS_STORAGE DISABLE_STEP_LOGS_STORAGE DISABLE_STEP_NAMES_IN_LOGS
    ENABLE_IMPLICIT_AUTH_METHODS ENABLE_REPO_INIT_WARNINGS ENABLE_RICH_TRACEBACK ENFORCE_TYPE_ANNOTATIONS
    LOCAL_STORES_PATH LOGGING_COLORS_DISABLED LOGGING_FORMAT LOGGING_VERBOSITY PAGINATION_DEFAULT_LIMIT
    PREVENT_CLIENT_SIDE_CACHING REPOSITORY_DIRECTORY_NAME REPOSITORY_PATH RUN_SINGLE_STEPS_WITHOUT_STACK
    SECRET_VALIDATION_LEVEL SERVER SKIP_IMAGE_BUILDER_DEFAULT SKIP_STACK_VALIDATION STEP_OPERATOR
    STORAGE_LOGGING_VERBOSITY SUPPRESS_LOGS USER_ID
"""
CONSTANTS: Dict[str, str] = {
    **{f"ENV_ZENML_{name}": f"ZENML_{name}" for name in _VARIABLES.split()},
    "APP_NAME": "zenml",
    "DEFAULT_LOCAL_SERVICE_IP_ADDRESS": "127.0.0.1",
    "DEFAULT_PROJECT_NAME": "default",
    "DEFAULT_STACK_AND_COMPONENT_NAME": "default",
    "DEFAULT_USERNAME": "default",
    "ENV_ZENML_SECRETS_STORE_PREFIX": "ZENML_SECRETS_STORE_",
    "ENV_ZENML_SERVER_PREFIX": "ZENML_SERVER_",
    "ENV_ZENML_STORE_PREFIX": "ZENML_STORE_",
    "FILTERING_DATETIME_FORMAT": "%Y-%m-%d %H:%M:%S",
    "LATEST_MODEL_VERSION_PLACEHOLDER": "__latest__",
    "METADATA_DEPLOYED_MODEL_URL": "deployed_model_url",
    "METADATA_EXPERIMENT_TRACKER_URL": "experiment_tracker_url",
    "METADATA_ORCHESTRATOR_RUN_ID": "orchestrator_run_id",
    "METADATA_ORCHESTRATOR_URL": "orchestrator_url",
    "MLFLOW_MODEL_FORMAT": "MLflow",
    "MODEL_METADATA_YAML_FILE_NAME": "model_metadata.yaml",
    "ORCHESTRATOR_DOCKER_IMAGE_KEY": "orchestrator",
    "REPOSITORY_DIRECTORY_NAME": ".zen",
}
"""The constants of `zenml.constants` that are text, with their values."""
