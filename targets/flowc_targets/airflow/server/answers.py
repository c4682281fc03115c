"""What comes back over HTTP: JSON, or the reason why there is none, told apart."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

from flowc_targets.base.engine import EngineError
from flowc_targets.base.parts import as_map

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
"""An object of an answer."""

TIMEOUTS = (10.0, 60.0)
"""Seconds to wait for a connection, and for an answer."""
CREDENTIALS = "--user and AIRFLOW_API_PASSWORD, or AIRFLOW_API_TOKEN,"
"""What says who asks."""
_PROBLEM = '"title"'
"""What is in Airflow 2's errors: a problem document. Those of 3.x have `detail` alone."""
LONGEST_MESSAGE = 2000
"""How much of a server's message is shown."""


class Denied(Exception):  # noqa: N818 (an end of a session, which is begun again)
    """The server does not, or does no longer, know who asks."""


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
    said = _message(text) or str(status)
    match status:
        case 401:
            return Denied(said)
        case 403 if "JWT" in said:  # Airflow 3, of a token that it has not made
            return Denied(said)
        case 403:
            help_ = "have the user allowed that: it takes roles such as Op, or User with the right to read DAGs' code"
            if _PROBLEM in text:
                help_ = f"see that {CREDENTIALS} are right: Airflow 2 does not say. If they are, {help_}"
            return EngineError.unusable(f"Airflow does not allow it: {said}", help_)
        case 404:
            return EngineError.unknown(f"there is none: {said}", "`flowc status` lists the runs that there are")
        case _ if status >= 500:
            return EngineError.unusable(f"Airflow at {url} fails: {status} {said}", "look into its log")
        case _:
            return EngineError.refused(f"Airflow refuses it: {said}", "correct what it names, and try again")


def _message(text: str) -> str:
    """The server's own words: FastAPI's `detail` in 3.x, a problem document's in 2.x."""
    try:
        found = as_map(json.loads(text))
    except ValueError:
        found = {}
    detail = found.get("detail") or found.get("title") or found.get("message") or text
    shown = detail if isinstance(detail, str) else json.dumps(detail)
    return shown.strip()[:LONGEST_MESSAGE]
