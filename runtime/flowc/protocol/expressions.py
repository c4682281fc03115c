"""What may be computed with results of steps in a pipeline's body: by the compiler where all is known, else by a task.

Nothing here changes a value or reaches outside of it, so that it does not matter where and how often it is computed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, List, Tuple


def _pairs(*found: Iterable[Any]) -> List[Tuple[Any, ...]]:
    return list(zip(*found))


def _numbered(found: Iterable[Any], start: int = 0) -> List[Tuple[int, Any]]:
    return list(enumerate(found, start))


def _backwards(found: Any) -> List[Any]:
    return list(reversed(found))


TYPES: Dict[str, type] = {
    kind.__name__: kind for kind in (bool, bytes, complex, dict, float, frozenset, int, list, range, set, str, tuple)
}
"""Builtin types by name."""
FUNCTIONS: Dict[str, Callable[..., Any]] = {
    **TYPES,
    **{
        function.__name__: function
        for function in (
            abs, all, any, ascii, bin, chr, divmod, hex, len, max, min, oct, ord, pow, repr, round, sorted, sum,
        )
    },
    "enumerate": _numbered,
    "reversed": _backwards,
    "zip": _pairs,
}  # fmt: skip
"""Builtin functions by name. Iterators are lists here, so that they can be passed on and gone over again."""
_OF_TEXT = (
    "capitalize casefold center count encode endswith expandtabs find format index isalnum isalpha isascii isdecimal "
    "isdigit isidentifier islower isnumeric isspace istitle isupper join ljust lower lstrip partition removeprefix "
    "removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title "
    "upper zfill"
)
_OF_OTHERS = (
    "bit_length copy date decode difference get hex intersection is_integer isoformat items keys strftime "
    "symmetric_difference timestamp total_seconds union values"
)
METHODS = frozenset(_OF_TEXT.split()) | frozenset(_OF_OTHERS.split())
"""Methods of Python's plain data that change nothing."""
LISTED = frozenset({"items", "keys", "values"})
"""Methods whose result is a list here."""
