"""Which runs the client sees: the store that they are in, and the namespace that they belong to."""

from __future__ import annotations

import os

from flowc.current import current, running
from flowc.errors import FlowError
from flowc.protocol import env_names
from flowc.store import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from flowc.store import Store

_chosen: Dict[str, Any] = {}
"""What `namespace` and `metadata` have set in this process."""


def namespace(ns: Optional[str]) -> Optional[str]:
    """See the runs of a namespace only, such as `user:ada` or a tag; of everybody with `None`. Returns it."""
    _chosen["namespace"] = ns
    return ns


def get_namespace() -> Optional[str]:
    """The namespace that runs are looked for in."""
    if "namespace" in _chosen:
        chosen: Optional[str] = _chosen["namespace"]
        return chosen
    user = current.username
    return os.environ.get(env_names.NAMESPACE) or (f"user:{user}" if user else None)


def default_namespace() -> Optional[str]:
    """Go back to the namespace of the user; of everybody where nothing says who that is, as in most containers."""
    _chosen.pop("namespace", None)
    return get_namespace()


def metadata(ms: str) -> str:
    """Read runs from another store: a root, or `flowc@root`. Returns what `get_metadata` does.

    Raises FlowError for a metadata service of Metaflow's: flowc has none.
    """
    kind, _, rest = ms.partition("@")
    root = rest if kind in ("flowc", "local") else ms
    if kind == "service" or root.startswith("http"):
        raise FlowError(f"flowc has no metadata service, and cannot read {ms}; name a root")
    _chosen["root"] = root
    return get_metadata()


def get_metadata() -> str:
    """Where runs are read from, as `flowc@root`."""
    return f"flowc@{chosen_store(None).url}"


def default_metadata() -> str:
    """Go back to the store of FLOWC_ROOT, the project, or `.flowc` in the working directory."""
    _chosen.pop("root", None)
    return get_metadata()


def chosen_store(root: str | None) -> Store:
    """The store of a root; by default the one set by `metadata`, else FLOWC_ROOT, else the project's, else `.flowc`."""
    if running.trace is not None:
        running.trace.give_up("runs of the store, by the client")
    return open_store(chosen_root() if root is None else root)


def chosen_root() -> str:
    """The root of the store that `chosen_store` opens by default."""
    root: Optional[str] = _chosen.get("root") or os.environ.get(env_names.ROOT)
    if not root:
        from flowc.project_settings import default_root  # which containers do not have

        root = default_root(".")
    return root
