"""The connection to Airflow's API: its address, the user, and what comes back over HTTP.

AIRFLOW_API_URL, AIRFLOW_API_USER, AIRFLOW_API_PASSWORD and AIRFLOW_API_TOKEN describe it. Password and token have no
option of any command: everybody on a machine can see its command lines.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flowc_targets.base.engine import EngineError
from flowc_targets.base.json_parts import as_map

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowc_targets.base.engine import Address

Json = dict[str, Any]
"""An object of an answer."""

TIMEOUTS = (10.0, 60.0)
"""Seconds to wait for a connection, and for an answer."""
NEEDED_ROLES = "it takes a role such as Op, or User with the right to read DAGs' code"
LONGEST_MESSAGE = 2000
"""Characters of a server's message that are shown."""
PAGE = 100
"""Items of a list to request at a time: servers allow as many by default."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one Airflow."""

    url: str
    """The address of its web server with the scheme and a base path, without a slash at the end."""
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    """A token from elsewhere; it takes precedence over user and password."""


def read_access(address: Address, environment: Mapping[str, str]) -> Access:
    """Return the access that the command line and the environment describe. Raises EngineError: FC502, FC505."""
    server = address.server or environment.get("AIRFLOW_API_URL", "")
    if not server:
        message = "the address of Airflow's API is missing"
        raise EngineError("FC502", message, "set AIRFLOW_API_URL=http://host:8080, or give --server")
    user = address.user or environment.get("AIRFLOW_API_USER", "")
    password = environment.get("AIRFLOW_API_PASSWORD", "")
    token = environment.get("AIRFLOW_API_TOKEN", "").strip().removeprefix("Bearer ")
    if user and not password and not token:
        message = f"the password of Airflow's user {user!r} is missing"
        raise EngineError("FC502", message, "set AIRFLOW_API_PASSWORD, or AIRFLOW_API_TOKEN")
    if password and not user and not token:
        message = "AIRFLOW_API_PASSWORD is set without a user"
        raise EngineError("FC502", message, "give --user, or set AIRFLOW_API_USER")
    return Access(_checked_url(server), user, password, token)


def _checked_url(server: str) -> str:
    """Check an address. It must have a scheme: passwords go through it."""
    try:
        parts = urlsplit(server)
        bad = parts.scheme not in {"http", "https"} or not parts.hostname or bool(parts.query) or parts.port == 0
    except ValueError:
        parts, bad = urlsplit(""), True
    if parts.username is not None:
        message = "the address of Airflow's API contains a user or a password"
        raise EngineError("FC505", message, "give --user, and the password in AIRFLOW_API_PASSWORD")
    if bad:
        message = f"{server!r} is not the address of a server"
        raise EngineError("FC505", message, "write http://host:port or https://host")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def library(name: str) -> Any:
    """Import a module of the extra. Raises EngineError FC610 if it is not installed."""
    try:
        return import_module(name)
    except ImportError as error:
        if (error.name or "").split(".")[0] not in {"airflow_client", "urllib3"}:
            raise
        message = "the library apache-airflow-client, which talks to Airflow, is not installed"
        raise EngineError.unusable(message, "pip install 'flowc[airflow]'") from None


class DeniedError(Exception):
    """The server does not know the user, or no longer accepts the token."""


class ServerError(EngineError):
    """FC610 of a server that answers with a failure, which may be over soon."""


class UnreachableError(EngineError):
    """FC610 of a server that does not answer."""


class NotAirflowError(EngineError):
    """FC610 of a server that is not Airflow."""


def read_text(url: str, send: Callable[[], Any]) -> str:
    """Send a request and return the answer's text. Raises EngineError, and DeniedError if the server wants a login."""
    errors = import_module("urllib3.exceptions")
    try:
        response = send()
        status, text = int(response.status), bytes(response.data or b"").decode("utf-8", "replace")
    except (errors.HTTPError, OSError) as error:
        raise _unreachable(url, error) from None
    if status < 300:
        return text
    raise _status_error(url, status, text)


def read_json(url: str, send: Callable[[], Any]) -> Json:
    """Send a request and return the answer's object. Raises what `read_text` raises."""
    text = read_text(url, send)
    try:
        return as_map(json.loads(text or "{}"))
    except ValueError:
        raise not_airflow(url, text) from None


def _unreachable(url: str, error: Exception) -> EngineError:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        help_ = "name its CA's file in SSL_CERT_FILE"
    elif "WRONG_VERSION_NUMBER" in text or "record layer" in text:
        help_ = "it speaks plain http: write http:// in its address"
    else:
        help_ = "check that AIRFLOW_API_URL (or --server) is its address, and that this machine can reach it"
    return UnreachableError.unusable(f"Airflow at {url} does not answer: {text}", help_)


def not_airflow(url: str, text: str) -> EngineError:
    """Return FC610 for an answer that is not Airflow's."""
    start = text[:60].split("\n", maxsplit=1)[0]
    message = f"the server at {url} does not have Airflow's API: it answers {start!r}"
    return NotAirflowError.unusable(message, "AIRFLOW_API_URL is the address of Airflow's web pages, without /api")


def login_required() -> EngineError:
    """Return FC502 for a request without a user."""
    help_ = "give --user and set AIRFLOW_API_PASSWORD, or set AIRFLOW_API_TOKEN"
    return EngineError("FC502", "Airflow requires a login", help_)


def login_failed(denied: DeniedError, help: str) -> EngineError:
    """Return FC610 for a user or a token that Airflow does not accept."""
    return EngineError.unusable(f"Airflow does not accept the login: {denied}", help)


def _status_error(url: str, status: int, text: str) -> Exception:
    """Return the error for a status other than success."""
    message = _server_message(text)
    match status:
        # Airflow 3 answers 403 to a token of another server. Airflow 2, whose errors have a title, answers it to
        # everybody whom it takes for its public: a user without a password, or with a wrong one.
        case 401 | 403 if status == 401 or "JWT" in message or '"title"' in text:
            return DeniedError(message or str(status))
        case 403:
            return EngineError.unusable(f"Airflow denies it: {message}", f"give the user the right: {NEEDED_ROLES}")
        case 404:
            return EngineError.unknown(f"Airflow does not have it: {message}", "`flowc status` lists the runs")
        case _ if status >= 500:
            failure = f"Airflow at {url} fails: {status} {message}".rstrip()
            return ServerError.unusable(failure, "look into its log")
        case _:
            return EngineError.refused(f"Airflow refuses it: {message or status}", "correct that, and try again")


def _server_message(text: str) -> str:
    """The server's message: FastAPI's `detail` in 3.x, a problem document's in 2.x. A page for browsers has none."""
    if text.lstrip().startswith("<"):
        return ""
    try:
        found = as_map(json.loads(text))
    except ValueError:
        found = {}
    detail = found.get("detail") or found.get("title") or found.get("message") or text
    shown = detail if isinstance(detail, str) else json.dumps(detail)
    return shown.strip()[:LONGEST_MESSAGE]
