"""Where Airflow's API is and who asks: AIRFLOW_API_URL, AIRFLOW_API_USER, AIRFLOW_API_PASSWORD, AIRFLOW_API_TOKEN.

Password and token have no option of any command: a command line is there for all to see.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flowc_targets.base.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.base.engine import Address


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
