"""What the fields of documents may be: a digest says that a document is as it was written, not what wrote it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

_LARGEST = 1 << 63


def wrong_field(found: Any) -> str:
    """The name of a field that cannot be what it is, in a document or a record within one; empty where all can be."""
    return next((name for name, value in found.items() if not _FIELDS.get(name, _is_anything)(value)), "")


def is_step(found: Any) -> bool:
    """Whether this can be a step of `graph.json`."""
    return _is_record(found) and isinstance(found.get("loops", False), bool) and "next" in found


def are_references(found: Any) -> bool:
    """Whether all values of a dict can be references to values; those of older releases have fewer fields."""
    return isinstance(found, dict) and all(map(_is_reference, found.values()))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]


def _is_reference(found: Any) -> bool:
    try:
        right = "hash" in found and all(isinstance(found.get(name, kind()), kind) for name, kind in _OF_REFERENCE)
        return right and (found.get("codec") == "json" or isinstance(found.get("inline", ""), str))
    except (AttributeError, TypeError):
        return False


_OF_REFERENCE = (("hash", str), ("codec", str), ("type", str), ("size", int))


def _is_anything(_: Any) -> bool:
    return True


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_one_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int) and abs(value) < _LARGEST)


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float))


def _is_failure(value: Any) -> bool:
    """A task, the number of tries so far, or why an item has failed, in one document and another."""
    return value is None or isinstance(value, (str, int, dict))


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _are_texts(value: Any) -> bool:
    return _is_list(value) and all(map(_is_one_text, value))


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _is_record(value: Any) -> bool:
    return isinstance(value, dict) and not wrong_field(value)


def _is_record_or_nothing(value: Any) -> bool:
    return value is None or _is_record(value)


def _are_records(value: Any) -> bool:
    return _is_list(value) and all(map(_is_record, value))


def _is_name(value: Any) -> bool:
    """Whether this can be a part of a key."""
    return isinstance(value, str) and value.isprintable() and "/" not in value and bool(value)


def _is_index(value: Any) -> bool:
    return isinstance(value, str) and (value == "-" or all(part.isdecimal() for part in value.split(".")))


_FIELDS: Dict[str, Callable[[Any], bool]] = {
    name: check
    for check, names in (
        (_is_name, ("flow", "run", "step")),
        (_is_index, ("index",)),
        (
            _is_text,
            ("began", "by", "class", "closes", "closes_kind", "choice", "end", "file", "host", "module", "note"),
        ),
        (_is_text, ("origin", "origin_flow", "source_hash", "space", "start", "user", "variable", "via")),
        (_is_one_text, ("hash", "inline", "type")),
        (_is_failure, ("failed",)),
        (_is_number, ("attempt", "code", "pid", "size", "tasks")),
        (_is_time, ("created", "started")),
        (_is_list, ("arms", "outputs")),
        (_are_texts, ("for", "next", "rerun", "tags")),
        (_is_table, ("approval", "artifacts", "configs", "others", "parameters", "settled", "units")),
        (_is_record_or_nothing, ("cached", "foreach", "owner")),
        (_are_records, ("fan",)),
    )
    for name in names
}
