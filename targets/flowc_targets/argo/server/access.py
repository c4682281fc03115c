"""Where Argo Server is and how to talk to it: the variables of the `argo` command, read as it reads them.

ARGO_SERVER, ARGO_SECURE, ARGO_INSECURE_SKIP_VERIFY, ARGO_BASE_HREF, ARGO_TOKEN and ARGO_NAMESPACE, as in its
cmd/argo/commands/client/conn.go. The token has no option of any command: a command line is there for all to see.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from flowc_targets.base.engine import EngineError
from flowc_targets.base.json_parts import as_maps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.base.engine import Address

DEFAULT_NAMESPACE = "default"
"""The namespace where nothing names one, as for kubectl."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one Argo Server."""

    url: str
    """The server's address with its scheme and its base path, without a slash at the end."""
    namespace: str
    token: str = field(default="", repr=False)
    """The value of the header Authorization; empty for a server without login."""
    verify: bool = True
    """Whether the server's certificate must be good."""


def read_access(address: Address, environment: Mapping[str, str]) -> Access:
    """The access that the command line and the environment describe. Raises EngineError FC502 for no server, FC505."""
    server = address.server or environment.get("ARGO_SERVER", "")
    if not server:
        raise EngineError(
            "FC502",
            "nothing says where Argo Server is",
            "set ARGO_SERVER=host:port, or give --server; `kubectl port-forward svc/argo-server 2746` makes one",
        )
    secure = environment.get("ARGO_SECURE") != "false"
    return Access(
        url=_url(server, environment.get("ARGO_BASE_HREF", ""), secure=secure),
        namespace=address.namespace or environment.get("ARGO_NAMESPACE") or _namespace_of_kubectl(environment),
        token=environment.get("ARGO_TOKEN", "").strip(),
        verify=environment.get("ARGO_INSECURE_SKIP_VERIFY") != "true",
    )


def _url(server: str, base: str, *, secure: bool) -> str:
    """`host:port` with the scheme that ARGO_SECURE says, unless it is written out; then the base path."""
    full = server if "://" in server else f"{'https' if secure else 'http'}://{server}"
    parts = urlsplit(full)
    try:
        bad = parts.scheme not in {"http", "https"} or not parts.hostname or bool(parts.query) or parts.port == 0
    except ValueError:
        bad = True
    if bad or parts.username is not None:
        message = f"{server!r} is not the address of a server"
        raise EngineError("FC505", message, "write host:port, or http://host:port for one without TLS")
    path = "/".join(part for part in (parts.path.strip("/"), base.strip("/")) if part)
    return f"{parts.scheme}://{parts.netloc}" + (f"/{path}" if path else "")


def _namespace_of_kubectl(environment: Mapping[str, str]) -> str:
    """The namespace of kubectl's current context, which the `argo` command takes where ARGO_NAMESPACE is not set."""
    named = environment.get("KUBECONFIG", "")
    paths = [Path(part) for part in named.split(os.pathsep) if part] or [Path.home() / ".kube" / "config"]
    contexts: dict[str, str] = {}
    current = ""
    for path in paths:
        found = _read_config(path)
        current = current or str(found.get("current-context") or "")
        for entry in as_maps(found.get("contexts")):
            context = entry.get("context")
            if isinstance(context, dict):
                namespace = cast("dict[str, Any]", context).get("namespace")
                contexts.setdefault(str(entry.get("name")), str(namespace or ""))
    return contexts.get(current) or DEFAULT_NAMESPACE


def _read_config(path: Path) -> dict[str, Any]:
    import yaml

    try:
        found: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
