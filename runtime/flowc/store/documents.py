"""The documents of a run: the names of their files, what must be in each, and the digest that each has of itself."""

from __future__ import annotations

import time

from flowc.errors import NewerFormat
from flowc.store.digests import is_digest, sha256
from flowc.store.document_fields import are_references, is_step, wrong_field
from flowc.store.json_text import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

    Document = Dict[str, Any]

wall_time = time.time
"""The time of documents, in seconds since 1970: as it is before the user's code, which may replace `time.time`."""
DATA = "data"
"""The folder of a flow with the values of all of its runs."""
CACHE = "cache"
"""The folder below DATA with what tasks with `@cache` have left, and what they had read: see docs/artifacts.md."""
MANIFEST = "manifest.json"
FAILED = "failed.json"
"""What a failed attempt had set, beside its `error.json`: for people, and never an input of a task."""
ATTEMPT_RECORD = "attempt.json"
"""Written when an attempt begins, for people: when and where it runs. No task reads it."""
ERROR_RECORD = "error.json"
"""Why an attempt has failed, for people."""
RUN_RECORD = "run.json"
"""What the local engine writes down of a run: its start, its owner, its end."""
GRAPH_RECORD = "graph.json"
"""The flow's graph, which the first task writes down."""
CODE_RECORD = "code.json"
"""The text of the flow's own modules, which the first task writes down for people. No task reads it."""
CARDS_RECORD = "cards.json"
"""The cards of an attempt, for people, beside its manifest. No task reads it."""
PARAMETERS = "parameters.json"
"""The run's parameters, as references."""
SCHEDULED = "scheduled.json"
"""The time that the run is scheduled for, where it is for one."""
RESUMED = "resumed.json"
"""Written once a resumed run of the local engine has taken over what it can."""
ORIGIN = "origin.json"
"""Which run is resumed, where no engine writes that down."""
MARK = "from-"
"""Begins the name of the file beside a manifest that a task took over itself; the id of the run it is of follows."""
WAITING = "waiting.json"
"""What a task waits for before it begins, beside its attempts, since when, and what a person is asked."""
APPROVAL = "approval.json"
"""What a person has chosen for a task, beside its attempts."""
REMOVED = "removed.json"
"""In the folder of a run that is being removed: whatever comes of that, the run is not whole any more."""
IMPORTED = "imported.json"
"""In the folder of a run that is being imported, which is not whole before this file is gone."""
VERSION = 1
SEALED = 2
"""The version of manifests that say where they belong, and have a digest of themselves."""
FORMAT = SEALED
"""The newest version of documents that this release knows: it refuses what a newer one has written."""
_DIGEST = b',"digest":"'
RECORDS: Dict[str, Dict[str, type]] = {
    RUN_RECORD: {"flow": str, "run": str, "created": float},
    "run-end.json": {"status": str},
    "heartbeat.json": {"time": float},
    "tags.json": {"tags": list},
    GRAPH_RECORD: {"steps": dict},
    CODE_RECORD: {"file": str, "files": dict},
    CARDS_RECORD: {"cards": list},
    PARAMETERS: {"parameters": dict},
    SCHEDULED: {"time": str, "deployment": str},
    RESUMED: {"reused": dict},
    ATTEMPT_RECORD: {"started": float},
    ERROR_RECORD: {"type": str, "message": str, "traceback": str, "created": float},
    FAILED: {"artifacts": dict, "parameters": dict},
    WAITING: {"since": float, "for": list},
    APPROVAL: {"choice": str, "time": float},
}
"""What must be in a file of this name; each may have more."""


def sealed(key: str, document: Document) -> List[bytes]:
    """The bytes of a small JSON file: the document, the folder that it is for, and a digest of itself at its end."""
    text = dumps({**document, "place": key.rpartition("/")[0]}).encode()
    return [text[:-1], _DIGEST, sha256(text).encode(), b'"}']


def check_document(key: str, data: bytes) -> Document:
    """The document of a file's bytes. Raises ValueError for what is wrong with it, and NewerFormat."""
    return _checked(key, _unsealed(data))


def newer_version(document: Document) -> int | None:
    """The version of a document, where that is newer than this release knows."""
    version: Any = document.get("version")
    return version if type(version) is int and version > FORMAT else None


def _unsealed(data: bytes) -> Document:
    """A document whose digest, if it has one, is right. Raises ValueError."""
    body, _, end = data.rpartition(_DIGEST)
    sound = end == sha256(body, b"}").encode() + b'"}'
    try:
        document: Any = loads(data) if sound else _parsed(data)
    except ValueError as error:
        raise ValueError(f"is not valid JSON: {error}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("is not a JSON object")
    found: Document = document  # pyright: ignore[reportUnknownVariableType]
    digest = found.pop("digest", None)
    if digest is not None and not sound and sha256(body, b"}") != digest:
        raise ValueError("does not have the digest that it was stored with")
    # A document with a digest ends so, also where the name of that is damaged.
    ends_with_digest = data[-67:-66] == b'"' and data[-2:] == b'"}' and is_digest(data[-66:-2].decode("latin-1"))
    if digest is None and (found.get("version") == SEALED or ends_with_digest):
        raise ValueError("has lost its digest")
    return found


def _parsed(data: bytes) -> Any:
    """What a text may be, which may not be JSON."""
    import json

    return json.loads(data)


def _checked(key: str, document: Document) -> Document:
    """A document that is what the file's name says. Raises ValueError."""
    version = newer_version(document)
    if version is not None:
        raise NewerFormat(
            f"was written by a newer release of flowc, in format {version}; this one reads formats up to {FORMAT}: "
            "upgrade flowc"
        )
    parts = key.split("/")
    for name, kind in RECORDS.get(parts[-1], {}).items():
        value: Any = document.get(name)
        if not (isinstance(value, kind) or (kind is float and type(value) is int)):
            raise ValueError(f"has no {name!r}, as such a file must have")
    for name in _TIMES:
        value = document.get(name)
        if isinstance(value, (int, float)) and not 0 <= value < _LAST_TIME:
            raise ValueError(f"has a time {name!r} that there is not")
    problem = _wrong_within(parts[-1], document)
    if problem:
        raise ValueError(problem)
    if parts[-1] == RUN_RECORD and len(parts) == 3 and [document["flow"], document["run"]] != parts[:2]:
        raise ValueError(f"is the record of run {document['flow']}/{document['run']}")
    place = "/".join(parts[:-1])
    found: Any = place if parts[-1] == MANIFEST else document.pop("place", place)  # release 0.1.0 wrote no places
    if found != place:
        raise ValueError(f"is a file of {found}")
    if parts[-1] == FAILED:
        problem = misplaced(document, place)
        if problem:
            raise ValueError(problem)
    return document


def _wrong_within(file: str, document: Document) -> str:
    """What is wrong with the fields that a file of this name may have; nothing where all can be."""
    if file in RECORDS or file in (MANIFEST, ORIGIN):
        wrong = wrong_field(document)
        if wrong:
            return f"has a {wrong!r} that cannot be"
    for name in ("artifacts", "parameters") if file in (MANIFEST, FAILED, PARAMETERS) else ():
        if not are_references(document.get(name, {})):
            return f"has {name} that do not say where their values are"
    if file == MANIFEST and not ("artifacts" in document and "parameters" in document):
        return "lists no artifacts"
    if file == GRAPH_RECORD and not all(map(is_step, document["steps"].values())):
        return "has steps that are none"
    return ""


_TIMES = ("created", "ended", "since", "started", "time")
_LAST_TIME = 253402214400
"""The end of the year 9999, in seconds: the last that a date can say, in any zone."""


def misplaced(manifest: Document, place: str) -> str:
    """What is wrong with a manifest that was read from a place; nothing where it is right.

    Release 0.1.0 wrote neither digests nor places.
    """
    if manifest.get("version") == SEALED:
        found = manifest.get("place")
    else:
        parts = place.split("/")
        found = "/".join([*parts[:2], *(str(manifest.get(name)) for name in ("step", "index", "attempt"))])
    if found != place:
        return f"is the manifest of {found}"
    foreach: Any = manifest.get("foreach", {"count": 0})
    try:
        count: Any = foreach["count"]
    except (TypeError, KeyError, IndexError):
        count = None
    if type(count) is not int:
        return "does not say how many items its foreach has"
    return "" if count >= 0 else f"says that a foreach has {count} items"
