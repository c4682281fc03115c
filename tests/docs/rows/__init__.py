"""The rows of docs/metaflow.md: every name, argument and rule of Metaflow, each with the least code that uses it."""

from __future__ import annotations

from tests.docs.rows.decorators import COMPUTED, EXTENSIONS, FLOW_DECORATORS, STEP_DECORATORS
from tests.docs.rows.graphs import GRAPH, JOINS, LINT
from tests.docs.rows.multinode import MULTINODE
from tests.docs.rows.names import CLIENT, NAMES
from tests.docs.rows.parameters import CURRENT, PARAMETERS

TABLES = {
    "The graph": GRAPH,
    "What Metaflow's validity checks refuse": LINT,
    "Joins and artifacts": JOINS,
    "Parameters, files and configs": PARAMETERS,
    "`current` and `self`": CURRENT,
    "Decorators of steps": [*STEP_DECORATORS, *EXTENSIONS],
    "Computed arguments of decorators": COMPUTED,
    "Multi-node steps": MULTINODE,
    "Decorators of flows": FLOW_DECORATORS,
    "Names to import": NAMES,
    "The client": CLIENT,
}
"""The page's tables, in order."""
