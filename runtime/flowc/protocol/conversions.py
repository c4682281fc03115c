"""Values that can be iterated over and are no lists to map over: Python's `for` gives keys, characters or columns.

The compiler looks types up here by their names, and a task the values that steps returned.
"""

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Optional

_RECORDS = '`{}.to_dict("records")` for its rows'
CONVERSIONS: Dict[str, str] = {
    "Mapping": "`list({}.items())` for its pairs, or `list({})` for its keys",
    "str": "`list({})` for its characters, or `{}.split()` for its words",
    "bytes": "`list({})` for its numbers",
    "bytearray": "`list({})` for its numbers",
    "polars.DataFrame": "`{}.to_dicts()` for its rows",
    "polars.LazyFrame": "`{}.collect().to_dicts()` for its rows",
    "pyarrow.Table": "`{}.to_pylist()` for its rows",
    "pyspark.DataFrame": "`{}.collect()` for its rows",
    "DataFrame": _RECORDS,
    "GeoDataFrame": _RECORDS,
}
"""What to write for a list, by the class's name, with that of its package where it matters; `{}` is the value."""
_SHORT = {"Mapping": "d", "str": "text", "bytes": "data", "bytearray": "data"}


def conversion_of_class(names: Iterable[str], value: str = "") -> Optional[str]:
    """What to write for a list of a `value` of classes with these dotted names; `None` where maps iterate over it."""
    for name in names:
        package, _, leaf = name.rpartition(".")
        for known in (f"{package.partition('.')[0]}.{leaf}", leaf):
            if known in CONVERSIONS and (package in ("", "builtins") or known not in _SHORT):
                return CONVERSIONS[known].replace("{}", value or _SHORT.get(known, "df"))
    return None


def conversion(found: Any, value: str = "") -> Optional[str]:
    """What to write for a list of a value that maps do not iterate over, else `None`."""
    if isinstance(found, Mapping):
        return conversion_of_class(["Mapping"], value)
    return conversion_of_class([f"{item.__module__}.{item.__qualname__}" for item in type(found).__mro__], value)
