"""SHA-256. Of small values by Python's own code: to load OpenSSL takes longer than all that a short task hashes."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from flowc.store import Buffer

SMALL = 1 << 20
"""Bytes up to which Python's own code is as fast, with the time to load OpenSSL."""
_own: Any = None


def sha256(*parts: Buffer) -> str:
    """The digest of parts, one after another, in hexadecimal."""
    digest = _new(sum(memoryview(part).nbytes for part in parts))
    for part in parts:
        digest.update(part)
    found: str = digest.hexdigest()
    return found


def is_digest(text: str) -> bool:
    """Whether a text is what `sha256` returns."""
    return len(text) == 64 and not text.strip("0123456789abcdef")


def _new(size: int) -> Any:
    global _own
    if size > SMALL or "hashlib" in sys.modules:
        import hashlib

        return hashlib.sha256()
    if _own is None:
        from importlib import import_module

        try:  # as `random` does
            _own = import_module("_sha2" if sys.version_info >= (3, 12) else "_sha256").sha256
        except ImportError:
            from hashlib import sha256 as _own
    return _own()
