"""Whole runs in tests: on the local engine, and of the manifest for Argo in the simulator, with faults."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING, Any, Callable, Dict, Generator, Mapping, Sequence, Union

from flowc.testing.faults import Faults, injected
from flowc.testing.tested_flow import (
    CompileFailed,
    UsageError,
    compile_tested,
    names_a_step,
    rendered,
    short_traceback,
    tested_flow,
)

if TYPE_CHECKING:
    from flowc.client import Run
    from flowc.testing.faults import Attempts, Replacements, Slowness
    from flowc.testing.tested_flow import AnyFlow
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.driver import Compilation
    from flowc_compiler.ir import Flow
    from flowc_targets.base.target import EmittedFile

RunFlow = Callable[..., "Run"]
"""The type of the fixtures `run_flow` and `simulate_flow`."""


@short_traceback
def run_flow(
    flow: AnyFlow,
    parameters: Union[Mapping[str, Any], None] = None,
    *,
    replace: Union[Replacements, None] = None,
    fail: Union[Attempts, None] = None,
    kill: Union[Attempts, None] = None,
    slow: Union[Slowness, None] = None,
    root: Union[str, os.PathLike[str], None] = None,
    configs: Union[Mapping[str, Any], None] = None,
    decorators: Sequence[str] = (),
    tags: Sequence[str] = (),
    approvals: Union[Mapping[str, str], None] = None,
    max_workers: Union[int, None] = None,
) -> Run:
    """Run a flow or a pipeline as `flowc run` does, each task in a process of its own, and return the run.

    `replace` has functions that take the place of steps: they get `self`, in a join `inputs`, too, and in a pipeline
    the step's arguments; or a dict of the artifacts that a step sets. Unless a function calls `self.next`, the flow
    goes where the step leads. `fail` has the attempts that raise an error instead of the step's code, as in
    `{"train": [0]}`, `kill` those whose process is killed when the code has run, and `slow` seconds that each attempt
    waits first. `{"train/2": ...}` names one task of a foreach. `decorators` are those of `--with`. `approvals` has
    what a person chooses for each step with `@approval`; without it the run waits for `flowc approve`.

    A run that fails is returned as well: see `run.successful`. Raises UsageError for what the flow does not have, and
    CompileFailed for a flow or a parameter with errors.
    """
    from flowc.client import Run
    from flowc_cli.local_runs import local_options
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_targets.local import RunOptions
    from flowc_targets.local import run_flow as run_locally
    from flowc_targets.package.local_modules import check_code

    faults = Faults(replace or {}, fail or {}, kill or {}, slow or {})
    sink = DiagnosticSink()
    compilation, bound = _compiled(flow, parameters or {}, configs or {}, decorators, sink, to_run=True)
    with injected(faults, compilation.flow) as happening, _environment(happening.variables):
        options = RunOptions(params=bound, tags=tuple(tags))
        options = local_options(compilation.source.path, _root(root), max_workers, options, (), sink)
        check_code(compilation.source, options.include, sink)
        options = replace_fields(options, approvals=_answers(approvals, compilation.flow, sink))
        _report(sink)
        result = run_locally(compilation.flow, compilation.source, options)
        if result.ok:
            happening.warn_of_unused()
    return Run(f"{compilation.flow.name}/{result.run_id}", root=result.root, _namespace_check=False)


@short_traceback
def simulate_flow(
    flow: AnyFlow,
    parameters: Union[Mapping[str, Any], None] = None,
    *,
    replace: Union[Replacements, None] = None,
    fail: Union[Attempts, None] = None,
    kill: Union[Attempts, None] = None,
    slow: Union[Slowness, None] = None,
    root: Union[str, os.PathLike[str], None] = None,
    configs: Union[Mapping[str, Any], None] = None,
    decorators: Sequence[str] = (),
    options: Union[Mapping[str, Any], None] = None,
    approvals: Union[Mapping[str, str], None] = None,
    max_workers: Union[int, None] = None,
) -> Run:
    """Compile a flow or a pipeline for Argo, run that manifest as `flowc simulate` does, and return the run.

    `options` are the target's, as in `[tool.flowc.argo]`, beside those of the project; all else is as for `run_flow`.
    Attempts follow at once, and the first pod of each step is a Python of its own. Sidecars and init containers do
    not run, as in `run_flow`.
    """
    from flowc.client import Run
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_targets.simulate import Progress, SimulateOptions, prepare_manifest, simulate

    faults = Faults(replace or {}, fail or {}, kill or {}, slow or {})
    sink = DiagnosticSink()
    compilation, bound = _compiled(flow, parameters or {}, configs or {}, decorators, sink, to_run=False)
    store = _root(root)
    store = store if "://" in store else os.path.abspath(store)
    fixed = {parameter.name for parameter in compilation.flow.parameters if parameter.fixed}
    values = {name: text for name, text in bound.items() if name not in fixed}
    chosen = {"parameters": values, **(options or {}), "root": store}
    answers = _answers(approvals, compilation.flow, sink)
    (emitted, *_) = emitted_files(compilation, compilation.flow, "argo", chosen, sink)
    _report(sink)
    _upload(emitted, store)
    with injected(faults, compilation.flow) as happening:
        workers = max_workers or os.cpu_count() or 1
        how = SimulateOptions(
            root=store,
            parameters=values,
            backoff=0.0,
            max_workers=workers,
            env=happening.variables,
            approvals=answers,
            sidecars=False,
        )
        manifest, spec = prepare_manifest(emitted.text, how)
        for note in manifest.notes:
            _print(f"flowc: {note}")
        result = simulate(manifest, spec, how, Progress(_print, output=False))
        if result.phase == "Succeeded":
            happening.warn_of_unused()
    return Run(f"{compilation.flow.name}/argo-{result.spec.uid}", root=store, _namespace_check=False)


def _compiled(
    flow: AnyFlow,
    parameters: Mapping[str, Any],
    configs: Mapping[str, Any],
    decorators: Sequence[str],
    sink: DiagnosticSink,
    *,
    to_run: bool,
) -> tuple[Compilation, Dict[str, str]]:
    """A flow, and the texts of its parameters."""
    from flowc_compiler.driver import check_environment

    tested = tested_flow(flow)
    if names_a_step(tested):
        raise UsageError(f"{tested.name} is a step: run_step(...) runs it alone, and a pipeline runs as a whole")
    compilation, inputs = compile_tested(tested, parameters, configs, tuple(decorators), to_run=to_run)
    bound = inputs.bind(compilation.flow, sink)
    if to_run:
        check_environment(compilation.flow, os.environ, frozenset({"FLOWC_RUN_ROOT"}), sink)
    _raise(sink)
    return compilation, bound


def _answers(approvals: Union[Mapping[str, str], None], flow: Flow, sink: DiagnosticSink) -> Dict[str, str]:
    """What persons choose, by step. Collects FC505 for what cannot be chosen."""
    from flowc_cli.local_runs import checked_answers

    return checked_answers([f"{step}={choice}" for step, choice in (approvals or {}).items()], flow, sink)


def emitted_files(
    compilation: Compilation,
    flow: Flow,
    target: str,
    options: Mapping[str, Any],
    sink: DiagnosticSink,
    *,
    default_root: Union[str, None] = None,
) -> Sequence[EmittedFile]:
    """What a target makes of a flow, with the options of its project and these. Raises CompileFailed.

    `default_root` is the root where nothing else names one.
    """
    from flowc_cli.target_options import build_options, emit_files, find_target

    engine = find_target(target, sink)
    _raise(sink)
    assert engine is not None
    given: Dict[str, object] = {name: _as_given(value) for name, value in options.items()}
    chosen = build_options(engine.options_model, target, compilation.source.path, given, (), sink, deploys=False)
    _raise(sink)
    assert chosen is not None
    if chosen.root is None:
        chosen = chosen.model_copy(update={"root": default_root})
    emitted = emit_files(engine, flow, compilation.source, chosen, sink)
    _raise(sink)
    return emitted


def _as_given(value: Any) -> object:
    """An option as the command line has it: a table as `NAME=value`."""
    if not isinstance(value, dict):
        return value
    table: Dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
    return [f"{name}={text}" for name, text in table.items()]


def _upload(emitted: EmittedFile, root: str) -> None:
    if emitted.stored:
        from flowc_targets.package.stored_package import upload

        for _ in upload(emitted.stored, root):
            pass


def _raise(sink: DiagnosticSink) -> None:
    if sink.failed:
        raise CompileFailed(rendered(sink), sink.diagnostics)


def _report(sink: DiagnosticSink) -> None:
    """Raise errors, and print warnings as the command does."""
    from flowc_cli.output import report

    _raise(sink)
    report(sink.diagnostics, sink.sources)


def _root(root: Union[str, os.PathLike[str], None]) -> str:
    """The given root, or a new folder, which goes with this process."""
    if root is not None:
        return os.fspath(root)
    import atexit

    folder = tempfile.mkdtemp(prefix="flowc-test-runs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def _environment(variables: Mapping[str, str]) -> Generator[None, None, None]:
    """Have variables in a block, and those of this process as they were after it."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


def _print(line: str) -> None:
    import sys

    print(line, file=sys.stderr)
