"""What expressions evaluate to, beside Python's own plain data.

What is known is a plain Python value: numbers, strings, and lists, tuples, sets and dicts, shared by reference as in
Python. They may hold the objects of this module.
"""

from __future__ import annotations

import ast
import copy
import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, cast
from uuid import UUID

from flowc_compiler.source import Span

if TYPE_CHECKING:
    from flowc_compiler.evaluate.applied_decorators import AppliedDecorator
    from flowc_compiler.evaluate.reachable_state import State
    from flowc_compiler.syntax.modules import ModuleView

Environment = dict[str, object]
"""Names and what they stand for: of a function's body, a class, or a module."""
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
PLAIN = (str, int, float, complex, bool, bytes, type(None), type(...))
"""Types of plain data, beside list, tuple, set and dict."""
LIBRARY_TYPES = (dt.date, dt.time, dt.timedelta, dt.timezone, PurePosixPath, UUID)
"""Immutable values of Python's library that are known as they are."""
NAMED_TUPLE = "namedtuple "
"""How the names of classes of named tuples begin."""
ATOMS = frozenset(PLAIN)
"""The same, to compare types with: an object of one of them has nothing in it."""


def is_kind(value: object, *kinds: type) -> bool:
    """`isinstance`, for values whose entries may be anything."""
    return isinstance(value, kinds)


def parts_of_container(value: object) -> list[object]:
    """The entries of a list, tuple or set, and the values of a dict."""
    entries = cast("dict[object, object]", value)
    return list(entries.values() if isinstance(value, dict) else entries)


def parts_to_look_into(value: object) -> Collection[object]:
    """The entries of a list, tuple, set or dict, keys included; none where all are plain, as in most that are long."""
    parts = cast("Collection[object]", value)
    if is_kind(value, dict):
        parts = [*parts, *cast("dict[object, object]", value).values()]
    return () if set(map(type, parts)) <= ATOMS else parts


def with_replaced(value: object, replace: Callable[[object], object]) -> object:
    """A value with other parts in it. Lists, tuples and dicts are copied where a part changes, each of them once."""
    known: dict[int, object] = {}

    def replaced(part: object) -> object:
        new = replace(part)
        if new is not part or not is_kind(part, dict, list, tuple) or not parts_to_look_into(part):
            return new
        if id(part) not in known:
            known[id(part)] = part  # until it is done: what is met before holds itself
            known[id(part)] = copied(part)
        return known[id(part)]

    def copied(part: object) -> object:
        old = cast("dict[object, object]", part)
        parts = [*old, *old.values()] if is_kind(part, dict) else list(old)
        new = [replaced(item) for item in parts]
        if all(one is other for one, other in zip(new, parts, strict=True)):
            return part
        if is_kind(part, dict):
            return dict(zip(new[: len(old)], new[len(old) :], strict=True))
        return new if is_kind(part, list) else tuple(new)

    return replaced(value)


def plain_copy(value: object) -> object:
    """A deep copy of plain data. Each tuple is gone into once, and not, as by Python, once for each place of it."""
    pending: list[tuple[object, bool]] = [(value, False)]
    seen, unchanged = set[int](), dict[int, object]()
    while pending:
        found, is_done = pending.pop()
        if is_done:
            parts = cast("Sequence[object]", found)
            if all(type(item) in ATOMS or id(item) in unchanged for item in parts):
                unchanged[id(parts)] = parts
        elif is_kind(found, dict, list, tuple, set, frozenset) and id(found) not in seen:
            seen.add(id(found))
            if is_kind(found, tuple):
                pending.append((found, True))
            pending.extend((item, False) for item in parts_to_look_into(found))
    return copy.deepcopy(value, unchanged)


class Undetermined:
    """A value whose content is not known when the file is compiled."""


class RuntimeValue(Undetermined):
    """A value that exists when the flow runs, such as the result of a step."""


@dataclass(frozen=True, eq=False)
class Unresolved(Undetermined):
    """A value that flowc cannot compute, and why."""

    message: str
    """Empty where a diagnostic says it already."""
    help: str = ""
    options: tuple[object, ...] = ()
    """Values that it may be, or share parts with."""
    code: str = "FC115"
    """The code of the diagnostic, where a pipeline's body needs the value."""
    wrong: bool = False
    """Whether Python itself would fail."""
    is_choice: bool = False
    """Whether it is exactly one of the options."""

    @property
    def reason(self) -> str:
        """Why it is not known, as a clause."""
        return self.message


@dataclass(frozen=True, eq=False)
class Foreign(Unresolved):
    """A module that is installed somewhere, or what it defines: `os`, `json.loads`, `flowc.step`."""

    path: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why it is not known, as a clause."""
        shown = ".".join(self.path).replace(".()", "(...)").replace(".[]", "[...]")
        return f"`{shown}` {self.message}" if self.message else ""


@dataclass(frozen=True, eq=False)
class OpenedFile:
    """A file of the project that the code opens to read it."""

    text: str
    name: str
    is_text: bool = True
    readers: set[ast.AST] = field(default_factory=set[ast.AST])
    """Where it has been read: what a second call would give is not known."""


@dataclass(frozen=True)
class ReadVariable:
    """Of an unknown value: that it is a variable of the environment itself."""

    name: str
    required: bool = True
    """Whether it has to be set where the file is executed; otherwise the file may set it, too."""


class Located(NamedTuple):
    """A value depends on a place of this machine: where a file or the current folder is."""

    file: str = ""
    """The path of the file; nothing for the current folder and the home."""


class VariableDefault(NamedTuple):
    """A value depends on a variable of the environment, for which the code's own default stands."""

    name: str
    read: str
    """The text of the expression that reads the variable."""
    value: object
    """What stands for it."""
    span: Span
    is_given: bool = True
    """Whether the code gives a default; None stands for the variable otherwise."""


@dataclass(frozen=True, eq=False)
class Assumed(Unresolved):
    """A value that is known under assumptions: what a task computes from the same code may be another one."""

    value: object = None
    assumptions: tuple[Located | VariableDefault, ...] = ()

    @property
    def is_located(self) -> bool:
        """Whether it depends on this machine's folders."""
        return any(isinstance(item, Located) for item in self.assumptions)

    @property
    def is_beside_file(self) -> bool:
        """Whether it depends on where a file is, and on no other folder of this machine."""
        places = [item for item in self.assumptions if isinstance(item, Located)]
        return bool(places) and all(item.file for item in places)


@dataclass(frozen=True, eq=False)
class ConfigReference(Unresolved):
    """The value of a `Config` or of a `config_expr`, or an entry of it, which the front end looks up."""

    call: ast.Call | None = None
    """The call that makes the config or expression."""
    name: str = ""
    """The name of the config."""
    expression: str | None = None
    """The text of a `config_expr`."""
    view: ModuleView | None = None
    path: tuple[object, ...] = ()


class ConfigTree(dict[str, object]):
    """A mapping in the value of a config: its entries are read as attributes, too."""


@dataclass(eq=False)
class Function:
    """A function of the flow's files, or a lambda: calls of it are evaluated in place."""

    view: ModuleView
    node: FunctionNode | ast.Lambda
    closure: tuple[Environment, ...] = ()
    """The names of the functions around it, innermost first; none for a function of a module."""
    defaults: Environment = field(default_factory=dict[str, object])
    """Values of its parameters' defaults, as of when it was defined."""
    owner: ClassObject | None = None
    """The class whose method it is."""
    wraps: Function | None = None
    """The function whose name it has by `functools.wraps`."""
    applied: tuple[AppliedDecorator, ...] = ()
    """The decorators of the runtime that decorators of the user's have applied to it."""
    is_cached: bool = False
    """Whether it has the decorator `functools.cache` or `lru_cache`: what it returns is one object for all calls."""

    @property
    def name(self) -> str:
        """The name of the function."""
        if self.wraps is not None:
            return self.wraps.name
        return "<lambda>" if isinstance(self.node, ast.Lambda) else self.node.name


@dataclass(frozen=True, eq=False)
class Builtin:
    """A function of Python's that is called on known values, such as `len` or `math.sqrt`."""

    name: str
    function: Callable[..., object]


@dataclass(frozen=True, eq=False)
class BoundMethod:
    """A method of a value, such as `text.split`, `work.map` or that of an instance."""

    owner: object
    name: str
    function: Function | None = None
    """For a method of a class of the file."""


@dataclass(frozen=True, eq=False)
class Partial:
    """`functools.partial(function, ...)`."""

    function: object
    positional: tuple[object, ...]
    keywords: Mapping[str, object]


@dataclass(eq=False)
class ClassObject:
    """A class of the flow's files."""

    name: str
    view: ModuleView
    node: ast.ClassDef
    bases: tuple[ClassObject, ...]
    namespace: Environment
    kind: str = "plain"
    """`plain`, `enum`, `dataclass`, or `opaque` where what it does is not known."""
    fields: Environment = field(default_factory=dict[str, object])
    """Of a dataclass: the default of each field, `MISSING` where it has none."""
    options: set[str] = field(default_factory=set[str])
    """Of a dataclass: the arguments of its decorator, such as `frozen`."""
    applied: tuple[AppliedDecorator, ...] = ()
    """The decorators of the runtime that decorators of the user's have applied to it."""

    @property
    def is_frozen(self) -> bool:
        """Whether attributes of its objects may not be assigned."""
        return "frozen" in self.options

    def mro(self) -> list[ClassObject]:
        """The classes that attributes are looked up in, in order."""
        found: dict[ClassObject, None] = {}
        for item in [self, *(other for base in self.bases for other in base.mro())]:
            found.pop(item, None)
            found[item] = None
        return list(found)

    def find(self, name: str) -> object:
        """An attribute of the class or of its bases, not bound to an instance; MISSING if there is none."""
        return next((item.namespace[name] for item in self.mro() if name in item.namespace), MISSING)


@dataclass(frozen=True, eq=False)
class Constructed(Unresolved):
    """An object of a class whose own code makes it: what is in it is unknown, and how it is made is known."""

    of: ClassObject | None = None
    positional: tuple[object, ...] = ()
    keywords: Mapping[str, object] = field(default_factory=dict[str, object])
    changes: list[Unresolved] = field(default_factory=list[Unresolved])
    """What may have changed it since."""

    @property
    def unresolved(self) -> Unresolved:
        """What stands for anything that is made of the object: it must not be taken for the object itself."""
        return Unresolved(self.message, self.help, (self,), self.code)


@dataclass(eq=False)
class Instance:
    """An object of a class of the file, or a namespace such as `SimpleNamespace(x=1)`, which has no class."""

    of: ClassObject | None
    attributes: Environment = field(default_factory=dict[str, object])


@dataclass(eq=False)
class Member(Instance):
    """A member of an enumeration whose members are text or numbers: it is equal to its value."""

    plain: object = None

    def __eq__(self, other: object) -> bool:
        return self.plain == (other.plain if isinstance(other, Member) else other)

    def __hash__(self) -> int:
        return hash(self.plain)


@dataclass(eq=False)
class Module:
    """A local module."""

    view: ModuleView
    namespace: Environment


@dataclass(frozen=True, eq=False)
class Descriptor:
    """A method under `@property`, `@staticmethod` or `@classmethod`."""

    kind: str
    function: object
    setter: object = None
    """Of a property: the function that an assignment calls."""


@dataclass(frozen=True, eq=False)
class DictView:
    """`mapping.keys()`, `.values()` or `.items()`, which shows what the dict holds later."""

    owner: dict[object, object]
    kind: str

    def entries(self) -> list[object]:
        """What is in it now."""
        return list(getattr(self.owner, self.kind)())


class Iterator:
    """What a generator, `zip`, `map` and the like give: it makes its items when the first is needed, and only once."""

    def __init__(
        self, make: Callable[[], Iterable[object]], watch: Callable[[], tuple[State, object]] | None = None
    ) -> None:
        self.watch = watch
        """Of a generator: what tells whether something changed that its code reads."""
        self._make: Callable[[], Iterable[object]] | None = make
        self._items: list[object] = []
        self.touched = False
        """Whether something was taken out of it."""

    @property
    def is_made(self) -> bool:
        """Whether its items are made."""
        return self._make is None

    def items(self) -> list[object]:
        """The items that are left, in reverse order: taking one is popping it off the end."""
        self.touched = True
        if self._make is not None:
            make, self._make = self._make, None
            self._items = list(make())[::-1]
        return self._items


class Missing:
    """Stands for a value that is not there."""


MISSING = Missing()


@dataclass(frozen=True, eq=False)
class SettingsObject:
    """An object of a class for settings, such as `ResourceSettings(memory="4GB")`; nothing of it is checked yet."""

    kind: str
    """The name of its class."""
    fields: Mapping[str, object]
    """A value that is not known is `Unresolved`, which does not matter where nothing reads it."""
    nodes: Mapping[str, ast.expr]
    """The expression that each field was given as."""
    view: ModuleView
    """The file that it is made in."""
