"""The options of a target, from pyproject.toml and the command line, and the files that it emits with them."""

from __future__ import annotations

import os
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flowc.project_settings import rebased
from flowc.protocol import env_names
from flowc_cli.command_settings import GIVEN
from flowc_cli.option_validation import report_option_problems, validated_options
from flowc_cli.output import write_error
from flowc_cli.project_config import ProjectSettings, configuration, read_settings, settings_of
from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.ir import Flow
from flowc_compiler.passes.batching import with_batches
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.import_root import located
from flowc_targets.base.options import TargetOptions
from flowc_targets.base.target import (
    EmittedFile,
    StoredFile,
    Target,
    UnknownTargetError,
    emit_checked,
    load_target,
    target_names,
)
from flowc_targets.kubernetes.pod_checks import check_kubernetes_options


def find_target(name: str, sink: DiagnosticSink) -> Target | None:
    """A target; `None`, with FC504 collected, for an unknown one."""
    try:
        return load_target(name)
    except UnknownTargetError as error:
        listed = f"targets are {', '.join(error.known)}"
        sink.error("FC504", f"there is no target `{name}`", None, help=suggest(name, error.known, listed).help)
        return None


def emit_files(
    target: Target, flow: Flow, source: SourceFile, options: TargetOptions, sink: DiagnosticSink
) -> tuple[EmittedFile, ...]:
    """The files of a target, with the images and batches that options give to steps; FC506 for unused options."""
    options = options.for_flow(flow)
    flow = with_option_batches(flow, options, sink)
    options.report_unused(flow, sink)
    if options.in_pods and (options.images is not None or options.install_at_start or options.image_digests):
        from flowc_targets.package.images.image_digests import with_digests
        from flowc_targets.package.images.image_mapping import with_images

        flow, recorded = with_images(flow, options, sink)
        flow, options = with_digests(flow, options, recorded, sink)
    return emit_checked(target, flow, source, options, sink)


def with_option_batches(flow: Flow, options: TargetOptions, sink: DiagnosticSink) -> Flow:
    """The flow with what the option `batch` says. In settings for all flows it may name steps of others."""
    asked = options.batches
    if not options.is_given("batch", by_flow=True):
        asked = {name: sizes for name, sizes in asked.items() if name in flow.by_name}
    return with_batches(flow, asked, sink) if asked else flow


def upload_stored(stored: Mapping[StoredFile, str], sink: DiagnosticSink) -> None:
    """Upload files to their roots, unless there is an error. Collects FC601 for a root that cannot be written."""
    if sink.failed or not stored:
        return
    from flowc.errors import StoreError
    from flowc_targets.package.stored_package import upload

    for file, root in stored.items():
        try:
            for url, written in upload([file], root):
                write_error(f"{'uploaded' if written else 'already there:'} {url}\n")
        except StoreError as error:
            help_ = "the keys of a bucket are read from the environment, as by `flowc show`"
            sink.error("FC601", f"{file.key} cannot be uploaded: {error}", None, help=help_)
            return


def build_options(
    model: type[TargetOptions],
    target: str,
    file: Path,
    given: Mapping[str, object],
    settings: Sequence[str],
    sink: DiagnosticSink,
    *,
    deploys: bool = True,
) -> TargetOptions | None:
    """A target's options: defaults, then [tool.flowc], then [tool.flowc.TARGET], then the command line.

    The root may be FLOWC_ROOT's, which counts more than the file. A path of this machine comes out whole: it starts
    at the folder of the file that has it, or at the working directory. Collects FC505 for a wrong value, FC504 for an
    unknown option, FC507 for one that is given twice, and then returns `None`. Where nothing is deployed,
    pyproject.toml may have options for deployments that have no effect.
    """
    fields = model.model_fields
    values, shared, own = _configured(file, target, fields, sink)
    given_names = set(given)
    configured = values.get("root")
    if os.environ.get(env_names.ROOT):
        values["root"] = os.environ[env_names.ROOT]
    for name, value in given.items():
        if name not in fields:
            _report_foreign(name, target, fields, sink)
            continue
        if name == "include":
            values[name] = [*values.get(name, ()), *typing.cast("Sequence[str]", value)]
        else:
            values[name] = (
                _pairs(value, name, sink) if typing.get_origin(fields[name].annotation) in (dict, Mapping) else value
            )
    for item in settings:
        name, separator, text = item.partition("=")
        name = name.replace("-", "_")
        if not separator or name not in fields:
            help_text = elsewhere(name, target) or suggest(name, fields, _known(fields)).help
            sink.error("FC504", f"`--set {item}` is not an option of target {target}", None, help=help_text)
            continue
        if name in given_names:
            sink.error("FC507", f"option {name} is given twice", None, help="keep one of them")
        given_names.add(name)
        values[name] = _parsed(name, text, fields[name].annotation, sink)
    options, problems = validated_options(
        model, {name: value for name, value in values.items() if value is not _NO_TOML}, given_names
    )
    layers = read_settings(located(file).parent, DiagnosticSink())
    report_option_problems(problems, target, layers, given_names, sink)
    if options is None or sink.failed:
        return None
    if options.root and not options.in_pods:
        home = settings_of(located(file).parent).folder if options.root is configured else ""
        options = options.model_copy(update={"root": rebased(options.root, home or str(Path.cwd()))})
    check_kubernetes_options(options, target, sink)
    others = [layer.profile for layer in layers.unused if "root" in layer.table or layer.has(target, "root")]
    options = options.with_profiles(name for name in others if name is not None)
    shared, own = shared - given_names, own - given_names
    options = options.with_origins(own, shared) if deploys else options.with_origins(own, shared | own)
    return options if not sink.failed else None


def check_options(
    target: str, file: Path, given: Mapping[str, object], settings: Sequence[str], sink: DiagnosticSink
) -> None:
    """Collect what is wrong with the options of a target, where the flow is wrong, too."""
    own = sink.nested()
    engine = find_target(target, own)
    if engine is not None:
        build_options(engine.options_model, target, file, given, settings, own)
    sink.extend(own)


def _report_foreign(name: str, target: str, fields: Mapping[str, Any], sink: DiagnosticSink) -> None:
    """Collect FC504 for an option that a target does not have, and FC506 where settings give it to all targets."""
    by_settings = GIVEN.get()
    if name in by_settings:
        message = f"{by_settings[name]} {name} has no effect on target {target}, which has no such option"
        sink.warning("FC506", message, None, help="write it into the table of its target")
    else:
        shown = name.removesuffix("s").replace("_", "-")
        help_text = elsewhere(name, target) or suggest(name, fields, _known(fields)).help
        sink.error("FC504", f"target {target} has no option `--{shown}`", None, help=help_text)


def elsewhere(name: str, target: str, *, table: bool = False) -> str:
    """The help for an option, of the command line or a target's table, of other targets; empty where none has it."""
    known = (other for other in target_names() if other != target)
    others = [other for other in known if name in load_target(other).options_model.model_fields]
    if not others:
        return ""
    way_out = f"write it into [tool.flowc.{others[0]}]" if table else f"leave it out, or compile with -t {others[0]}"
    return f"it is an option of target {' and '.join(others)}: {way_out}"


def _configured(
    file: Path, target: str, fields: Mapping[str, Any], sink: DiagnosticSink
) -> tuple[dict[str, Any], frozenset[str], frozenset[str]]:
    """The options in settings, and the names of those that they have for all targets, and for this one.

    Collects FC504 for keys of the target's table, in all layers, that are none.
    """
    table = configuration(file, sink)
    settings = read_settings(located(file).parent, sink)
    values: dict[str, Any] = {}
    shared, configured = set[str](), set[str]()
    own: Any = table.get(target, {})
    tables: list[dict[str, Any]] = [table]
    tables += [typing.cast("dict[str, Any]", own)] if isinstance(own, dict) else []
    for section in tables:
        for name, value in section.items():
            if name not in fields or (section is table and name not in TargetOptions.model_fields):
                continue
            both = name == "include" and isinstance(value, list) and isinstance(values.get(name), list)
            values[name] = [*values[name], *value] if both else value
            (shared if section is table else configured).add(name)
    report_unknown_target_options(settings, target, fields, sink)
    return values, frozenset(shared - configured), frozenset(configured)


def report_unknown_target_options(
    settings: ProjectSettings, target: str, fields: Mapping[str, Any], sink: DiagnosticSink
) -> None:
    """Collect FC504 for keys in the table of a target, of all layers, that are none of its options."""
    for layer in (*settings.layers, *settings.unused):
        inner: object = layer.table.get(target)
        keys = typing.cast("dict[str, object]", inner) if isinstance(inner, dict) else {}
        for key in settings.few(sink, layer.title(target), [key for key in keys if key not in fields]):
            message = f"{layer.title(target)} has an unknown option `{key}`"
            help_text = elsewhere(key, target, table=True) or suggest(key, fields, _known(fields)).help
            settings.report(sink, "FC504", message, layer.profile, (target, key), help=help_text)


def _known(fields: Mapping[str, object]) -> str:
    return f"options are {', '.join(fields)}"


def _pairs(value: object, name: str, sink: DiagnosticSink) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in typing.cast("list[str]", value):
        key, separator, text = item.partition("=")
        if not separator:
            sink.error("FC505", f"`--{name} {item}` is not NAME=value", None, help=f"write `--{name} NAME=value`")
        if key in pairs:
            sink.error("FC507", f"`--{name} {key}` is given twice", None, help="keep one of them")
        pairs[key] = text
    return pairs


_NO_TOML = object()
"""Stands for a value that is reported already."""


def _parsed(name: str, text: str, annotation: object, sink: DiagnosticSink) -> object:
    """A `--set` value: TOML where the option is not a plain string, so that lists and tables can be written.

    Collects FC505 for the text of a table that is no TOML.
    """
    origin = typing.get_origin(annotation)
    if annotation is str or (origin in (typing.Union, types.UnionType) and str in typing.get_args(annotation)):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        if origin in (dict, Mapping) and text.lstrip().startswith("{"):
            message = f"`--set {name}={text}` is not TOML: {str(error).partition(' (at ')[0]}"
            help_text = f"""write --set '{name}={{ NAME = "value" }}', and a name with other characters in quotes"""
            sink.error("FC505", message, None, help=help_text)
            return _NO_TOML
        return [item for item in text.split(",") if item] if origin in (tuple, list) else text
