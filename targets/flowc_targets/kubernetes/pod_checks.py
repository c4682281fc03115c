"""What Kubernetes would refuse of pods: names, roots, variables and mounts, reported before it does."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from flowc.errors import StoreError
from flowc.store import split_url
from flowc.store.s3_settings import encryption_problem
from flowc_compiler.ir.base import is_image
from flowc_compiler.ir.manifest_schema import CODE_FOLDER
from flowc_targets.kubernetes.pod import PACKAGES_FOLDER, installs_packages, step_env_from, step_volumes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Step
    from flowc_compiler.source import Span
    from flowc_targets.base.options import TargetOptions

VALUE_BYTES = 100_000
"""The longest value of a variable: Linux takes 128 KiB of name, value and what separates them (MAX_ARG_STRLEN)."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_NAME_LENGTH = 253
_VARIABLE = re.compile(r"(?!\.\.)(?!\.$)[A-Za-z_.-][A-Za-z0-9_.-]*", re.ASCII)
"""IsEnvVarName in Kubernetes' apimachinery (validation.go), which every release applies: `.` and `..` are not names."""


def check_kubernetes_options(options: TargetOptions, target: str, sink: DiagnosticSink) -> None:
    """Collect FC505 for a root that no pod could open, and for names that Kubernetes refuses everywhere."""
    _check_root(options, target, sink)
    if not options.in_pods:
        return
    if not is_image(options.image or ""):
        message = f"option image of target {target}: {options.image!r} is not an image"
        sink.error("FC505", message, None, help="write 'python:3.11-slim' or 'registry.example/team/ml:1'")
    _check_metadata(options, target, sink)
    for option, name in _object_names(options):
        if not (_NAME.fullmatch(name) and len(name) <= _NAME_LENGTH):
            message = f"option {option} of target {target}: {name!r} is not a valid name in Kubernetes"
            sink.error(
                "FC505", message, None, help=f"it has lowercase letters, digits, - and ., at most {_NAME_LENGTH}"
            )


def _check_metadata(options: TargetOptions, target: str, sink: DiagnosticSink) -> None:
    if not (options.labels or options.annotations):
        return
    from flowc_compiler.frontend.decorators.arguments.compute_arguments import check_keys, check_labels

    for option, check in (("labels", check_labels), ("annotations", check_keys)):
        try:
            check(getattr(options, option))
        except ValueError as error:
            sink.error("FC505", f"option {option} of target {target}: {error}", None, help="write another one")


def _check_root(options: TargetOptions, target: str, sink: DiagnosticSink) -> None:
    root = options.root or ""
    try:
        scheme = split_url(root)[0] if "://" in root else ""
    except StoreError as error:
        help_ = "use s3://, gs:// or az://, or file:/// of a volume that all tasks mount"
        message = f"option root of target {target}: {str(error).partition(';')[0]}"
        sink.error("FC505", message, None, help=help_)
        return
    if root and not scheme and not root.startswith("/") and options.in_pods:
        sink.error(
            "FC505",
            f"option root of target {target}: {root!r} is a folder of this machine, and each pod would have its own",
            None, help="use s3://, gs:// or az://, or the path of a volume that all pods mount",
        )  # fmt: skip
    problem = encryption_problem(options.sse or "", options.kms_key or "")
    if problem is None and root and not scheme.startswith("s3") and options.store_env:
        problem = f"they are about s3://, and the root is {root!r}"
    if problem is not None:
        message = f"options sse and kms_key of target {target}: {problem}"
        sink.error("FC505", message, None, help="write sse=aws:kms and kms_key=KEY, or leave them out")


def _object_names(options: TargetOptions) -> Iterator[tuple[str, str]]:
    """The names of Kubernetes objects among the options, each with its option."""
    for option in ("namespace", "service_account"):
        name = getattr(options, option)
        if name is not None:
            yield option, name
    for option in ("env_from_secrets", "image_pull_secrets"):
        for name in getattr(options, option):
            yield option, name


def check_environment(flow: Flow, options: TargetOptions, target: str, sink: DiagnosticSink) -> None:
    """Report variables, of `@environment` and of the option `env`, that a container cannot have."""
    _warn_of_secrets(options, sink)
    if not options.in_pods:
        return
    for name, value in options.env.items():
        if (problem := _variable_problem(name, value)) is not None:
            sink.error("FC505", f"option env: variable {name!r} {problem[1]}", None, help="change it")
    _warn_of_missing_secrets(flow, options, sink)
    for step in flow.steps:
        environment = step.specs.environment
        if environment is None:
            continue
        for name, value in environment.known.items():
            if (problem := _variable_problem(name, value)) is not None:
                code, text = problem
                message = f"variable {name!r} of step {step.name!r} {text}"
                sink.unsupported(code, target, message, environment.span, help="change it, or read it from a file")


def _warn_of_secrets(options: TargetOptions, sink: DiagnosticSink) -> None:
    """FC412 for secrets among the variables of the command line; those of decorators have it already."""
    if not options.env:
        return
    from flowc_compiler.evaluate.environment_reads import PLAIN_VALUE_HELP, is_plain_secret

    names = [name for name, value in options.env.items() if is_plain_secret(name, value)]
    if names:
        what = f"option env: the value{'s' if len(names) > 1 else ''} of {', '.join(names)}"
        sink.warning("FC412", f"{what}: plain text in the compiled files", None, help=PLAIN_VALUE_HELP)


def _warn_of_missing_secrets(flow: Flow, options: TargetOptions, sink: DiagnosticSink) -> None:
    """FC119 for secrets that the pods of a flow read from their environment, and that nothing puts there."""
    if options.env_from_secrets:
        return
    needed: dict[str, Span | None] = {}
    for step in flow.steps:
        environment = step.specs.environment
        found = environment.from_task.values() if environment is not None else ()
        # Every task executes the file, which fails without a required one; another one, only its own step needs.
        needs = [item for item in found if item.required or not step_env_from(step.specs, options)]
        for source in (item.source for item in needs if item.default is None or item.source in os.environ):
            if source not in options.env:
                needed.setdefault(source, environment.span if environment is not None else None)
    if not needed or all(step_env_from(step.specs, options) or step.virtual for step in flow.steps):
        return
    names = ", ".join(needed)
    message = f"the pods need {names} in their environment: flowc compiles no secrets"
    help_text = f"give them a Kubernetes Secret that has {names}: `--env-from-secret NAME`"
    sink.warning("FC119", message, next(iter(needed.values())), help=help_text)


def _variable_problem(name: str, value: str) -> tuple[str, str] | None:
    """The code and the reason why a container cannot have a variable; `None` where it can."""
    if not _VARIABLE.fullmatch(name):
        return "FC501", "has a name that Kubernetes refuses: use letters, digits, `_`, `-` and `.`, and no digit first"
    if "\0" in value:
        return "FC501", "holds a NUL character"
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "FC501", "holds half of a surrogate pair, which is not text"
    return ("FC503", f"is longer than {VALUE_BYTES:,} bytes") if size > VALUE_BYTES else None


def check_mounts(step: Step, target: str, sink: DiagnosticSink) -> None:
    """Report a volume that is mounted where the code package is, or what the pod installs."""
    container = step.specs.container
    taken = {CODE_FOLDER: "its code is"} | (
        {PACKAGES_FOLDER: "its packages are"} if installs_packages(step.specs) else {}
    )
    for volume, mount in step_volumes(step.specs):
        path = f"{mount.mount_path.rstrip('/')}/"
        what = next((what for folder, what in taken.items() if path.startswith(f"{folder}/")), None)
        if container is not None and what is not None and volume.name != "packages":
            message = f"step {step.name!r} mounts a volume at {mount.mount_path}, where {what}"
            sink.unsupported("FC501", target, message, container.span, help="choose another folder")


def check_exit_hooks(flow: Flow, target: str, sink: DiagnosticSink) -> None:
    """Report options of `@exit_hook` other than its image, and `@notify` of a deadline that there is not."""
    for spec in flow.specs.exit_hooks:
        others = sorted(set(spec.options) - {"image"})
        if others or not isinstance(spec.options.get("image", ""), str):
            sink.unsupported(
                "FC501", target, f"options of `@exit_hook`: {', '.join(others or ['image'])}", spec.span,
                help="give options={'image': '...'}, or none",
            )  # fmt: skip
    late = next((spec for spec in flow.specs.notifications if "late" in spec.on), None)
    if late is not None and flow.specs.deadline is None:
        message = f"`late` of `@notify` does nothing: the flow has no deadline (target {target})"
        sink.warning("FC410", message, late.span, help="add @deadline(hours=6), or compile with --workflow-timeout")
