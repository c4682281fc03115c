"""The connection to Airflow's API: where it is, who asks, and what comes back over HTTP.

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
ROLES = "it takes a role such as Op, or User with the right to read DAGs' code"
"""What the user needs."""
LONGEST_MESSAGE = 2000
"""How much of a server's message is shown."""
PAGE = 100
"""How many items of a list to ask for at a time: what servers allow if nobody has set it."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one Airflow."""

    url: str
    """The address of its web server with the scheme and a base path, without a slash at the end."""
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    """A token that was made elsewhere; it goes before user and password."""


def read_access(address: Address, environment: Mapping[str, str]) -> Access:
    """The access that the command line and the environment describe. Raises EngineError: FC502, FC505."""
    server = address.server or environment.get("AIRFLOW_API_URL", "")
    if not server:
        message = "nothing says where Airflow's API is"
        raise EngineError("FC502", message, "set AIRFLOW_API_URL=http://host:8080, or give --server")
    user = address.user or environment.get("AIRFLOW_API_USER", "")
    password = environment.get("AIRFLOW_API_PASSWORD", "")
    token = environment.get("AIRFLOW_API_TOKEN", "").strip().removeprefix("Bearer ")
    if user and not password and not token:
        message = f"there is no password for Airflow's user {user!r}"
        raise EngineError("FC502", message, "set AIRFLOW_API_PASSWORD, or AIRFLOW_API_TOKEN")
    if password and not user and not token:
        message = "AIRFLOW_API_PASSWORD is set, and no user"
        raise EngineError("FC502", message, "give --user, or set AIRFLOW_API_USER")
    return Access(_url(server), user, password, token)


def _url(server: str) -> str:
    """The address, checked. It has a scheme: passwords go through it."""
    try:
        parts = urlsplit(server)
        bad = parts.scheme not in {"http", "https"} or not parts.hostname or bool(parts.query) or parts.port == 0
        named = parts.username is not None
    except ValueError:
        raise _no_address(repr(server)) from None
    if named:
        message = "the address of Airflow's API has a user or a password in it"
        raise EngineError("FC505", message, "give --user, and the password in AIRFLOW_API_PASSWORD")
    if bad:
        raise _no_address(repr(server))
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _no_address(shown: str) -> EngineError:
    return EngineError("FC505", f"{shown} is not the address of a server", "write http://host:port or https://host")


def nobody() -> EngineError:
    """FC502 where the server has to know who asks."""
    help_ = "give --user and set AIRFLOW_API_PASSWORD, or set AIRFLOW_API_TOKEN"
    return EngineError("FC502", "Airflow wants to know who asks", help_)


def http_pool() -> Any:
    """A pool of connections of urllib3, which the library stands on. Raises EngineError FC610 without it."""
    return library("urllib3").PoolManager(retries=False)


def library(name: str) -> Any:
    """A module of the extra. Raises EngineError FC610 where it is not installed."""
    try:
        return import_module(name)
    except ImportError as error:
        if (error.name or "").split(".")[0] not in {"airflow_client", "urllib3"}:
            raise
        message = "the library apache-airflow-client is not installed, which talks to Airflow"
        raise EngineError.unusable(message, "pip install 'flowc[airflow]'") from None


class Denied(Exception):  # noqa: N818 (an end of a session, which is begun again)
    """The server does not, or does no longer, know who asks."""


class ServerError(EngineError):
    """FC610 of a server that answers, and fails: that may be over soon."""


def text_of(url: str, send: Callable[[], Any]) -> str:
    """The text of an answer. Raises EngineError, and Denied for one that asks for a login."""
    errors = import_module("urllib3.exceptions")
    try:
        response = send()
        status, text = int(response.status), bytes(response.data or b"").decode("utf-8", "replace")
    except (errors.HTTPError, OSError) as error:
        raise unreachable(url, error) from None
    if status < 300:
        return text
    raise _refusal(url, status, text)


def json_of(url: str, send: Callable[[], Any]) -> Json:
    """The object of an answer. Raises EngineError, and Denied for one that asks for a login."""
    text = text_of(url, send)
    try:
        return as_map(json.loads(text or "{}"))
    except ValueError:
        raise no_airflow(url, text) from None


def unreachable(url: str, error: Exception) -> EngineError:
    """FC610 for a server that does not answer."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        help_ = "name its CA's file in SSL_CERT_FILE"
    elif "WRONG_VERSION_NUMBER" in text or "record layer" in text:
        help_ = "it speaks plain http: write http:// in its address"
    else:
        help_ = "see that AIRFLOW_API_URL (or --server) is its address, and that it can be reached from here"
    return EngineError.unusable(f"Airflow at {url} does not answer: {text}", help_)


def no_airflow(url: str, text: str) -> EngineError:
    """FC610 for an answer that is not Airflow's."""
    start = text[:60].split("\n", maxsplit=1)[0]
    message = f"what answers at {url} is not Airflow's API: it says {start!r}"
    return EngineError.unusable(message, "AIRFLOW_API_URL is the address that Airflow's web pages have, without /api")


def _refusal(url: str, status: int, text: str) -> Exception:
    """What a status that is no success means."""
    said = _message(text)
    match status:
        # Airflow 3 says 403 of a token that it has not made. Airflow 2, whose errors have a title, of anybody whom it
        # takes for its public: who gives no password, or a wrong one.
        case 401 | 403 if status == 401 or "JWT" in said or '"title"' in text:
            return Denied(said or str(status))
        case 403:
            return EngineError.unusable(f"Airflow does not allow it: {said}", f"have the user allowed that: {ROLES}")
        case 404:
            return EngineError.unknown(f"there is none: {said}", "`flowc status` lists the runs that there are")
        case _ if status >= 500:
            return ServerError.unusable(f"Airflow at {url} fails: {status} {said}".rstrip(), "look into its log")
        case _:
            message = f"Airflow refuses it: {said or status}"
            return EngineError.refused(message, "correct what it names, and try again")


def _message(text: str) -> str:
    """The server's own words: FastAPI's `detail` in 3.x, a problem document's in 2.x. A page for browsers has none."""
    if text.lstrip().startswith("<"):
        return ""
    try:
        found = as_map(json.loads(text))
    except ValueError:
        found = {}
    detail = found.get("detail") or found.get("title") or found.get("message") or text
    shown = detail if isinstance(detail, str) else json.dumps(detail)
    return shown.strip()[:LONGEST_MESSAGE]
