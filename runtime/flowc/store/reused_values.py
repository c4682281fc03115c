"""Values that are used again stay, although nobody names them yet.

A task finds a value of its own in the store and names it in its manifest later, and `flowc gc` removes old values that
no manifest names. Between the two stands the value's age: who uses an old one again renews it first. What is removed
all the same was looked at before, by a `flowc gc` whose lease is in the store: who renews waits for its end. Two of
those at once would need more: a value that one has removed, and a task has stored anew, is not looked at again by the
other. So the second one stops.
"""

from __future__ import annotations

import json
import time

from flowc.errors import MissingKey
from flowc.store.documents import DATA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

    from flowc.store import Store

RENEW_SECONDS = 6 * 3600.0
"""A value of this age is renewed when it is used again."""
LEASE_SECONDS = 120.0
"""How long a few values may be removed after one look at their ages."""
CLOCK_SECONDS = 60.0
"""How much the clocks of two machines may differ."""
_PAUSE = 0.5
"""Seconds between two looks at a lease."""


def lease_folder(flow: str) -> str:
    """Where the leases of those are that remove values of a flow."""
    return f"{flow}/{DATA}/leases"


def reuse(store: Store, flow: str, key: str, size: int) -> bool:
    """Whether a value is there, of that many bytes, and stays until a task that takes less than a day has named it."""
    age = store.age(key, size)
    if age is None or age < RENEW_SECONDS:
        return age is not None
    try:
        store.renew(key)
    except MissingKey:
        return False
    leases = live_leases(store, flow)
    if leases:
        for name, lease in leases.items():
            while _lease(store, flow, name) == lease:
                time.sleep(_PAUSE)
        time.sleep(_PAUSE)  # what a process that was killed has sent may still arrive
    return store.is_complete(key, size)  # a lease that is not there any more may have ended since the value was renewed


def new_lease() -> bytes:
    """A lease of this process from now on."""
    from flowc.store.run_owner import this_owner

    return json.dumps({"until": time.time() + LEASE_SECONDS, "owner": this_owner()}).encode()


def live_leases(store: Store, flow: str) -> Dict[str, bytes]:
    """The leases that are not over, by their names."""
    found = {name: _lease(store, flow, name) for name in store.children(lease_folder(flow))}
    return {name: lease for name, lease in found.items() if lease is not None}


def _lease(store: Store, flow: str, name: str) -> bytes | None:
    """A lease, which is another for each few values; `None` for one that is over, or whose owner is gone."""
    from flowc.store.run_owner import is_gone

    try:
        text = bytes(store.read(f"{lease_folder(flow)}/{name}"))
        document = json.loads(text)
        until = float(document["until"])
        gone = is_gone(document["owner"], until)
    except (MissingKey, ValueError, KeyError, TypeError, AttributeError):
        return None
    return None if gone or time.time() > until + CLOCK_SECONDS else text
