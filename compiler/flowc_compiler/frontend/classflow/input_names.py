"""Which names in a join stand for its inputs, for one of them, or for that of an arm."""

from __future__ import annotations

import ast

_LISTS = {"list", "tuple", "iter", "reversed", "sorted"}
_PICKS = {"next", "max", "min"}
_WHOLE = "*"
"""What a name is bound to that stands for the inputs as the join gets them."""


class InputNames:
    """The names that are bound to inputs, while a join's body is walked."""

    def __init__(self, name: str) -> None:
        self.name = name
        """The join's second parameter; empty in other functions."""
        self.bound: dict[str, str | None] = {name: _WHOLE} if name else {}
        """Name to the arm that the input is of, empty for any; `None` for a list of inputs, `*` for all as given."""

    @property
    def whole(self) -> str:
        """The parameter, where it still has the inputs as the join gets them; else empty."""
        return self.name if self.bound.get(self.name) == _WHOLE else ""

    def copy(self) -> dict[str, str | None]:
        """The names as they are now."""
        return dict(self.bound)

    def is_whole(self, node: ast.AST) -> bool:
        """Whether an expression is the inputs as the join gets them."""
        return isinstance(node, ast.Name) and self.bound.get(node.id) == _WHOLE

    def is_inputs(self, node: ast.AST) -> bool:
        """Whether an expression iterates over inputs of the join."""
        if not self.bound:
            return False
        match node:
            case ast.Name(id=name):
                return self.bound.get(name, "") in (None, _WHOLE)
            case ast.Attribute(value=value, attr="flows"):
                return self.is_whole(value)
            case ast.Subscript(value=value, slice=ast.Slice()):
                return self.is_inputs(value)
            case ast.Call(func=ast.Name(id=called), args=[first, *_]) if called in _LISTS:
                return self.is_inputs(first)
            case _:
                return False

    def item(self, node: ast.AST) -> str | None:
        """The arm of the input that an expression is, empty for any; `None` for anything else."""
        if not self.bound:
            return None
        match node:
            case ast.Name(id=name):
                arm = self.bound.get(name)
                return arm if arm != _WHOLE else None
            case ast.Subscript(value=value, slice=place) if not isinstance(place, ast.Slice):
                return "" if self.is_inputs(value) else None
            case ast.Attribute(value=value, attr=name) if name != "flows":
                return name if self.is_whole(value) else None
            case ast.Call(func=ast.Name(id=called), args=[first, *_]) if called in _PICKS:
                return "" if self.is_inputs(first) else None
            case ast.Call(func=ast.Name(id="getattr"), args=[first, ast.Constant(value=str(name))]):
                return name if self.is_whole(first) else None
            case _:
                return None

    def bind(self, target: ast.expr, value: ast.expr) -> None:
        """Bind a name, or the parts of a tuple, to what a value is."""
        if not self.bound:
            return
        if isinstance(target, ast.Name):
            arm = self.item(value)
            if arm is not None:
                self.bound[target.id] = arm
            elif self.is_inputs(value):
                self.bound[target.id] = _WHOLE if self.is_whole(value) else None
            else:
                self.bound.pop(target.id, None)
            return
        self.forget(target)
        if isinstance(target, ast.Tuple | ast.List) and self.is_inputs(value):
            for part in target.elts:
                if isinstance(part, ast.Name):
                    self.bound[part.id] = ""

    def bind_item(self, target: ast.expr, iterated: ast.expr) -> None:
        """Bind the target of a loop to an item of what it iterates over."""
        if not self.bound:
            return
        self.forget(target)
        match iterated:
            case _ if self.is_inputs(iterated):
                parts: list[tuple[ast.expr, ast.expr]] = [(target, iterated)]
            case ast.Call(func=ast.Name(id="enumerate"), args=[first, *_]) if isinstance(target, ast.Tuple):
                parts = [(target.elts[-1], first)] if len(target.elts) == 2 else []
            case ast.Call(func=ast.Name(id="zip"), args=args) if isinstance(target, ast.Tuple):
                parts = list(zip(target.elts, args, strict=False))
            case _:
                parts = []
        for part, source in parts:
            if isinstance(part, ast.Name) and self.is_inputs(source):
                self.bound[part.id] = ""

    def forget(self, target: ast.AST) -> None:
        """Forget the names that a target binds."""
        if self.bound:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    self.bound.pop(node.id, None)
