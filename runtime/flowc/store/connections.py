"""Connections to HTTP servers: straight, or through the proxy that the environment names."""

from __future__ import annotations

import http.client
import os
import ssl
from urllib.parse import unquote, urlsplit

from flowc.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict


class Route:
    """The way to a server. What a request through it needs besides its own is in `prefix` and `headers`."""

    __slots__ = ("_host", "_proxy", "_secure", "_tunnel_headers", "headers", "prefix")

    def __init__(self, secure: bool, host: str, *, direct: bool = False) -> None:
        """`host` may have a port. Raises StoreError for a proxy that cannot be used; `direct` uses none."""
        self._secure = secure
        self._host = host
        self.prefix = ""
        """What stands before the path of a request: a proxy gets the whole URL."""
        self.headers: Dict[str, str] = {}
        self._tunnel_headers: Dict[str, str] = {}
        found = None if direct else proxy_of("https" if secure else "http", host)
        self._proxy = urlsplit(found) if found is not None else None
        if self._proxy is None:
            return
        if self._proxy.scheme not in ("http", "https") or not self._proxy.hostname:
            raise StoreError(f"the proxy {shown(found)} cannot be used; write http://host:port")
        if secure and self._proxy.scheme == "https":
            raise StoreError(f"the proxy {shown(found)} cannot be used for https://{host}; write http://host:port")
        headers = _authorization(unquote(self._proxy.username or ""), unquote(self._proxy.password or ""))
        if secure:
            self._tunnel_headers = headers
        else:
            self.prefix, self.headers = f"http://{host}", headers

    def open(self, timeout: float, context: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
        """A connection that is ready for requests. Raises OSError."""
        address = self._host
        if self._proxy is not None:
            address = self._proxy.netloc.rpartition("@")[2]
            if ":" not in address.rpartition("]")[2]:
                address += ":443" if self._proxy.scheme == "https" else ":80"
        connection: http.client.HTTPConnection
        if self._secure or (self._proxy is not None and self._proxy.scheme == "https"):
            connection = http.client.HTTPSConnection(address, timeout=timeout, context=context)
        else:
            connection = http.client.HTTPConnection(address, timeout=timeout)
        if self._secure and self._proxy is not None:
            connection.set_tunnel(self._host, headers=self._tunnel_headers)
        connection.connect()
        return connection

    def __str__(self) -> str:
        """The server, and the proxy before it."""
        through = f" through the proxy {shown(self._proxy.geturl())}" if self._proxy is not None else ""
        return f"{self._host}{through}"


def proxy_of(scheme: str, host: str) -> str | None:
    """The URL of the proxy for requests to `host`, by the variables and the rules of curl and of Python's urllib.

    These are `http_proxy`, `https_proxy` and `all_proxy`, in lower case first, and `no_proxy`: names with what ends in
    them, addresses and their ranges, each with or without a port, or `*`.
    """
    found = _variable(f"{scheme}_proxy") or _variable("all_proxy")
    if not found or _is_excepted(host, scheme, _variable("no_proxy")):
        return None
    return found if "://" in found else f"http://{found}"


def shown(proxy: str | None) -> str:
    """A proxy's URL without its password."""
    head, at, tail = (proxy or "").rpartition("@")
    return f"{head.partition('://')[0]}://{tail}" if at else tail


def _variable(name: str) -> str:
    """A variable in lower case, where it may be empty to override the other, or in upper case."""
    lower = os.environ.get(name)
    return (lower if lower is not None else os.environ.get(name.upper(), "")).strip()


def _is_excepted(host: str, scheme: str, rules: str) -> bool:
    parts = urlsplit(f"{scheme}://{host}")
    name = (parts.hostname or "").rstrip(".")
    port = str(parts.port or (443 if scheme == "https" else 80))
    return any(_covers(rule, name, port) for rule in rules.lower().replace(",", " ").split())


def _covers(rule: str, name: str, port: str) -> bool:
    """Whether a rule of `no_proxy` is about this server."""
    if rule == "*":
        return True
    if "/" in rule:
        import ipaddress

        try:
            return ipaddress.ip_address(name) in ipaddress.ip_network(rule, strict=False)
        except ValueError:
            return False
    if rule.startswith("[") or rule.count(":") == 1:
        head, _, tail = rule.rpartition("]") if rule.startswith("[") else rule.partition(":")
        rule, wanted = head.lstrip("["), tail.lstrip(":")
        if wanted and wanted != port:
            return False
    rule = rule[2:] if rule.startswith("*.") else rule.lstrip(".")
    rule = rule.rstrip(".")
    return bool(rule) and (name == rule or name.endswith(f".{rule}"))


def _authorization(user: str, password: str) -> Dict[str, str]:
    if not user:
        return {}
    import base64

    return {"proxy-authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
