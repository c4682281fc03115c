"""Rows of arguments of steps and pipelines."""

from __future__ import annotations

from tests.docs.zenmlrows.base import Row, arguments

STEPS = [
    *arguments(
        "step",
        "name='other'",
        "enable_cache=False",
        "enable_cache=True",
        "enable_artifact_metadata=False",
        "enable_artifact_metadata=True",
        "enable_artifact_visualization=False",
        "enable_artifact_visualization=True",
        "enable_step_logs=True",
        "experiment_tracker='mlflow'",
        "step_operator='sagemaker'",
        "output_materializers=BaseMaterializer",
        "environment={'MODE': 'fast'}",
        "environment={'KEY': '{{secret.key}}'}",
        "secrets=['openai']",
        "extra={'a': 1}",
        "model=Model(name='m')",
        "retry=StepRetryConfig(max_retries=2)",
        "retry=StepRetryConfig(max_retries=2, delay=10)",
        "retry=StepRetryConfig(max_retries=2, delay=10, backoff=2)",
        "on_failure=tell_of",
        "on_success=tell",
        "on_start=tell",
        "on_end=tell_of",
        "substitutions={'a': 'b'}",
        "cache_policy='default'",
        "runtime=StepRuntime.ISOLATED",
        "runtime='inline'",
        "heartbeat_healthy_threshold=20",
        "group='prepare'",
        "step_type='llm_call'",
    ),
    Row("a value that is a constant of the file", "step", "settings={'resources': ResourceSettings(**AMOUNTS)}"),
    Row("a value that has to be computed by running the file", "step", "environment={'NOW': str(datetime.now())}"),
]
_CONSTANT = next(number for number, row in enumerate(STEPS) if "constant" in row.name)
STEPS[_CONSTANT] = Row(
    STEPS[_CONSTANT].name, "file",
    """
    from zenml import pipeline, step
    from zenml.config import ResourceSettings

    AMOUNTS = {"cpu_count": 1, "memory": "1GB"}

    @step(settings={"resources": ResourceSettings(**AMOUNTS)})
    def work() -> int:
        return 1

    @pipeline
    def row_pipeline():
        work()
    """,
)  # fmt: skip

PIPELINES = [
    *arguments(
        "pipeline",
        "name='other'",
        "enable_cache=False",
        "enable_cache=True",
        "enable_artifact_metadata=True",
        "enable_step_logs=False",
        "enable_pipeline_logs=True",
        "enable_heartbeat=True",
        "environment={'MODE': 'fast'}",
        "secrets=['openai']",
        "settings={'resources': ResourceSettings(cpu_count=1)}",
        "retry=StepRetryConfig(max_retries=2)",
        "tags=['nightly']",
        "extra={'a': 1}",
        "model=Model(name='m', version='1')",
        "on_failure=tell_of",
        "on_success=tell",
        "on_end=tell_of",
        "on_failure='package.module.function'",
        "on_start=tell",
        "on_init=tell",
        "on_cleanup=tell",
        "on_pause=tell",
        "on_resume=tell",
        "substitutions={'a': 'b'}",
        "execution_mode='fail_fast'",
        "cache_policy='default'",
        "depends_on=[work]",
    ),
    *arguments(
        "options",
        "run_name='run'",
        "schedule=Schedule(cron_expression='0 5 * * *')",
        "schedule=Schedule(cron_expression='0 5 * * *', catchup=False)",
        "schedule=Schedule(cron_expression='0 5 * * *', catchup=True)",
        "schedule=Schedule(cron_expression='0 5 * * *', start_time=datetime(2030, 1, 1))",
        "schedule=Schedule(start_time=datetime(2030, 1, 1), interval_second=timedelta(hours=1))",
        "schedule=Schedule(run_once_start_time=datetime(2030, 1, 1))",
        "build='id'",
        "steps={'work': {'enable_cache': False}}",
        "step_configurations={'work': {'enable_cache': False}}",
        "config_path='config.yaml'",
        "unlisted=True",
        "prevent_build_reuse=True",
        "enable_cache=False",
        "parameters={'n': 3}",
    ),
]
