"""Decorators by which packages follow a flow's runs, and the modules that have them.

They are plain Python: a task runs them as what they are. Where the package is missing, they do nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Tuple

TRACKERS: Dict[str, Tuple[str, Tuple[str, ...]]] = {
    "comet_ml.integration.metaflow": ("comet-ml", ("comet_flow", "comet_skip")),
    "wandb.integration.metaflow": ("wandb", ("wandb_log",)),
}
"""The distribution of each module, and its decorators."""
