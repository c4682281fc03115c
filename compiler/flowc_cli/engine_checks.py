"""What no engine takes of a flow, whatever its options are: `flowc check` reports it without a target.

What only one of the targets can't express, and what depends on options, is reported with `--target`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flowc_cli.project_config import included_patterns
from flowc_targets.package.local_modules import check_package

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import Diagnostic, DiagnosticSink
    from flowc_compiler.driver import Compilation
    from flowc_compiler.ir import StepSpecs

_ENGINES = ("argo", "airflow")


def check_for_engines(compilation: Compilation, sink: DiagnosticSink) -> None:
    """Collect what is wrong with the code package, and what every engine refuses of the steps' specs."""
    flow, source = compilation.flow, compilation.source
    check_package(flow, source, included_patterns(source.path, sink), sink)
    if not flow.specs.hooks and not any(_concerns_engines(step.specs) for step in flow.steps):
        return  # what follows brings the options of targets
    found = [_refused_by(name, compilation, sink) for name in _ENGINES]
    for key, item in found[0].items():
        if all(key in others for others in found[1:]):
            message = item.message.removesuffix(f" (target {_ENGINES[0]})")
            report = sink.warning if item.severity == "warning" else sink.error
            report(item.code, message, item.span, help=item.help)


def _concerns_engines(specs: StepSpecs) -> bool:
    extended = specs.resources is not None and specs.resources.extended
    return any((specs.accelerator, extended, specs.environment, specs.batch, specs.secrets))


def _refused_by(name: str, compilation: Compilation, sink: DiagnosticSink) -> dict[tuple[str, object], Diagnostic]:
    """The errors of one engine about specs of steps, by their code and place.

    A type of GPUs that is not known is a warning: an option of the target may make it known.
    """
    from flowc_cli.target_options import build_options, find_target
    from flowc_targets.base.target import report_unsupported_specs
    from flowc_targets.kubernetes.gpu import step_gpu
    from flowc_targets.kubernetes.pod_checks import check_environment, check_exit_hooks

    own = sink.nested()
    target = find_target(name, own)
    model = target.options_model if target is not None else None
    options = build_options(model, name, compilation.source.path, {}, (), own) if model is not None else None
    if options is None or not options.in_pods:
        return {}
    own, gpus, flow = sink.nested(), sink.nested(), compilation.flow
    report_unsupported_specs(flow, name, own)
    check_exit_hooks(flow, name, own)
    check_environment(flow, options, name, own)
    for step in flow.steps:
        if not step.virtual:
            step_gpu(step.specs, options, name, gpus)
    found = [replace(item, severity="warning") if item.code == "FC501" else item for item in gpus.diagnostics]
    found += [item for item in own.diagnostics if item.severity == "error"]
    return {(item.code, item.span): item for item in found}
