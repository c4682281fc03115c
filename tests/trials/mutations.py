"""Damage to the text of a file: in its tokens, in its syntax tree, in its lines, in its bytes."""

from __future__ import annotations

import ast
import contextlib
import copy
import re
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random
from typing import cast

_TOKENS = re.compile(
    r"\"\"\".*?\"\"\"|'''.*?'''|\"[^\"\n]*\"|'[^'\n]*'|\w+|\n[ \t]*|[ \t]+|\*\*|->|:=|//|==|!=|<=|>=|[-+*/]=|.",
    re.DOTALL,
)
ODD_TOKENS = (
    "(", ")", "[", "]", "{", "}", ":", ",", ".", "=", ":=", "*", "**", "@", "->", "...", ";", "\\", "\\\n", "\n", "\t",
    "#", "self", "next", "step", "self.next", "foreach", "inputs", "lambda", "lambda: 0", "yield", "await", "async ",
    "global x", "nonlocal x", "del ", "return", "break", "continue", "pass", "if", "else", "for x in y:",
    "while True:", "with a as b:", "try:", "except* E:", "match x:", "case _:", "class X:", "def f(n, n):", "import ",
    "from . import x", "type X = int", "None", "True", "__class__", "super()", "-1", "10**10", "0x", "1_000", "1e999",
    "9" * 400, "1j", "nan", "'", '"', '\"\"\"', "f'{x!r:>{y}}'", "f'{'", "b'\\xff'", "'\\ud800'", "'\\N{DIGIT ONE}'",
    "'\\x00'", "'{{workflow.name}}'", "'$(HOME)'", "é", "\u202e", "\ufeff", "\x00", "\x0c", "\x1b[31m", "\r", "\r\n",
    "\u2028", "\xa0", "\U0001d4d0", "x" * 300, "# coding: undefined\n", "# type: ignore", "[x for x in y]",
    "{**a, 'b': 1}", "(*a,)", "a[1:2, ...]", "print()", "open('CANARY', 'w')", "__import__('canary')",
    "exec('open(\"CANARY\", \"w\")')", "eval('1')",
)  # fmt: skip
"""What is put in where it does not belong."""
ODD_VALUES = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 0.0, -0.0, 1e308, float("inf"), 1j, "", " ", "\n", "\x00",
    "\ud800", "é", "x" * 300, "a/b", "../..", "{{item}}", "$(x)", "%s", "{}", "\u202e", "start", "end", "self", b"",
    b"\xff", ..., (), (1,), "2024-13-01", "1e3", "nan", "0 0 31 2 *", "None", "b64:x", "a" * 70_000,
)  # fmt: skip
"""What constants become."""
_BLOCKS = (
    "if x:\n    pass", "for x in range(3):\n    pass", "while x:\n    pass",
    "with open('CANARY', 'w') as x:\n    pass", "try:\n    pass\nfinally:\n    pass", "def f():\n    pass",
    "async def f():\n    pass", "class X:\n    pass", "match x:\n    case [1, *_]:\n        pass",
    "try:\n    pass\nexcept* ValueError:\n    pass", "async with x:\n    pass",
)  # fmt: skip
_LONGEST = 200_000

Mutation = Callable[[str, Random, Sequence[str]], str]
"""From a text, and the corpus's other texts, to a damaged text."""


@lru_cache(maxsize=4096)
def _split(text: str) -> list[str]:
    """The tokens of a text of the corpus."""
    return _TOKENS.findall(text)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> ast.Module:
    """The tree of a text of the corpus, which nobody changes. Raises SyntaxError and ValueError."""
    return ast.parse(text)


def _tokens(text: str, random: Random, corpus: Sequence[str]) -> str:
    tokens = _TOKENS.findall(text)
    if not tokens:
        return random.choice(ODD_TOKENS)
    solid = [index for index, token in enumerate(tokens) if random.random() < 0.1 or not token.isspace()] or [0]
    at, other = random.choice(solid), random.choice(solid)
    match random.randrange(11):
        case 0:
            del tokens[at]
        case 1:
            tokens.insert(other, tokens[at])
        case 2:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        case 3:
            tokens[at] = random.choice(ODD_TOKENS)
        case 4:
            tokens.insert(at, random.choice(ODD_TOKENS))
        case 5:
            tokens[at] = random.choice(_split(random.choice(corpus)) or [""])
        case 6:
            del tokens[min(at, other) : min(at, other) + random.randrange(1, 12)]
        case _:
            kind = random.choice((str.isidentifier, str.isidentifier, str.isdigit, _is_text, _is_sign))
            theirs = tokens if random.random() < 0.5 else _split(random.choice(corpus))
            places = [index for index, token in enumerate(tokens) if kind(token)] or [at]
            tokens[random.choice(places)] = random.choice([token for token in theirs if kind(token)] or ["x"])
    return "".join(tokens)


def _is_text(token: str) -> bool:
    return token[0] in "'\"" and len(token) > 1


def _is_sign(token: str) -> bool:
    return not (token.isspace() or token.isidentifier() or token[0] in "'\"0123456789()[]{}")


def _lines(text: str, random: Random, corpus: Sequence[str]) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(7):
        case 0:
            del lines[at]
        case 1:
            lines.insert(other, lines[at])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines[at] = random.choice(("    ", "\t", " ", "")) + lines[at].lstrip(" " * random.randrange(8))
        case 4:
            lines = lines[:at]
        case 5:
            theirs = random.choice(corpus).splitlines(keepends=True) or [""]
            start = random.randrange(len(theirs))
            lines[at:at] = theirs[start : start + random.randrange(1, 12)]
        case _:
            lines[at : at + random.randrange(1, 9)] = []
    return "".join(lines)


def _characters(text: str, random: Random, corpus: Sequence[str]) -> str:
    at = random.randrange(len(text) + 1)
    odd = random.choice("\x00\x0b\x0c\x1c\x85\u2028\u202e\ufeff\ud800\udcff()[]{}:\"'\\#@*.,;=\n\r\t é²Ⅳ")
    return text[:at] + odd + text[at + random.randrange(2) :]


def _nodes(tree: ast.AST, kind: type[ast.AST]) -> list[tuple[ast.AST, str, int | None]]:
    """Where nodes of a kind are: their parent, its field, and the place in it."""
    found: list[tuple[ast.AST, str, int | None]] = []
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if isinstance(value, list):
                items = cast("list[object]", value)
                found += [(parent, field, index) for index, item in enumerate(items) if isinstance(item, kind)]
            elif isinstance(value, kind):
                found.append((parent, field, None))
    return found


def _get(place: tuple[ast.AST, str, int | None]) -> ast.AST:
    parent, field, index = place
    value: ast.AST = getattr(parent, field) if index is None else getattr(parent, field)[index]
    return value


def _put(place: tuple[ast.AST, str, int | None], node: ast.AST) -> None:
    parent, field, index = place
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def _tree(text: str, random: Random, corpus: Sequence[str]) -> str:
    try:
        tree = ast.parse(text)
        theirs = _parsed(random.choice(corpus)) if random.random() < 0.5 else tree
    except (SyntaxError, ValueError):
        return _tokens(text, random, corpus)
    kind = random.choice((ast.expr, ast.expr, ast.stmt))
    places, sources = _nodes(tree, kind), _nodes(theirs, kind)
    if not places or not sources:
        return text
    place, source = random.choice(places), copy.deepcopy(_get(random.choice(sources)))
    if kind is ast.stmt:
        _damage_statement(place, source, random)
    else:
        _damage_expression(place, source, random)
    return ast.unparse(ast.fix_missing_locations(tree))


def _damage_statement(place: tuple[ast.AST, str, int | None], source: ast.AST, random: Random) -> None:
    parent, field, index = place
    block: list[ast.AST] = getattr(parent, field)
    assert index is not None
    match random.randrange(4):
        case 0:
            block[index : index + 1] = [] if len(block) > 1 else [ast.Pass()]
        case 1:
            block.insert(index, source)
        case 2:
            block[index] = source
        case _:
            wrapper = ast.parse(random.choice(_BLOCKS)).body[0]
            inner = [node for node in ast.walk(wrapper) if isinstance(getattr(node, "body", None), list)][-1]
            inner.body = [block[index]]  # type: ignore[attr-defined]
            block[index] = wrapper


def _damage_expression(place: tuple[ast.AST, str, int | None], source: ast.AST, random: Random) -> None:
    node = _get(place)
    match node:
        case ast.Constant() if random.random() < 0.6:
            node.value = random.choice(ODD_VALUES)  # type: ignore[assignment]
        case ast.Call() if random.random() < 0.5:
            _damage_call(node, source, random)
        case ast.Name() if random.random() < 0.3:
            node.id = random.choice(("self", "step", "x", "print", "inputs", "FlowSpec", "current", "open"))
        case ast.Attribute() if random.random() < 0.3:
            node.attr = random.choice(("next", "input", "index", "start", "end", "x", "__dict__", "after", "map"))
        case _:
            _put(place, source)


def _damage_call(call: ast.Call, source: ast.AST, random: Random) -> None:
    assert isinstance(source, ast.expr)
    match random.randrange(5):
        case 0:
            call.args.append(source)
        case 1:
            names = ("foreach", "condition", "num_parallel", "times", "default", "type", "name", "x", None)
            call.keywords.append(ast.keyword(random.choice(names), source))
        case 2:
            call.args = [ast.Starred(source), *call.args]
        case 3:
            call.args, call.keywords = call.args[1:], call.keywords[1:]
        case _:
            call.keywords += call.keywords[:1]


MUTATIONS: tuple[Mutation, ...] = (_tokens, _tokens, _tokens, _tree, _tree, _tree, _tree, _lines, _characters)


def mutated(text: str, random: Random, corpus: Sequence[str]) -> bytes:
    """The text with one to three kinds of damage, as the bytes of a file; four of five are Python still."""
    damaged = text
    for _ in range(1 if random.random() < 0.2 else 6):
        damaged = text
        for _ in range(random.choice((1, 1, 1, 1, 2, 2, 3))):
            with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError, AssertionError, IndexError):
                damaged = random.choice(MUTATIONS)(damaged, random, corpus)[:_LONGEST]  # else no text says this tree
        if _is_python(damaged):
            break
    content = damaged.encode("utf-8", "surrogatepass")
    if random.random() < 0.02 and content:
        at = random.randrange(len(content))
        content = content[:at] + bytes([random.randrange(256)]) + content[at + 1 :]
    if random.random() < 0.02:
        content = random.choice((b"\xef\xbb\xbf", b"# coding: latin-1\n", b"# coding: utf-16\n", b"\xff\xfe")) + content
    return content


def _is_python(text: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
