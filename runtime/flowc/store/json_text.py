"""JSON, as `json` reads and writes it: to import that, with regular expressions, takes longer than a short task's work.

Python has the code that does the work in a module of its own; where that is missing, `json` is imported after all.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Tuple

_scan: Callable[[str, int], Tuple[Any, int]] | None = None
_encode: Callable[[Any, int], Tuple[str, ...]] | None = None


class _Settings:
    """What the scanner asks how to read."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = {"-Infinity": float("-inf"), "Infinity": float("inf"), "NaN": float("nan")}.__getitem__
    memo: Any = None


def loads(data: str | bytes) -> Any:
    """The value of a text, in UTF-8 if it is bytes. Raises ValueError and RecursionError.

    It is for what is known to be JSON: Python's code for it fails in odd ways otherwise, and the text is read again.
    """
    if _prepared():
        text = data if isinstance(data, str) else data.decode("utf-8", "surrogatepass")
        text = text.strip(" \t\n\r")
        try:
            assert _scan is not None
            value, end = _scan(text, 0)
            if end == len(text):
                return value
        except (StopIteration, SystemError):
            pass
    import json

    return json.loads(data)


def dumps(value: Any) -> str:
    """The text of a value, without spaces. Raises TypeError and ValueError."""
    if _prepared():
        assert _encode is not None
        return "".join(_encode(value, 0))
    import json

    return json.dumps(value, separators=(",", ":"))


def _prepared() -> bool:
    global _scan, _encode
    if _scan is None:
        from importlib import import_module

        try:
            own: Any = import_module("_json")
            _scan = own.make_scanner(_Settings)
            _encode = own.make_encoder(None, _refuse, own.encode_basestring_ascii, None, ":", ",", False, False, True)
        except (ImportError, AttributeError, TypeError):  # another Python
            return False
    return True


def _refuse(value: object) -> Any:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
