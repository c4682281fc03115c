"""The public names that Metaflow 2.19 and ZenML 0.98 export, module by module.

`test_exported_names` compares them with the pages, and, where the packages are installed, with the packages.
"""

from __future__ import annotations


def _listed(texts: dict[str, str]) -> dict[str, list[str]]:
    return {module: text.split() for module, text in texts.items()}


METAFLOW = _listed(
    {
        "metaflow": """
        Config ConfigValue DataArtifact DeployedFlow Deployer EXT_PKG Flow FlowMutator FlowSpec IncludeFile JSONType
        JSONTypeClass Metaflow NBDeployer NBRunner Parameter Run Runner S3 Step StepMutator Task USER_SKIP_STEP
        UserStepDecorator airflow_external_task_sensor airflow_internal airflow_s3_key_sensor argo_workflows_internal
        batch card catch conda conda_base conda_environment_yml_parser config_expr current default_metadata
        default_namespace environment exit_hook get_metadata get_namespace inspect_spin kubernetes metadata namespace
        namespaced_event_name package_sources parallel parallel_imap_unordered parallel_map profile project pypi
        pypi_base pyproject_toml_parser pytorch_parallel requirements_txt_parser resources retry schedule secrets step
        step_functions_internal timeout trigger trigger_on_finish unbounded_test_foreach_internal user_step_decorator
        yaml_parser
    """,
        "metaflow.cards": """
        Artifact BlankCard DefaultCard Error ErrorCard EventsTimeline Image JSONViewer Markdown MetaflowCard
        MetaflowCardComponent PageComponent ProgressBar PythonCode Table ValueBox VegaChart YAMLViewer get_cards
    """,
        "metaflow.exception": """
        CommandException ExternalCommandFailed InvalidDecoratorAttribute MetaflowDataMissing MetaflowException
        MetaflowExceptionWrapper MetaflowInternalError MetaflowInvalidPathspec MetaflowNamespaceMismatch
        MetaflowNotFound MetaflowTaggingError MetaflowUnknownUser MissingInMergeArtifactsException ParameterFieldFailed
        ParameterFieldTypeMismatch UnhandledInMergeArtifactsException
    """,
    }
)
"""Names without an underscore at the front that are no modules: decorators, classes, functions."""

ZENML = _listed(
    {
        "zenml": """
        ArtifactConfig CommandStep ExternalArtifact Model Tag add_tags bulk_log_metadata get_pipeline_context
        get_step_context link_artifact_to_model load_artifact log_artifact_metadata log_metadata log_model_metadata
        log_step_metadata pipeline register_artifact remove_tags run_hook save_artifact show step unmapped wait
    """,
        "zenml.config": """
        AppExtensionSpec ByteUnit CORSConfig CachePolicy DeploymentDefaultEndpoints DeploymentDefaultMiddleware
        DeploymentSettings DockerSettings EndpointMethod EndpointSpec MiddlewareSpec PoolResourceDemand
        PythonEnvironmentExportMethod PythonPackageInstaller ResourceInput ResourceSettings Schedule
        SecureHeadersConfig StepRetryConfig StoreConfiguration
    """,
        "zenml.hooks": "alerter_failure_hook alerter_success_hook run_hook",
        "zenml.materializers": """
        BuiltInContainerMaterializer BuiltInMaterializer BytesMaterializer CloudpickleMaterializer DataclassMaterializer
        InMemoryMaterializer PathMaterializer PydanticMaterializer ServiceMaterializer StructuredStringMaterializer
        UUIDMaterializer
    """,
        "zenml.pipelines": "PipelineContext Schedule get_pipeline_context pipeline",
        "zenml.steps": """
        BaseStep CommandStep ResourceSettings StepContext StepHeartBeatTerminationException StepHeartbeatWorker
        get_step_context step
    """,
    }
)
"""What their `__all__` has."""
