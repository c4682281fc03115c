"""One document that is sent to a webhook, again while that may help."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

PAUSES = (1.0, 4.0)
"""Seconds before a further try; a server that is there and refuses gets none."""
TIMEOUT = 10.0
"""Seconds for each."""


class PostError(Exception):
    """Why a document was not sent, without the URL, which may be a secret."""


def post_json(url: str, data: bytes, headers: Mapping[str, str]) -> None:
    """POST a JSON text. Raises PostError, also for what is not the URL of a web server."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    if not url.startswith(("http://", "https://")):
        raise PostError("its URL does not begin with http:// or https://")
    request = Request(url, data, {"Content-Type": "application/json", "User-Agent": "flowc", **headers})  # noqa: S310
    reason = ""
    for pause in (0.0, *PAUSES):
        time.sleep(pause)
        try:
            with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                answer.read(1000)
            return
        except HTTPError as error:
            error.close()
            reason = f"the server answers {error.code} {error.reason}"
            if error.code < 500 and error.code not in (408, 429):
                break
        except OSError as error:
            reason = f"no answer: {getattr(error, 'reason', error)}"
    raise PostError(reason)
