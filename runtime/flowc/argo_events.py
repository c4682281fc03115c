"""`ArgoEvent`: events for flows with `@trigger`, sent to the webhook of an EventSource of Argo Events.

What is sent has Metaflow's form: `{"name": ..., "payload": {"name", "id", "timestamp", "utc_date", ...}}`.
"""

from __future__ import annotations

import os
import sys

from flowc.datatools.configuration import value as configured
from flowc.errors import FlowError
from flowc.protocol import env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Union


class ArgoEventException(FlowError):  # noqa: N818 (Metaflow has this name)
    """An event that could not be published."""


class ArgoEvent:
    """An event, which starts all deployed flows whose `@trigger` waits for one of this name."""

    def __init__(
        self,
        name: str,
        url: Union[str, None] = None,
        payload: Union[Mapping[str, Any], None] = None,
        access_token: Union[str, None] = None,
    ) -> None:
        """`url` is the webhook's, by default that of METAFLOW_ARGO_EVENTS_WEBHOOK_URL."""
        self._name = name
        self._url = url
        self._payload: Dict[str, Any] = dict(payload or {})
        self._access_token = access_token

    def add_to_payload(self, key: str, value: Any) -> ArgoEvent:
        """Add a field, as text: often the name of a parameter and its value. Returns the event."""
        self._payload[key] = str(value)
        return self

    def safe_publish(
        self, payload: Union[Mapping[str, Any], None] = None, ignore_errors: bool = True
    ) -> Union[str, None]:
        """Publish it in a run on Argo, and nowhere else. Returns its id, `None` where it was not published."""
        return self.publish(payload, force=False, ignore_errors=ignore_errors)

    def publish(
        self, payload: Union[Mapping[str, Any], None] = None, force: bool = True, ignore_errors: bool = True
    ) -> Union[str, None]:
        """Publish it, with more fields. Returns its id, `None` where it was not published.

        What goes wrong is printed; without `ignore_errors` it raises ArgoEventException. Nothing waits for flows.
        """
        try:
            if not force and not _on_argo():
                raise ArgoEventException(
                    f"Argo Event ({self._name}) was not published: this is no run on Argo; use publish() for that"
                )
            return self._send({**self._payload, **(payload or {})})
        except ArgoEventException as error:
            if not ignore_errors:
                raise
            print(error, file=sys.stderr)
            return None

    def _send(self, payload: Dict[str, Any]) -> str:
        import json
        import time
        import uuid

        from flowc.json_post import PostError, post_json

        url = self._url or configured("ARGO_EVENTS_WEBHOOK_URL")
        if not url:
            raise ArgoEventException(
                f"Argo Event ({self._name}) has nowhere to go: give url=, or set METAFLOW_ARGO_EVENTS_WEBHOOK_URL"
            )
        if not str(url).startswith(("http://", "https://")):
            raise ArgoEventException(f"Argo Event ({self._name}): {url!r} is not the URL of a webhook")
        own = {
            "name": self._name,
            "id": str(uuid.uuid4()),
            "timestamp": int(time.time()),
            "utc_date": time.strftime("%Y%m%d", time.gmtime()),
            "generated-by-metaflow": True,
        }
        headers = {"Authorization": f"Bearer {self._access_token}"} if self._access_token else {}
        if configured("ARGO_EVENTS_WEBHOOK_AUTH") == "service":
            headers.update(configured("SERVICE_HEADERS"))
        try:
            data = json.dumps({"name": self._name, "payload": {**own, **payload}}).encode()
        except (TypeError, ValueError) as error:
            raise ArgoEventException(f"Argo Event ({self._name}): its payload is no JSON: {error}") from error
        try:
            post_json(url, data, headers)
        except PostError as error:
            said = f": {error.answer}" if error.answer else ""
            raise ArgoEventException(f"Unable to publish Argo Event ({self._name}): {error}{said}") from error
        print(f"Argo Event ({self._name}) published.", file=sys.stderr)
        return str(own["id"])


def _on_argo() -> bool:
    """Whether this is a task of a run on Argo, and not of one that is simulated."""
    return os.environ.get(env_names.RUN_ID, "").startswith("argo-") and not os.environ.get(env_names.ENGINE)
