"""Classes that are known without reading them: of Python's standard library, and a few that many flows annotate with.

The relations of standard classes come from the classes themselves. They are classes of Python, not of the user's code.
"""

from __future__ import annotations

import builtins
import importlib
from enum import IntEnum
from functools import cache

MODULES = frozenset(
    {
        "array", "builtins", "collections", "collections.abc", "datetime", "decimal", "enum", "fractions",
        "ipaddress", "numbers", "os", "pathlib", "re", "string", "uuid",
    }
)  # fmt: skip
"""Modules of the standard library whose classes are distinct types. They run nothing when they are imported."""

TYPING = frozenset({"typing", "typing_extensions"})

FOREIGN = {
    "datasets.Dataset", "lightgbm.Booster", "numpy.ndarray", "pandas.DataFrame", "pandas.Index", "pandas.Series",
    "PIL.Image.Image", "polars.DataFrame", "polars.LazyFrame", "polars.Series", "pyarrow.Table",
    "pydantic.BaseModel", "pydantic_settings.BaseSettings", "sklearn.base.BaseEstimator",
    "sklearn.base.ClassifierMixin", "sklearn.base.ClusterMixin", "sklearn.base.OutlierMixin",
    "sklearn.base.RegressorMixin", "sklearn.base.TransformerMixin", "sklearn.pipeline.Pipeline", "torch.Tensor",
    "torch.nn.Module", "torch.utils.data.DataLoader", "torch.utils.data.Dataset", "transformers.PreTrainedModel",
    "xgboost.Booster", "xgboost.DMatrix",
}  # fmt: skip
"""Classes of other packages that share no object with Python's own: a DataFrame is no `int`, and a `str` no Tensor."""

SAME = {
    "numpy.typing.NDArray": "numpy.ndarray",
    "pandas.core.frame.DataFrame": "pandas.DataFrame",
    "pandas.core.series.Series": "pandas.Series",
    "pydantic.main.BaseModel": "pydantic.BaseModel",
}
"""Other paths to classes of FOREIGN."""

_TYPING_CLASSES = {
    "List": "list", "Dict": "dict", "Set": "set", "FrozenSet": "frozenset", "Tuple": "tuple", "Text": "str",
    "LiteralString": "str", "AbstractSet": "collections.abc.Set", "Deque": "collections.deque",
    "DefaultDict": "collections.defaultdict", "OrderedDict": "collections.OrderedDict",
    "Counter": "collections.Counter", "ChainMap": "collections.ChainMap", "Pattern": "re.Pattern",
    "Match": "re.Match",
}  # fmt: skip
ITERABLES = frozenset(
    {
        "list", "set", "frozenset", "tuple", "collections.deque", "collections.abc.Iterable",
        "collections.abc.Iterator", "collections.abc.Collection", "collections.abc.Container",
        "collections.abc.Reversible", "collections.abc.Sequence", "collections.abc.MutableSequence",
        "collections.abc.Set", "collections.abc.MutableSet", "collections.abc.Generator",
        "collections.abc.KeysView", "collections.abc.ValuesView",
    }
)  # fmt: skip
"""Classes whose first argument is the type of their items."""

MAPPINGS = frozenset(
    {
        "dict", "collections.abc.Mapping", "collections.abc.MutableMapping", "collections.defaultdict",
        "collections.OrderedDict", "collections.ChainMap",
    }
)  # fmt: skip
"""Classes whose arguments are the types of keys and values."""

_PROMOTIONS = {("int", "float"), ("int", "complex"), ("float", "complex"), ("bool", "float"), ("bool", "complex")}
"""What may stand for what by PEP 484, with no class in common."""


class Verdict(IntEnum):
    """Whether values of one type are accepted as another; the worse is the greater."""

    FITS = 0
    UNKNOWN = 1
    """It is unknown."""
    MAYBE = 2
    """Some values do, others do not: of a base class, or of one member of a union."""
    NO = 3


@cache
def standard_class(name: str) -> type | None:
    """The class of that name, such as `int` or `datetime.date`; `None` where there is none in MODULES."""
    if name == "None":
        return type(None)
    module, _, leaf = name.rpartition(".")
    if (module or "builtins") not in MODULES:
        return None
    found = getattr(importlib.import_module(module or "builtins"), leaf, None)
    return found if isinstance(found, type) else None


def builtin_class(name: str) -> type | None:
    """The builtin class of that name."""
    found = getattr(builtins, name, None)
    return standard_class(name) if isinstance(found, type) else None


@cache
def typing_class(name: str) -> str | None:
    """The class that a name of `typing` stands for, such as `list` for `List`."""
    if name in _TYPING_CLASSES:
        return _TYPING_CLASSES[name]
    abstract = f"collections.abc.{name}"
    return abstract if standard_class(abstract) is not None else None


def is_abstract(name: str) -> bool:
    """Whether a standard class is one that other classes may be instances of without saying so."""
    return name.startswith(("collections.abc.", "numbers.", "os."))


@cache
def relation(source: str, target: str) -> Verdict:
    """Whether objects of one standard class are objects of another; two standard names."""
    below, above = standard_class(source), standard_class(target)
    if below is None or above is None:
        return Verdict.UNKNOWN
    if issubclass(below, above) or (source, target) in _PROMOTIONS:
        return Verdict.FITS
    if is_abstract(source) and target == "collections.abc.Hashable":
        return Verdict.UNKNOWN
    if issubclass(above, below) or (is_abstract(source) and is_abstract(target)):
        return Verdict.MAYBE
    return Verdict.NO
