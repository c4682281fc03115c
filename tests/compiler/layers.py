"""Layers of settings of a file, without the evaluation of its pipeline: decorators of its functions, in their order."""

from __future__ import annotations

import ast
from pathlib import Path

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.pipelines.settings.layer_specs import pipeline_specs, step_specs
from flowc_compiler.frontend.pipelines.settings.settings_layer import SettingsLayer
from flowc_compiler.frontend.values.scope import ModuleScopes
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
        self.scope = ModuleScopes(LocalModules(self.view, self.sink), _NoConfigs()).of(self.view)
        self.step: list[SettingsLayer] = []
        self.pipeline: list[SettingsLayer] = []
        for statement in self.view.tree.body:
            if isinstance(statement, ast.FunctionDef):
                self._function(statement)
            else:
                self._variant(statement)

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

    def _function(self, node: ast.FunctionDef) -> None:
        for item in node.decorator_list:
            called = item.func if isinstance(item, ast.Call) else item
            arguments = (*item.args, *item.keywords) if isinstance(item, ast.Call) else ()
            match self.view.names.resolve(called):
                case "step":
                    self.step.append(SettingsLayer("step", "step", arguments, self.view, self.scope, node))
                case "pipeline":
                    self.pipeline.append(SettingsLayer("pipeline", "pipeline", arguments, self.view, self.scope, node))
                case _:
                    pass

    def _variant(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=method)) as call):
                layers = self.step if owner == "work" else self.pipeline
                of = "step" if owner == "work" else "pipeline"
                kind = "configure" if method == "configure" else "with_options"
                layers.append(SettingsLayer(kind, of, (*call.args, *call.keywords), self.view, self.scope))  # type: ignore[arg-type]
            case _:
                pass


class _NoConfigs:
    """A pipeline has no configs."""

    def named(self, name: str, node: ast.AST) -> object:
        """Raise KeyError."""
        del node
        raise KeyError(name)

    def name_of(self, attribute: str) -> str | None:
        """None."""
        del attribute
        return None


def of_step(arguments: str, above: str = "", below: str = "", pipeline: str = "@pipeline") -> Layers:
    """A file with a step `work` that has these arguments."""
    text = f"{above}\n\n@step({arguments})\ndef work(): ...\n\n\n{pipeline}\ndef pipe(): ...\n\n\n{below}\n"
    return Layers(text)
