"""What comes back over HTTP: JSON, or the reason why there is none, told apart."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

from flowc_targets.base.engine import EngineError
from flowc_targets.base.json_parts import as_map

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
"""An object of an answer."""

TIMEOUTS = (10.0, 60.0)
"""Seconds to wait for a connection, and for an answer."""
ROLES = "it takes a role such as Op, or User with the right to read DAGs' code"
"""What the user needs."""
LONGEST_MESSAGE = 2000
"""How much of a server's message is shown."""


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
