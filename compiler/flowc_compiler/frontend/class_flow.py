"""The front end of class flows: their classes are found, mutators applied, and what that makes is read.

`classflow` and `mutators` are its parts.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.classflow.flow_classes import (
    ClassTable,
    FlowDefinition,
    check_later_members,
    check_order,
    has_mutators,
    not_overridden,
)
from flowc_compiler.frontend.classflow.flow_reader import FlowReader
from flowc_compiler.frontend.decorators.cli_decorators import read_cli_decorators
from flowc_compiler.frontend.parameters.config_sources import NO_CONFIGS, GivenConfigs
from flowc_compiler.frontend.parameters.config_table import ConfigTable
from flowc_compiler.ir import Flow
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.modules import LocalModules, ModuleView

if TYPE_CHECKING:
    from flowc_compiler.evaluate.known_values import FileScope, FileValues
    from flowc_compiler.ir.artifact_effects import FlowEffects


def read_class_flow(
    source: SourceFile,
    module: ast.Module,
    sink: DiagnosticSink,
    flow_name: str | None = None,
    configs: GivenConfigs = NO_CONFIGS,
    attached: Sequence[str] = (),
) -> Flow | None:
    """The IR of a file's class flow, without scopes; `None`, with diagnostics collected, when there is none. It is not
    complete when errors leave its graph unknown.

    `attached` are decorators for every step, as `--with` has them.
    """
    view = ModuleView(source, module, sink)
    table = ClassTable(view, sink)
    node = table.find_flow(flow_name)
    if node is None:
        return None
    config_table, cli_decorators = ConfigTable(configs, sink), read_cli_decorators(attached, sink)
    values = cache(partial(_file_values, table.modules, config_table, sink))

    def scope_of(view: ModuleView) -> FileScope:
        return values().of(view)

    reader = FlowReader(view, table.modules, config_table, scope_of, cli_decorators, sink)
    members = not_overridden(table.members(node))
    reader.read_configs(members)
    definition = FlowDefinition(members, table.linearized(node))
    for found in definition.classes:
        check_later_members(found, sink)
    definition.members = [reader.with_steps(member) for member in members]
    check_order(definition, table.modules, sink)
    if has_mutators(definition, table.modules):
        from flowc_compiler.frontend.mutators.apply_mutators import MutatorRun

        run = MutatorRun(definition, table.modules, scope_of, cli_decorators, sink)
        definition = run.apply(reader.parameter_names(definition.members), config_table.attributes())
    reader.read(definition, unseen=table.unseen)
    return reader.finish(node, cache(partial(_read_effects, definition, table.modules, sink)))


def _file_values(modules: LocalModules, configs: ConfigTable, sink: DiagnosticSink) -> FileValues:
    from flowc_compiler.evaluate.known_values import FileValues
    from flowc_compiler.frontend.mutators.mutator_evaluator import MutatorEvaluator

    return FileValues(modules, configs, sink, MutatorEvaluator)


def _read_effects(flow: FlowDefinition, modules: LocalModules, sink: DiagnosticSink) -> FlowEffects | None:
    """What the steps of a flow do with artifacts; `None` for a file that is nested too deeply."""
    from flowc_compiler.frontend.classflow.flow_methods import FlowMethods

    try:
        methods = FlowMethods(flow.members, flow.classes, modules, sink)
        methods.silent |= any(item.code == "FC108" for item in sink.diagnostics)  # it may bind what steps read
        return methods.effects()
    except RecursionError:
        return None
