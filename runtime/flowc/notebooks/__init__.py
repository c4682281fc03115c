"""Flows in notebooks: `NotebookRun(Flow, n=3)` and `%%flowc`. See docs/notebooks.md.

It needs the `flowc` command, and is not in the containers of tasks.
"""

from __future__ import annotations

from flowc.notebooks.cell_source import NotebookError
from flowc.notebooks.notebook_run import NBDeployer, NBRunner, NotebookRun

__all__ = ["NBDeployer", "NBRunner", "NotebookError", "NotebookRun"]
