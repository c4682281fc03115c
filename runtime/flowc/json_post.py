"""One document that is sent to a webhook, again while that may help."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping
    from urllib.error import HTTPError

PAUSES = (1.0, 4.0)
"""Seconds before a further try; a server that is there and refuses gets none."""
TIMEOUT = 10.0
"""Seconds for each."""
LONGEST_ANSWER = 300
"""Bytes that are kept of what a server says of an error."""


class PostError(Exception):
    """Why a document was not sent, without the URL, which may be a secret."""

    def __init__(self, reason: str, answer: str = "") -> None:
        """`answer` is what the server says, on one line; it may have the URL in it."""
        super().__init__(reason)
        self.answer = answer


def post_json(url: str, data: bytes, headers: Mapping[str, str]) -> None:
    """POST a JSON text. Raises PostError, also for what is not the URL of a web server."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    if not url.startswith(("http://", "https://")):
        raise PostError("its URL does not begin with http:// or https://")
    request = Request(url, data, {"Content-Type": "application/json", "User-Agent": "flowc", **headers})  # noqa: S310
    reason = answer = ""
    for pause in (0.0, *PAUSES):
        time.sleep(pause)
        try:
            with urlopen(request, timeout=TIMEOUT) as accepted:  # noqa: S310
                accepted.read(1000)
            return
        except HTTPError as error:
            answer = _answer(error)
            reason = f"the server answers {error.code} {error.reason}"
            if error.code < 500 and error.code not in (408, 429):
                break
        except (OSError, HTTPException) as error:
            answer, reason = "", f"no answer: {getattr(error, 'reason', error)}"
    raise PostError(reason, answer)


def _answer(error: HTTPError) -> str:
    from http.client import HTTPException

    try:
        with error:
            return " ".join(error.read(LONGEST_ANSWER).decode(errors="replace").split())
    except (OSError, ValueError, HTTPException):
        return ""
