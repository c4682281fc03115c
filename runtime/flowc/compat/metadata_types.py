"""The types of values in metadata: `zenml.metadata.metadata_types`."""

from __future__ import annotations

from typing import Any, Dict, List, Set, Tuple, Union

from flowc.compat.zenml_types import StrEnum


class Uri(str):
    """An address."""

    __slots__ = ()


class Path(str):
    """A path."""

    __slots__ = ()


class DType(str):
    """A type of data."""

    __slots__ = ()


class StorageSize(int):
    """A number of bytes."""

    __slots__ = ()


MetadataType = Union[str, int, float, bool, Dict[Any, Any], List[Any], Set[Any], Tuple[Any, ...], Uri, Path, DType, StorageSize]  # fmt: skip  # noqa: E501
MetadataTypeTuple = (str, int, float, bool, dict, list, set, tuple, Uri, Path, DType, StorageSize)


class MetadataTypeEnum(StrEnum):
    """The types, by their names."""

    STRING = "str"
    INTEGER = "int"
    FLOAT = "float"
    BOOL = "bool"
    DICT = "dict"
    LIST = "list"
    SET = "set"
    TUPLE = "tuple"
    URI = "Uri"
    PATH = "Path"
    DTYPE = "DType"
    STORAGE_SIZE = "StorageSize"
