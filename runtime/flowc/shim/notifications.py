"""Telling people how a run has ended: what `@notify` says, as exit hooks that each engine calls.

A notification that cannot be sent is printed and changes nothing. Secrets are read from the environment, and neither
they nor addresses that may hold them are printed.
"""

from __future__ import annotations

import json
import os
import sys

from flowc.json_post import PostError, post_json
from flowc.protocol import env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

    from flowc.protocol.plan import Plan


PAGERDUTY, INCIDENT_IO = "https://events.pagerduty.com", "https://api.incident.io"
"""Where these services are."""
_LONGEST = 2000
"""Characters of an exception."""


class Notice:
    """How a run has ended, and what a message says of it."""

    def __init__(self, event: str, title: str, facts: Dict[str, str]) -> None:
        self.event = event
        self.title = title
        self.facts = facts
        names = (("run", "Run"), ("step", "Step"), ("exception", "Exception"), ("url", "Link"), ("command", "Details"))
        self.text = "\n".join([title, *(f"{name}: {facts[key]}" for key, name in names if facts.get(key))])


def success() -> None:
    """Send what a run that has succeeded is to send."""
    _send_all(["success"])


def failure() -> None:
    """Send what a run that has failed is to send, and what is about its deadline if that has ended it."""
    _send_all(["error", "late"])


def _send_all(events: List[str]) -> None:
    from flowc.shim.loaded_plan import load_plan

    plan = load_plan()
    if "late" in events and not _is_late(plan):
        events = ["error"]
    wanted = [spec for spec in plan.notify if set(spec["on"]).intersection(events)]
    notice = _notice(plan, events[-1]) if wanted else None
    for spec in wanted:
        for channel in ("slack", "webhook", "url", "pagerduty", "incident_io", "email"):
            if channel in spec and notice is not None:
                _send(channel, spec, notice)


def _send(channel: str, spec: Dict[str, Any], notice: Notice) -> None:
    """One message; why it is not sent is printed."""
    shown = "webhook" if channel == "url" else channel
    try:
        if channel == "email":
            from flowc.shim.notice_mail import send_mail

            send_mail(spec["email"], spec.get("smtp") or env_names.SMTP_URL, notice.title, notice.text)
        else:
            url, document, headers = _request(channel, spec, notice)
            post_json(url, json.dumps(document).encode(), headers)
    except Exception as error:
        reason = str(error) if isinstance(error, (PostError, OSError)) else type(error).__name__
        sys.stderr.write(f"flowc: the notification to {shown} is not sent: {reason}\n")
    else:
        sys.stdout.write(f"flowc: notified {shown}: {notice.title}\n")


def secret(variable: str) -> str:
    """The value of a variable. Raises an error that names it."""
    value = os.environ.get(variable, "").strip()
    if not value:
        raise PostError(f"the environment has no {variable}")
    return value


def _is_late(plan: Plan) -> bool:
    """Whether the run has taken its whole time. An engine ends it a moment later."""
    try:
        return plan.deadline is not None and float(os.environ.get(env_names.RUN_SECONDS, "")) >= plan.deadline
    except ValueError:
        return False


def _notice(plan: Plan, event: str) -> Notice:
    run, root = os.environ.get(env_names.RUN_ID, ""), os.environ.get(env_names.ROOT, "")
    what = {"success": "has succeeded", "error": "has failed", "late": f"has missed its deadline of {plan.deadline} s"}
    facts = {"event": event, "flow": plan.flow, "run": run, "root": root}
    facts.update(_failure(plan) if event != "success" else {})
    facts["url"] = os.environ.get(env_names.RUN_URL, "")
    facts["command"] = f"flowc show {plan.flow}/{run} --root {root}"
    return Notice(event, f"{plan.flow} {what[event]}", {key: value for key, value in facts.items() if value})


def _failure(plan: Plan) -> Dict[str, str]:
    """The step and the exception of the first failure on record. A store that does not answer has none."""
    from flowc.client import Run
    from flowc.client.run_state import failures

    try:
        run = Run(f"{plan.flow}/{os.environ[env_names.RUN_ID]}", root=os.environ[env_names.ROOT])
        step, document = min(failures(run), key=lambda item: float(item[1]["created"]))
    except Exception as error:
        if not isinstance(error, ValueError):  # there is none
            sys.stderr.write(f"flowc: the failure cannot be read: {type(error).__name__}: {error}\n")
        return {}
    text = ": ".join(filter(None, (document["type"], document["message"])))
    if document["type"] == "TaskKilled" and _is_late(plan):  # by the deadline
        return {"step": step}
    return {"step": step, "exception": text[:_LONGEST]}


def _request(channel: str, spec: Dict[str, Any], notice: Notice) -> tuple[str, Dict[str, Any], Dict[str, str]]:
    """The URL, the document and further headers of a message."""
    facts, text = notice.facts, notice.text
    if channel == "url":
        return spec["url"], {**facts, "text": text}, {}
    value = secret(spec[channel])
    if channel == "webhook":
        return value, {**facts, "text": text}, {}
    if channel == "slack":
        for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(sign, written)
        return value, {"text": text}, {}
    name = f"{facts['flow']}/{facts['run']}"
    if channel == "pagerduty":
        home = os.environ.get(env_names.PAGERDUTY_URL, PAGERDUTY)
        payload: Dict[str, Any] = {"summary": notice.title, "source": name, "custom_details": facts}
        links = [{"href": facts["url"], "text": name}] if "url" in facts else []
        if notice.event == "success":
            return f"{home}/v2/change/enqueue", {"routing_key": value, "payload": payload, "links": links}, {}
        payload["severity"] = "error"
        event = {"event_action": "trigger", "dedup_key": name, "payload": payload, "links": links}
        return f"{home}/v2/enqueue", {"routing_key": value, **event}, {}
    home = os.environ.get(env_names.INCIDENT_IO_URL, INCIDENT_IO)
    alert: Dict[str, Any] = {"idempotency_key": name, "status": "firing", "title": notice.title, "description": text}
    alert["metadata"] = {**spec.get("alert_metadata", {}), **facts}
    if "url" in facts:
        alert["source_url"] = facts["url"]
    address = f"{home}/v2/alert_events/http/{spec['alert_source']}"
    return address, alert, {"Authorization": f"Bearer {value}"}
