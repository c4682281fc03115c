"""What Kubernetes refuses, reported before anything is written: names of objects, variables, mounts, hooks' options."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flowc.store import REMOTE
from flowc_targets.kubernetes.pod import step_volumes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Step
    from flowc_targets.base.options import TargetOptions

CODE_FOLDER = "/flowc"
"""Where a pod has the code package, if that is in a volume."""
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
    if not options.image or re.search(r"\s", options.image):
        message = f"option image of target {target}: {options.image!r} is not an image"
        sink.error("FC505", message, None, help="write 'python:3.11-slim' or 'registry.example/team/ml:1'")
    for option, name in _object_names(options):
        if not (_NAME.fullmatch(name) and len(name) <= _NAME_LENGTH):
            message = f"option {option} of target {target}: {name!r} is not a valid name in Kubernetes"
            sink.error(
                "FC505", message, None, help=f"it has lowercase letters, digits, - and ., at most {_NAME_LENGTH}"
            )


def _check_root(options: TargetOptions, target: str, sink: DiagnosticSink) -> None:
    root = options.root or ""
    scheme, separator, _ = root.partition("://")
    if separator and scheme not in {*REMOTE, "file"}:
        help_ = "use s3://, gs:// or az://, or file:// of a volume that all tasks mount"
        sink.error("FC505", f"option root of target {target}: {root!r} has an unknown scheme", None, help=help_)
    elif root and not separator and not root.startswith("/") and options.in_pods:
        sink.error(
            "FC505",
            f"option root of target {target}: {root!r} is a folder of this machine, and each pod would have its own",
            None, help="use s3://, gs:// or az://, or the path of a volume that all pods mount",
        )  # fmt: skip


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
    if not options.in_pods:
        return
    for name, value in options.env.items():
        if (problem := _variable_problem(name, value)) is not None:
            sink.error("FC505", f"option env: variable {name!r} {problem[1]}", None, help="change it")
    for step in flow.steps:
        environment = step.specs.environment
        if environment is None:
            continue
        for name, value in environment.variables.items():
            if (problem := _variable_problem(name, value)) is not None:
                code, text = problem
                message = f"variable {name!r} of step {step.name!r} {text}"
                sink.unsupported(code, target, message, environment.span, help="change it, or read it from a file")


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
    """Report a volume that is mounted where the code package is."""
    container = step.specs.container
    for _, mount in step_volumes(step.specs):
        if container is not None and f"{mount.mount_path.rstrip('/')}/".startswith(f"{CODE_FOLDER}/"):
            message = f"step {step.name!r} mounts a volume at {mount.mount_path}, where its code is"
            sink.unsupported("FC501", target, message, container.span, help="choose another folder")


def check_exit_hooks(flow: Flow, target: str, sink: DiagnosticSink) -> None:
    """Report options of `@exit_hook` other than its image."""
    for spec in flow.specs.exit_hooks:
        others = sorted(set(spec.options) - {"image"})
        if others or not isinstance(spec.options.get("image", ""), str):
            sink.unsupported(
                "FC501", target, f"options of `@exit_hook`: {', '.join(others or ['image'])}", spec.span,
                help="give options={'image': '...'}, or none",
            )  # fmt: skip
