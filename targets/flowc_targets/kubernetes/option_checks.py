"""Options that name things outside of flowc: the store, an image, objects of Kubernetes. What cannot be is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flowc.store import REMOTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_targets.base.options import TargetOptions

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_MOST = 253


def check_places(options: TargetOptions, target: str, sink: DiagnosticSink) -> None:
    """Collect FC505 for a root that no pod could open, and for names that Kubernetes takes nowhere."""
    root = options.root or ""
    scheme, separator, _ = root.partition("://")
    if separator and scheme not in {*REMOTE, "file"}:
        help_ = "use s3://, gs:// or az://, or file:// of a volume that all tasks mount"
        sink.error("FC505", f"option root of target {target}: {root!r} has an unknown scheme", None, help=help_)
    elif root and not separator and not root.startswith("/") and options.in_pods:
        message = (
            f"option root of target {target}: {root!r} is a folder of this machine, and each pod would have its own"
        )
        sink.error(
            "FC505", message, None, help="use s3://, gs:// or az://, or the path of a volume that all pods mount"
        )
    if options.in_pods:
        if not options.image or re.search(r"\s", options.image):
            message = f"option image of target {target}: {options.image!r} is not an image"
            sink.error("FC505", message, None, help="write 'python:3.11-slim' or 'registry.example/team/ml:1'")
        for option, name in _names(options):
            if not (_NAME.fullmatch(name) and len(name) <= _MOST):
                message = f"option {option} of target {target}: {name!r} is no name in Kubernetes"
                sink.error("FC505", message, None, help=f"it has lowercase letters, digits, - and ., at most {_MOST}")


def _names(options: TargetOptions) -> Iterator[tuple[str, str]]:
    """The names of objects of Kubernetes, each behind its option."""
    for option in ("namespace", "service_account"):
        name = getattr(options, option)
        if name is not None:
            yield option, name
    for option in ("env_from_secrets", "image_pull_secrets"):
        for name in getattr(options, option):
            yield option, name
