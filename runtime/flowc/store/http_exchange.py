"""One request to an HTTP server that is no store of artifacts, retried within bounds: for keys, tokens and secrets."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

from flowc.errors import StoreError
from flowc.store.connections import Route
from flowc.store.retry import Retries
from flowc.store.s3_responses import retry_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict

TIMEOUT = 10.0
"""Seconds without a byte after which a try fails."""
_PASSING = {408, 425, 429}


class Answer:
    """What a server answered at last."""

    __slots__ = ("body", "spent", "status")

    def __init__(self, status: int, body: bytes, spent: str) -> None:
        self.status = status
        self.body = body
        self.spent = spent
        """How often and how long it was asked, for the error; empty where one try was enough."""


def is_transient(status: int, body: bytes = b"") -> bool:
    """Whether a later try may have another answer, such as after throttling."""
    del body
    return status >= 500 or status in _PASSING


def exchange(
    what: str,
    method: str,
    url: str,
    headers: Dict[str, str],
    body: bytes = b"",
    *,
    limit: float | None = None,
    direct: bool = False,
    authorities: str | None = None,
    passes: Callable[[int, bytes], bool] = is_transient,
) -> Answer:
    """The answer to a request, whatever its status. Raises StoreError when there is none.

    It is retried while `passes` says that this may help, for `limit` seconds or as long as the environment says.
    `what` is asked for, in messages; `direct` uses no proxy; `authorities` is a file of certificates to trust.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    route = Route(secure, parts.netloc, direct=direct)
    target = f"{route.prefix}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")
    headers = {"host": parts.netloc, **headers, **route.headers}
    retries = Retries(f"{what} from {route}", limit)
    context = ssl.create_default_context(cafile=authorities) if secure and authorities else None
    while True:
        after, answer = 0.0, None
        connection: http.client.HTTPConnection | None = None
        try:
            connection = route.open(TIMEOUT, context)
            connection.request(method, target, body=body or None, headers=headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.read(), "")
        except ssl.SSLCertVerificationError as error:
            problem, transient = f"{type(error).__name__}: {error}", False
        except (OSError, http.client.HTTPException) as error:
            problem, transient = f"{type(error).__name__}: {error}", True
        else:
            transient = passes(answer.status, answer.body)
            if not transient:
                retries.answered()
                return answer
            # Not the body: what has a secret in it is never logged.
            problem, after = f"it answers {answer.status}", retry_after(response.headers)
        finally:
            if connection is not None:
                connection.close()
        if not transient or not retries.wait(problem, after):
            break
    if answer is not None:
        answer.spent = retries.spent()
        return answer
    raise StoreError(f"no answer from {parts.scheme}://{parts.netloc}{parts.path}: {problem}{retries.spent()}")
