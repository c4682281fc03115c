"""Values as text that two processes of different environments agree on. Metaflow's side imports it, too."""

from __future__ import annotations

from typing import Any

ELSEWHERE = "a value that only the flow's own process can read"
_OWN_WORDS = {
    "AttributeError",
    "FailureHandledByCatch",
    "InvalidNextException",
    "MetaflowException",
    "MissingInMergeArtifactsException",
    "RuntimeError",
    "TimeoutException",
    "TypeError",
    "UnhandledInMergeArtifactsException",
}
"""Exceptions that the engine raises, in words of its own."""
_SAME = {
    "FlowError": "MetaflowException",
    "MergeArtifactsException": "MetaflowException",
    "UnpicklableArtifact": "TypeError",
}
"""flowc's names for exceptions of Metaflow."""


def text(value: Any) -> str:
    """A `repr` that does not depend on hash seeds, addresses or the engine's own classes."""
    if _is(value, dict):
        inside = ", ".join(f"{text(key)}: {text(each)}" for key, each in value.items())
        return _named(value, dict, f"{{{inside}}}")
    if _is(value, set, frozenset):
        return f"{type(value).__name__}({sorted(map(text, value))})"
    if _is(value, list):
        return _named(value, list, f"[{', '.join(map(text, value))}]")
    if _is(value, tuple):
        return _named(value, tuple, f"({', '.join(map(text, value))},)")
    if all(hasattr(value, name) for name in ("exception", "type", "stacktrace")):  # what @catch stores
        return failure(value.type, value.exception)
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return f"{type(value).__name__}<{value.dtype}>{text(value.tolist())}"
    return f"{type(value).__name__} {value!r}" if isinstance(value, BaseException) else repr(value)


def failure(kind: str, message: str) -> str:
    """An exception: its class, and its words where they are the flow's."""
    name = kind.rpartition(".")[2]
    name = _SAME.get(name, name)
    return name if name in _OWN_WORDS else f"{name}: {message}"


def _is(value: object, *kinds: type) -> bool:
    return isinstance(value, kinds)


def _named(value: object, plain: type, inside: str) -> str:
    return inside if type(value) is plain else f"{type(value).__name__}{inside}"
