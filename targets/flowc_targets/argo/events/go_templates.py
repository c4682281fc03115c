"""Templates that a Sensor evaluates (Go's text/template with the functions of sprig), of an event to a text.

What comes from outside is written in base64: the Workflow's controller would evaluate `{{` in it, Kubernetes `$(`, and
the shim would take what begins with `b64:` or `flowc:` for its own. A number stands as the event's JSON has it, for
which the template fails and the Sensor takes the field by its key: templates know floating point only.
"""

from __future__ import annotations

import base64
import json

from flowc.protocol.encodings import ENCODED
from flowc_targets.package.project_names import finished_event

_ENCODE = 'b64enc | replace "+" "-" | replace "/" "_"'
NOTHING = ENCODED
"""An empty text, which a Sensor takes for a failed template."""


def quoted(text: str) -> str:
    """A string of Go: JSON's is one, but for surrogates, which unescaped characters do without."""
    return json.dumps(text, ensure_ascii=False)


def field(payload: str, name: str, default: str) -> str:
    """The value of a parameter from a field; `default`, as the manifest has it, where it is missing or null."""
    instead = f"{{{{ {quoted(default or NOTHING)} }}}}"
    return (
        f"{{{{- $v := get {_path(payload)} {quoted(name)} -}}}}"
        f"{{{{- if not (hasKey {_path(payload)} {quoted(name)}) -}}}}{instead}"
        f'{{{{- else if kindIs "invalid" $v -}}}}{instead}'
        f'{{{{- else if kindIs "string" $v -}}}}{ENCODED}{{{{ $v | {_ENCODE} }}}}'
        f'{{{{- else if or (kindIs "map" $v) (kindIs "slice" $v) -}}}}{ENCODED}{{{{ $v | toRawJson | {_ENCODE} }}}}'
        '{{- else -}}{{- fail "of a type that is passed unchanged" -}}{{- end -}}'
    )


def event_record(payload: str, name: str) -> str:
    """What `current.trigger` shows of an event."""
    facts = f'"name" {quoted(name)} "type" "event"'
    own = f'"id" (get {_path(payload)} "id") "timestamp" (get {_path(payload)} "timestamp")'
    return f"{{{{ dict {facts} {own} | toRawJson | {_ENCODE} }}}}"


def plain_event_record(name: str) -> str:
    """The same of an event whose payload has no fields."""
    return base64.urlsafe_b64encode(json.dumps({"name": name, "type": "event"}).encode()).decode()


def run_record(flow: str, deployment: str) -> str:
    """What `current.trigger` shows of a run that has ended, which is a Workflow."""
    facts = f'"name" {quoted(finished_event(deployment))} "type" "run"'
    own = f'"id" (printf {quoted(f"{flow}/argo-%s")} .Input.body.metadata.uid)'
    return f'{{{{ dict {facts} {own} "timestamp" .Input.body.status.finishedAt | toRawJson | {_ENCODE} }}}}'


CONTEXT_RECORD = f'.{{{{ dict "id" .Input.id "time" .Input.time | toRawJson | {_ENCODE} }}}},'
"""What comes behind a record: the id and the time that Argo Events gave to the event."""
AGE = '{{ sub (now | unixEpoch | int64) (toDate "2006-01-02T15:04:05Z07:00" .Input | unixEpoch | int64) }}'
"""The seconds since a time."""


def digest_of_context(digits: int) -> str:
    """What tells an event from others."""
    return f"{{{{ .Input.id | sha256sum | trunc {digits} }}}}"


def digest_of_workflow(digits: int) -> str:
    """What distinguishes a Workflow from others."""
    return f"{{{{ .Input.body.metadata.uid | sha256sum | trunc {digits} }}}}"


def _path(payload: str) -> str:
    return f".Input.{payload}"
