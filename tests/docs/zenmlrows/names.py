"""Rows of names to import from `zenml`, and of what a step does with them."""

from __future__ import annotations

from flowc.protocol.zenml_names import MODULES
from tests.docs.zenmlrows.base import Row

_REFUSED = (
    "from zenml import register_artifact",
    "from zenml import add_tags, remove_tags",
    "from zenml import bulk_log_metadata",
    "from zenml import link_artifact_to_model",
    "from zenml import show",
    "from zenml import run_hook",
    "from zenml.config import StoreConfiguration",
    "from zenml.config import PoolResourceDemand, ResourceInput",
    "from zenml.hooks import run_hook",
    "from zenml.materializers import BuiltInContainerMaterializer, BytesMaterializer, CloudpickleMaterializer, "
    "DataclassMaterializer, InMemoryMaterializer, PathMaterializer, ServiceMaterializer, StructuredStringMaterializer, "
    "UUIDMaterializer",
    "from zenml.pipelines import PipelineContext",
    "from zenml.steps import BaseStep, BaseParameters, Output",
    "from zenml.steps import StepHeartBeatTerminationException, StepHeartbeatWorker",
    "from zenml.post_execution import get_pipeline",
    "from zenml.integrations.mlflow.experiment_trackers import MLFlowExperimentTracker",
    "from zenml.integrations.mlflow.flavors.mlflow_experiment_tracker_flavor import MLFlowExperimentTrackerSettings",
    "from zenml.integrations.pytorch.materializers import PyTorchModuleMaterializer",
    "from zenml.integrations.huggingface.materializers.huggingface_datasets_materializer import HFDatasetMaterializer",
    "from zenml.stack import Stack",
    "from zenml.utils import source_utils",
)

_FEW = 7


def _all_of(module: str, names: list[str]) -> list[Row]:
    """A row for each name of a module; one row for all of a module with many."""
    if len(names) < _FEW or module == "zenml":
        return [Row(f"`from {module} import {name}`", "top", f"from {module} import {name}") for name in names]
    shown = next((name for name in ("MLFLOW", "StackComponentType", "StepContextError") if name in names), names[0])
    return [Row(f"`from {module} import {shown}, ...`", "top", f"from {module} import {', '.join(names)}")]


NAMES = [
    *(row for module, names in sorted(MODULES.items()) for row in _all_of(module, sorted(names))),
    *(Row(f"`{code}`", "top", code) for code in _REFUSED),
    Row("an import that may fail: `try: ... except ImportError:`", "top",
        "try:\n    from zenml.integrations.mlflow.experiment_trackers import MLFlowExperimentTracker\n"
        "except ImportError:\n    MLFlowExperimentTracker = None"),
]  # fmt: skip

CONTEXT = [
    Row(f"`{name}`", "task", code)
    for name, code in {
        "get_step_context().step_name": "assert get_step_context().step_name == 'work'",
        "get_step_context().pipeline.name": "assert get_step_context().pipeline.name == 'row_pipeline'",
        "get_step_context().pipeline_run.config.extra, .step_run.config.extra": (
            "context = get_step_context()\n"
            "assert context.pipeline_run.config.extra == context.step_run.config.extra == {}"
        ),
        "get_step_context().pipeline_run.name": "assert get_step_context().pipeline_run.name",
        "get_step_context().step_run.name": "assert get_step_context().step_run.name in {'map:work:0', 'map:work:1'}",
        "get_step_context().step_run.config.parameters": (
            "assert get_step_context().step_run.config.parameters == {'y': 1}, get_step_context().step_run.config"
        ),
        "get_step_context().pipeline.id, .pipeline_run.id": (
            "assert get_step_context().pipeline_run.id in "
            "[run.id for run in Client().get_pipeline(get_step_context().pipeline.id).runs]"
        ),
        "get_step_context().inputs[name][0].load()": "assert get_step_context().inputs['x'][0].load() == x",
        "get_step_context().get_output_metadata()": "assert get_step_context().get_output_metadata() == {}",
        "get_step_context().model, .model_version": (
            "from zenml.exceptions import StepContextError\n"
            "try:\n    get_step_context().model\nexcept StepContextError:\n    pass  # the step has none"
        ),
        "get_step_context().model.number": "get_step_context().model.number",
        "save_artifact(value, name), load_artifact(name)": (
            "from zenml import load_artifact, save_artifact\n"
            "save_artifact([x], 'kept')\nassert load_artifact('kept') == [x]"
        ),
        "get_step_context().pipeline_state": "get_step_context().pipeline_state",
        "get_step_context().get_output_artifact_uri()": "get_step_context().get_output_artifact_uri()",
        "get_step_context().get_output_materializer()": "get_step_context().get_output_materializer()",
        "get_step_context().add_output_tags([...])": "get_step_context().add_output_tags(['a'])",
        "get_step_context().add_output_metadata({...})": "get_step_context().add_output_metadata({'rows': 3})",
        "log_metadata({...})": "log_metadata({'rows': 3})",
        "log_metadata(metadata={...}, infer_artifact=True)": "log_metadata(metadata={'rows': 3}, infer_artifact=True)",
        "log_metadata(metadata={...}, infer_model=True)": ("log_metadata(metadata={'f1': 0.5}, infer_model=True)"),
        "log_metadata(metadata={...}, artifact_version_id=...)": (
            "run = Client().get_pipeline_run(get_step_context().pipeline_run.name)\n"
            "log_metadata(metadata={'rows': 3}, artifact_version_id=run.steps['load'].output.id)"
        ),
        "log_metadata(metadata={...}, step_id=..., run_id_name_or_prefix=...)": (
            "log_metadata(metadata={'rows': 3}, step_id='a')"
        ),
        "get_logger(__name__).info(...)": ("from zenml.logger import get_logger\nget_logger(__name__).info('said')"),
        "Client().get_pipeline_run(name).steps[...].outputs[...][0].load()": (
            "run = Client().get_pipeline_run(get_step_context().pipeline_run.name)\n"
            "assert run.steps['load'].outputs['output'][0].load() == [1, 2]\n"
            "assert run.steps['load'].output.load() == [1, 2]"
        ),
        "Client().get_pipeline_run(name).steps[...].config.parameters": (
            "run = Client().get_pipeline_run(get_step_context().pipeline_run.name)\n"
            "assert run.steps['load'].config.parameters == {}"
        ),
        "Client().get_pipeline(name).last_run, .runs": (
            "assert Client().get_pipeline('row_pipeline').last_run.name == get_step_context().pipeline_run.name\n"
            "assert len(Client().get_pipeline('row_pipeline').runs) > 0"
        ),
        "Client().list_pipeline_runs(pipeline=..., status=..., page=..., size=...)": (
            "assert len(list(Client().list_pipeline_runs())) > 0\n"
            "assert Client().list_pipeline_runs(pipeline='row_pipeline', status='running', size=1).items"
        ),
        "Client().list_pipeline_runs(sort_by=..., ...)": "Client().list_pipeline_runs(sort_by='created')",
        "Client().list_pipelines(), .get_run_step(id)": (
            "assert [one.name for one in Client().list_pipelines()] == ['row_pipeline']\n"
            "assert Client().get_run_step(get_step_context().step_run.id).name == get_step_context().step_run.name"
        ),
        "Client().active_stack.name, .artifact_store.path, .orchestrator.name": (
            "stack = Client().active_stack\nassert stack.name == stack.orchestrator.name == 'flowc'\n"
            "assert stack.artifact_store.path"
        ),
        "Client().active_stack.experiment_tracker.name, and so on: only named": (
            "assert Client().active_stack.experiment_tracker.name == 'flowc'"
        ),
        "Client().active_stack.model_deployer.find_model_server(...)": (
            "Client().active_stack.model_deployer.find_model_server(pipeline_name='a')"
        ),
        "Client().active_stack.alerter.post(...), behind `if alerter:`": (
            "alerter = Client().active_stack.alerter\nif alerter:\n    alerter.post('done')"
        ),
        "Client().get_secret(name)": "Client().get_secret('openai')",
        "Client().get_secret(name), in a `try` that catches the KeyError": (
            "try:\n    Client().get_secret('openai')\nexcept KeyError:\n    pass"
        ),
        "Client().get_model_version(name, version)": "assert Client().get_model_version('a', 'v1').name == 'v1'",
        "fileio.open(path, 'w')": (
            "import os, tempfile\nfrom zenml.io import fileio\n"
            "path = os.path.join(tempfile.mkdtemp(), 'a')\n"
            "with fileio.open(path, 'w') as file:\n    file.write('text')\nassert fileio.exists(path)"
        ),
        "HTMLString(...), MarkdownString(...)": (
            "from zenml.types import HTMLString, MarkdownString\n"
            "assert HTMLString('<b>') + MarkdownString('*') == '<b>*'"
        ),
    }.items()
]
"""Each stands in a step of a map."""
