"""Layers of settings of a file, without the evaluation of its pipeline: decorators of its functions, in their order."""

from __future__ import annotations

import ast
from pathlib import Path

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.evaluation_state import Frame
from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
from flowc_compiler.frontend.pipelines.pipeline_values import PipelineFunction, StepFunction
from flowc_compiler.frontend.pipelines.settings.layer_reader import SettingsLayer
from flowc_compiler.frontend.pipelines.settings.layer_specs import pipeline_specs, step_specs
from flowc_compiler.frontend.pipelines.types.pipeline_types import PipelineTypes
from flowc_compiler.ir import FlowSpecs, StepSpecs
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.modules import LocalModules, ModuleView

IMPORTS = """\
from datetime import timedelta

from flowc import *
from flowc import Resources, Retry
from zenml import step, pipeline, Model, ArtifactConfig, Tag
from zenml.client import Client
from zenml.config import DockerSettings, PythonPackageInstaller, ResourceSettings, Schedule, StepRetryConfig
from zenml.enums import StepRuntime
from zenml.integrations.constants import MLFLOW, SKLEARN
from zenml.integrations.kubernetes.flavors import KubernetesOrchestratorSettings
from zenml.integrations.kubernetes.pod_settings import KubernetesPodSettings
from kubernetes.client.models import V1Affinity, V1Capabilities, V1ConfigMapEnvSource, V1ConfigMapVolumeSource
from kubernetes.client.models import V1EnvFromSource, V1NodeAffinity, V1NodeSelector, V1NodeSelectorRequirement
from kubernetes.client.models import V1NodeSelectorTerm, V1SecurityContext, V1Toleration, V1Volume, V1VolumeMount
import helpers


"""


class Layers:
    """The file of a pipeline, a step, and variants of the step: `variant = work.with_options(...)`."""

    def __init__(self, text: str, imports: str = IMPORTS) -> None:
        self.sink = DiagnosticSink()
        source = SourceFile(Path("pipe.py"), imports + text)
        self.view = ModuleView(source, ast.parse(source.text), self.sink)
        modules = LocalModules(self.view, self.sink)
        evaluator = PipelineEvaluator(self.view, modules, self.sink, PipelineTypes(modules, self.sink), ())
        self.step: list[SettingsLayer] = []
        self.pipeline: list[SettingsLayer] = []
        names = evaluator.namespace(self.view)
        for statement in self.view.tree.body:
            found: object = None
            if isinstance(statement, ast.FunctionDef):
                found = names[statement.name]
            elif isinstance(statement, ast.Expr):
                with evaluator.leniently(), evaluator.within(Frame(self.view, names)):
                    found = evaluator.evaluate(statement.value)
            place = 0 if isinstance(statement, ast.FunctionDef) else -1
            if isinstance(found, StepFunction):
                self.step.append(found.layers[place])
            elif isinstance(found, PipelineFunction):
                self.pipeline.append(found.layers[place])

    def step_specs(self) -> StepSpecs:
        """The specs of the step."""
        return step_specs([*self.pipeline, *self.step], self.sink)

    def pipeline_specs(self) -> FlowSpecs:
        """The specs of the pipeline."""
        return pipeline_specs(self.pipeline, self.sink)[0]

    @property
    def codes(self) -> list[str]:
        """The codes of everything collected, with the severity's first letter: `E404`, `W410`."""
        return [f"{item.severity[0].upper()}{item.code[2:]}" for item in self.sink.diagnostics]


def of_step(arguments: str, above: str = "", below: str = "", pipeline: str = "@pipeline") -> Layers:
    """A file with a step `work` that has these arguments."""
    text = f"{above}\n\n@step({arguments})\ndef work(): ...\n\n\n{pipeline}\ndef pipe(): ...\n\n\n{below}\n"
    return Layers(text)
