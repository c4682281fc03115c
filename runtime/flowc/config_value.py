"""`ConfigValue`: a mapping that cannot be changed, whose entries are attributes, too."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, List, Tuple

    Base = Dict[Any, Any]
else:
    Base = dict


class ConfigValue(Base):
    """The value of a config: `value.entry`, `value["entry"]`, and what else reads a dict."""

    def __init__(self, data: Any) -> None:
        super().__init__({key: _wrapped(item) for key, item in data.items()})

    @classmethod
    def fromkeys(cls, iterable: Iterable[Any], value: Any = None) -> ConfigValue:
        """One value for each key."""
        return cls(dict.fromkeys(iterable, value))

    def to_dict(self) -> Dict[Any, Any]:
        """The value as plain dicts."""
        return {key: _plain(item) for key, item in self.items()}

    def copy(self) -> ConfigValue:
        """The same value."""
        return ConfigValue(self)

    __copy__ = copy

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(key) from None

    def __dir__(self) -> List[str]:
        return [*dir(type(self)), *(key for key in self if isinstance(key, str) and key.isidentifier())]

    def __reduce__(self) -> Tuple[type[ConfigValue], Tuple[Dict[Any, Any]]]:
        return ConfigValue, (self.to_dict(),)

    def _immutable(self, *_: Any, **__: Any) -> Any:
        raise TypeError("ConfigValue is immutable")

    __setattr__ = __delattr__ = _immutable
    if not TYPE_CHECKING:
        clear = pop = popitem = setdefault = update = _immutable
        __setitem__ = __delitem__ = __ior__ = _immutable


def is_mapping(value: object) -> bool:
    """Whether a value has keys."""
    from collections.abc import Mapping

    return isinstance(value, Mapping)


def is_collection(value: object) -> bool:
    """Whether a value has items that are looked into: a list, tuple or set."""
    return isinstance(value, (list, tuple, set))


def _wrapped(value: Any) -> Any:
    if isinstance(value, ConfigValue):
        return value
    return ConfigValue(value) if is_mapping(value) else _each(value, _wrapped)


def _plain(value: Any) -> Any:
    return {key: _plain(item) for key, item in value.items()} if is_mapping(value) else _each(value, _plain)


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    return type(value)([change(item) for item in value]) if is_collection(value) else value
