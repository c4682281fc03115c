"""What a test gives to `run_step`, checked: each wrong value is a UsageError that says what it should be."""

from __future__ import annotations

import operator
from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

from flowc.testing.tested_flow import UsageError


def whole_number(value: Any, what: str) -> int:
    """A number from 0 on, of any type that counts as one. Raises UsageError."""
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = -1
    if number < 0:
        raise UsageError(f"`{what}` is a whole number from 0 on, not {value!r}")
    return number


def given_path(index: Union[int, Sequence[int], None]) -> Tuple[int, ...]:
    """An index path from its last number, or from all of them. Raises UsageError."""
    if index is None:
        return ()
    if isinstance(index, str) or not hasattr(index, "__iter__"):
        return (whole_number(index, "index"),)
    numbers: Any = index
    return tuple(whole_number(number, "index") for number in numbers)


def given_by_name(values: Union[Mapping[str, Any], None], what: str) -> Dict[str, Any]:
    """Values by name. Raises UsageError."""
    try:
        found: Dict[Any, Any] = dict(values or {})
    except (TypeError, ValueError):
        found = {None: None}
    if not all(isinstance(name, str) for name in found):
        raise UsageError(f"`{what}` is a dict of values by name, not {values!r}")
    return found


def given_list(values: Any, what: str) -> List[Any]:
    """The items of a list, or of another iterable that is no text. Raises UsageError."""
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        other = " or a dict" if what == "inputs" else ""
        raise UsageError(f"`{what}` is a list{other}, not {values!r}")
    return list(values)
