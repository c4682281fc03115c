"""`flowc targets`."""

from __future__ import annotations

import sys

from flowc_cli import shared_options as shared
from flowc_targets.base.target import load_target, target_names

app = shared.command_app()


@app.command("targets")
def targets() -> None:
    """List the installed targets, and what they can express."""
    for name in target_names():
        capabilities = load_target(name).capabilities
        depth = "any depth" if capabilities.max_foreach_depth is None else f"depth {capabilities.max_foreach_depth}"
        kinds = ", ".join(sorted(capabilities.step_kinds))
        sys.stdout.write(f"{name}: {kinds}; foreach nested to {depth}\n")
