"""Classes of the file with constants and plain methods: their bodies, their objects, and attributes of both."""

from __future__ import annotations

import ast
from collections import namedtuple
from functools import partial
from typing import Any, TypeGuard, cast

from flowc_compiler.evaluate.constructed import constructed
from flowc_compiler.evaluate.enumerations import (
    ENUMS,
    MIXED_TYPES,
    enumeration_of,
    has_enum,
    make_members,
    member_called,
)
from flowc_compiler.evaluate.evaluation_state import (
    BoundValue,
    CallArguments,
    EvaluationError,
    ExitError,
    Frame,
    RaisedError,
)
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.exceptions import is_exception
from flowc_compiler.evaluate.functions import call_function
from flowc_compiler.evaluate.operations import size
from flowc_compiler.evaluate.targets import is_descriptor
from flowc_compiler.evaluate.values import (
    MISSING,
    NAMED_TUPLE,
    BoundMethod,
    Builtin,
    ClassObject,
    Constructed,
    Descriptor,
    Environment,
    Foreign,
    Function,
    FunctionNode,
    Instance,
    Undetermined,
    Unresolved,
    is_kind,
)
from flowc_compiler.syntax.served_imports import callee, dotted
from flowc_compiler.syntax.tree_walk import bound_names, unquoted

_PLAIN_BASES = frozenset({("abc", "ABC"), ("typing", "Protocol"), ("typing", "Generic"), ("flowc", "FlowSpec")})
_SPECIAL = frozenset(
    {"__new__", "__getattribute__", "__getattr__", "__setattr__", "__init_subclass__", "__class_getitem__",
     "__set_name__", "__slots__", "__del__"}
)  # fmt: skip
"""Methods with which a class does something else than classes do."""


def define_class(evaluator: Evaluator, item: ast.ClassDef) -> object:
    """What a class statement makes: its body is executed in order, at its place."""
    frame = evaluator.frame
    recording = evaluator.recorded is None and len(evaluator.frames) == 1
    if recording:
        evaluator.recorded = evaluator.records
    try:
        decorators = [(node, evaluate_decorator(evaluator, node)) for node in item.decorator_list]
        bases = [enumeration_of(evaluator.lookup(node)) for node in item.bases]
        keywords = [evaluator.lookup(keyword.value) for keyword in item.keywords]
        namespace: Environment = {}
        inner = Frame(frame.view, namespace, _around(frame), bound_names(item.body), is_class=True)
        with evaluator.within(inner):
            evaluator.execute(item.body)
    finally:
        if recording:
            evaluator.recorded = None
    parents = tuple(base for base in bases if isinstance(base, ClassObject))
    made = ClassObject(item.name, frame.view, item, parents, namespace, _kind(item, bases, namespace))
    for value in namespace.values():
        function = value.function if isinstance(value, Descriptor) else value
        if isinstance(function, Function) and function.owner is None:
            function.owner = made
    _run_hooks(evaluator, made, keywords, item)
    if made.kind == "enum":
        make_members(evaluator, made, bases)
    return _decorated(evaluator, made, decorators)


_MOST_CHARACTERS = 10_000
"""Of the name and the fields of a `namedtuple`, which is compiled by Python when it is made."""


def named_tuple(evaluator: Evaluator, node: ast.AST, *arguments: object, **keywords: object) -> Builtin:
    """The class that `namedtuple` makes of plain arguments: what it makes are Python's own named tuples."""
    if sum(map(size, arguments)) > _MOST_CHARACTERS:
        raise evaluator.refuse("FC114", "this class has too many fields", node, "write a dataclass")
    made = evaluator.computed(node, partial(cast("Any", namedtuple), *arguments, **keywords))
    return Builtin(f"{NAMED_TUPLE}{arguments[0]}", cast("type", made))


def _run_hooks(evaluator: Evaluator, made: ClassObject, keywords: list[object], item: ast.ClassDef) -> None:
    """Note that Python calls `__init_subclass__`, `__set_name__` and a metaclass when it makes a class."""
    hooks = [base.namespace["__init_subclass__"] for base in made.mro()[1:] if "__init_subclass__" in base.namespace]
    for value in made.namespace.values():
        if isinstance(value, Instance) and value.of is not None:
            hooks += [base.namespace["__set_name__"] for base in value.of.mro() if "__set_name__" in base.namespace]
    hooks += [value for value in keywords if isinstance(value, ClassObject | Function)]
    if hooks and evaluator.lenient:
        callee = Unresolved(f"making the class `{made.name}` calls functions", "", tuple(hooks))
        name = ast.copy_location(ast.Name(item.name, ast.Load()), item)
        evaluator.call(callee, CallArguments([BoundValue(made, name)]), name)


def evaluate_decorator(evaluator: Evaluator, node: ast.expr) -> object:
    """What a decorator is, before it is called."""
    try:
        return evaluator.lookup(node)
    except RaisedError as error:
        return Unresolved(error.diagnostic.message, error.diagnostic.help, wrong=True)


def _around(frame: Frame) -> tuple[Environment, ...]:
    return frame.closure if frame.is_class or frame.function is None else (frame.environment, *frame.closure)


def _kind(item: ast.ClassDef, bases: list[object], namespace: Environment) -> str:
    if item.keywords or namespace.keys() & _SPECIAL:
        return "opaque"
    kind = "plain"
    for base in bases:
        if isinstance(base, Foreign) and base.path == ("flowc", "FlowSpec"):
            return "flow"
        if isinstance(base, ClassObject) and base.kind == "flow":
            return "flow"
        if isinstance(base, ClassObject) and base.kind in {"plain", "opaque", "exception"}:
            kind = base.kind if base.kind != "plain" else kind
        elif isinstance(base, ClassObject) and base.kind == "enum":
            if len(bases) > 1 or not base.options:
                return "opaque"
            kind = "enum"
        elif isinstance(base, ClassObject):
            return "inherits"
        elif isinstance(base, Foreign) and base.path in ENUMS:
            kind = "enum"
        elif isinstance(base, Builtin) and base.name in MIXED_TYPES and has_enum(bases):
            continue
        elif isinstance(base, Builtin) and is_exception(base):
            kind = "exception"
        elif not (isinstance(base, Foreign) and base.path in _PLAIN_BASES) and not _is_object(base):
            return "mixed" if isinstance(base, Builtin) and len(bases) > 1 else "opaque"
    return kind


def _is_object(value: object) -> bool:
    return isinstance(value, Builtin) and value.name == "object"


def _decorated(evaluator: Evaluator, made: ClassObject, decorators: list[tuple[ast.expr, object]]) -> object:
    value: object = made
    for node, decorator in reversed(decorators):
        path = _foreign_path(evaluator, callee(node))
        if path == ("dataclasses", "dataclass"):
            options = {item.arg for item in node.keywords} if isinstance(node, ast.Call) else set[str | None]()
            if made.kind in {"plain", "inherits"} and options <= {"frozen", "slots", "kw_only", "repr", "order"}:
                made.options.update(filter(None, options))
                _make_dataclass(evaluator, made)
            else:
                made.kind = "opaque"
        elif path[:1] in {("flowc",), ("metaflow",), ("zenml",)} or path == ("enum", "unique"):
            continue  # decorators of flows leave the class as it is
        else:
            value = evaluator.decorate_with(decorator, value, node)
    if made.kind == "inherits":
        made.kind = "opaque"
    return value


def _foreign_path(evaluator: Evaluator, node: ast.expr) -> tuple[str, ...]:
    served = evaluator.served_name(node)
    if served is not None:
        return ("flowc", served)
    value = evaluator.lookup(node)
    return value.path if isinstance(value, Foreign) else ()


def _make_dataclass(evaluator: Evaluator, made: ClassObject) -> None:
    made.kind = "dataclass"
    for base in reversed(made.mro()[1:]):
        made.fields.update(base.fields)
    for item in made.node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            path = _annotation_path(evaluator, item.annotation)
            if path[-1:] == ("ClassVar",):
                continue
            default = made.namespace.get(item.target.id, MISSING)
            if path[:1] == ("dataclasses",) or _is_special_field(default):
                made.kind = "opaque"
                return
            if is_kind(default, list, dict, set):
                message = f"the default of `{item.target.id}` is mutable"
                refused = evaluator.refuse("FC112", message, item, "write `field(default_factory=...)`")
                raise RaisedError(refused.diagnostic, ValueError(message))
            made.fields[item.target.id] = default
        elif any(isinstance(inner, ast.AnnAssign) for inner in ast.walk(item)) and not isinstance(
            item, FunctionNode | ast.ClassDef | ast.AnnAssign
        ):
            made.kind = "opaque"
            return


def _annotation_path(evaluator: Evaluator, node: ast.expr) -> tuple[str, ...]:
    """The path of what an annotation names, such as `typing.ClassVar`, without what stands in brackets."""
    node = unquoted(node)
    node = node.value if isinstance(node, ast.Subscript) else node
    if not isinstance(node, ast.Name | ast.Attribute):
        return ()
    try:
        value = evaluator.lookup(node)
    except EvaluationError:
        return ()
    return value.path if isinstance(value, Foreign) else ()


def _is_special_field(default: object) -> bool:
    """Whether a default is a `field(...)` with an argument that changes what `__init__` takes."""
    return _is_field(default) and bool(default.attributes.keys() & {"init", "kw_only"})


def _is_field(default: object) -> TypeGuard[Instance]:
    return isinstance(default, Instance) and default.of is None


def descriptor_of(evaluator: Evaluator, decorator: ast.expr, value: object) -> Descriptor | None:
    """What `@property`, `@name.setter`, `@staticmethod` and `@classmethod` make in a class."""
    if not (evaluator.frame.is_class and isinstance(value, Function)):
        return None
    match decorator:
        case ast.Attribute(value=ast.Name(id=name), attr="setter"):
            read = evaluator.frame.environment.get(name)
            if isinstance(read, Descriptor) and read.kind == "property":
                return Descriptor("property", read.function, value)
            return None
        case ast.Name():
            pass
        case _:
            return None
    return Descriptor(decorator.id, value) if decorator.id in {"property", "staticmethod", "classmethod"} else None


def call_class(evaluator: Evaluator, of: ClassObject, arguments: CallArguments, node: ast.expr) -> object:
    """A new object of a class."""
    if of.kind == "flow":  # runs it: what follows is not reached, in a task neither
        raise ExitError
    if of.kind == "enum":
        return member_called(evaluator, of, arguments, node)
    if of.kind not in {"plain", "dataclass"} or any(item.kind == "opaque" for item in of.mro()):
        why = Unresolved(f"flowc cannot tell what the class `{of.name}` makes of its arguments")
        later = constructed(evaluator, of, arguments, why)
        passed = (item.value for item in arguments.all())  # a model keeps another one as it is
        evaluator.escape(of, *(value for value in passed if not (later and isinstance(value, Constructed))), why=why)
        if later is not None:
            return later
        raise evaluator.refuse_unresolved(why, node)
    made = Instance(of)
    first = next((item for item in of.mro() if item.kind == "dataclass" or "__init__" in item.namespace), of)
    initialize = first.namespace.get("__init__")
    if _is_abstract(of) or (first.kind == "dataclass" and arguments.positional and _takes_only_names(of)):
        raise evaluator.refuse("FC115", f"flowc cannot tell whether `{of.name}` takes this", node, "write it out")
    if isinstance(initialize, Function):
        given = CallArguments([BoundValue(made, node), *arguments.positional], arguments.keywords, arguments.open)
        call_function(evaluator, initialize, given, node)
    elif initialize is None and first.kind == "dataclass":
        _fill_fields(evaluator, of, made, arguments, node)
    elif arguments.all():
        raise evaluator.refuse("FC113", f"`{of.name}` takes no arguments", node, "leave them out")
    return made


def _takes_only_names(of: ClassObject) -> bool:
    return any("kw_only" in item.options for item in of.mro())


def _is_abstract(of: ClassObject) -> bool:
    """Whether a method under `@abstractmethod` is left, so that Python may refuse to make an object."""
    for item in of.mro():
        for method in item.node.body:
            if isinstance(method, FunctionNode) and of.find(method.name) is item.namespace.get(method.name):
                names = [(dotted(decorator) or ("",))[-1] for decorator in method.decorator_list]
                if any(name.startswith("abstract") for name in names):
                    return True
    return False


def _fill_fields(
    evaluator: Evaluator, of: ClassObject, made: Instance, arguments: CallArguments, node: ast.expr
) -> None:
    names = list(of.fields)
    if len(arguments.positional) > len(names) or arguments.open or arguments.keywords.keys() - of.fields.keys():
        raise evaluator.refuse("FC113", f"the arguments do not fit `{of.name}`", node, f"it takes {', '.join(names)}")
    given = {**dict(zip(names, arguments.positional, strict=False)), **arguments.keywords}
    for name, default in of.fields.items():
        if name in given:
            made.attributes[name] = given[name].value
        elif isinstance(default, Instance) and default.of is None and default.attributes.keys() & _FIELD:
            factory = default.attributes.get("default_factory")
            made.attributes[name] = (
                default.attributes["default"] if factory is None else evaluator.call(factory, CallArguments(), node)
            )
        elif default is MISSING:
            raise evaluator.refuse("FC113", f"`{of.name}` is missing the argument `{name}`", node, "name it")
        else:
            made.attributes[name] = default
    after = of.find("__post_init__")
    if isinstance(after, Function):
        call_function(evaluator, after, CallArguments([BoundValue(made, node)]), node)


_FIELD = frozenset({"default", "default_factory"})


def class_attribute(evaluator: Evaluator, of: ClassObject, name: str, node: ast.expr) -> object:
    """`Class.name`."""
    if name in {"__name__", "__qualname__"}:
        return of.name
    for item in of.mro():
        if (poison := evaluator.poisoned.get(id(item.namespace))) is not None:
            return poison[1]
    found = of.find(name)
    if any(item.kind in {"opaque", "mixed"} for item in of.mro()) or found is MISSING or name.startswith("__"):
        if of.kind == "enum" and name == "__members__":
            return {key: value for key, value in of.namespace.items() if isinstance(value, Instance)}
        raise _no_attribute(evaluator, of, name, node)
    if isinstance(found, Descriptor):
        function = found.function
        if found.kind == "classmethod" and isinstance(function, Function):
            return BoundMethod(of, name, function)
        return function if found.kind == "staticmethod" else Unresolved("it is a property")
    if is_descriptor(found):
        raise _no_attribute(evaluator, of, name, node)
    return found


def instance_attribute(  # noqa: PLR0912 - one case for each place that Python looks in
    evaluator: Evaluator, owner: Instance, name: str, node: ast.expr
) -> object:
    """`object.name`."""
    poison = evaluator.poisoned.get(id(owner.attributes))
    if poison is not None:
        return poison[1]
    found = owner.of.find(name) if owner.of is not None else MISSING
    if isinstance(found, Descriptor) and found.kind == "property" and isinstance(found.function, Function):
        return call_function(evaluator, found.function, CallArguments([BoundValue(owner, node)]), node)
    if is_descriptor(found) or (isinstance(found, Undetermined) and name in owner.attributes):
        raise _no_attribute(evaluator, owner, name, node)
    if name in owner.attributes:
        return owner.attributes[name]
    if name == "__dict__":
        return owner.attributes
    for item in owner.of.mro() if owner.of is not None else ():
        if (poison := evaluator.poisoned.get(id(item.namespace))) is not None:
            return poison[1]
    if owner.of is None or any(item.kind == "opaque" for item in owner.of.mro()):
        if name == "__class__" and owner.of is not None:
            return owner.of
        raise _no_attribute(evaluator, owner, name, node)
    if isinstance(found, Function):
        return BoundMethod(owner, name, found)
    if isinstance(found, Descriptor) and isinstance(found.function, Function):
        if found.kind == "staticmethod":
            return found.function
        return BoundMethod(owner.of, name, found.function)
    if found is MISSING or is_descriptor(found):
        raise _no_attribute(evaluator, owner, name, node)
    return found


def super_attribute(evaluator: Evaluator, name: str, node: ast.expr) -> object:
    """`super().name` in a method."""
    frame = evaluator.frame
    while frame.around is not None:
        frame = frame.around
    owner = frame.function.owner if frame.function is not None else None
    receiver = frame.first_receiver
    if owner is not None and isinstance(receiver, Instance) and receiver.of is not None:
        order = receiver.of.mro()
        later = order[order.index(owner) + 1 :] if owner in order else []
        for item in later:
            found = item.namespace.get(name)
            if isinstance(found, Function) and item.kind != "opaque":
                return BoundMethod(receiver, name, found)
        if name == "__init__" and all(item.kind == "plain" for item in order):
            return Builtin("typing.cast", lambda: None)
    raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the class", receiver)


def _no_attribute(evaluator: Evaluator, owner: object, name: str, node: ast.expr) -> EvaluationError:
    message = f"the value of the attribute `{name}` is unknown"
    return evaluator.refuse("FC115", message, node, "write the value out", owner)
