"""Names that parameters cannot have, or that hide behind options of `flowc run`."""

from __future__ import annotations

METAFLOW_RESERVED = frozenset(
    name
    for dashed in (
        "params", "with", "tag", "namespace", "obj", "tags", "decospecs", "run-id-file", "max-num-splits",
        "max-workers", "max-log-size", "user-namespace", "run-id", "task-id", "runner-attribute-file",
    )
    for name in (dashed, dashed.replace("-", "_"))
)  # fmt: skip
"""Names that Metaflow 2.19 refuses for parameters and configs, spelled exactly so (its `Parameter.init`)."""

RUN_OPTIONS = frozenset({"branch", "flow", "help", "param", "production", "root", "start-method"})
"""Options of `flowc run` that are no reserved names: `--NAME` is the option, and `-p NAME=value` the parameter."""
