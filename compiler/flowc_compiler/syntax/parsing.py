"""The syntax tree of a text, with what Python refuses, in linear time whatever the text contains."""

from __future__ import annotations

import ast
import re
import symtable
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from copy import copy
from functools import lru_cache

from flowc_compiler.syntax.tree_walk import children, walk

MOST_WORDS = 320_000
"""Words and signs of all Python files of a check together: their trees take some 200 MB then, and a second."""
ALLOW_LARGE: ContextVar[bool] = ContextVar("ALLOW_LARGE", default=False)
"""Whether files may have more, as `--allow-large` says: whoever gives it trusts them."""
_WORD = re.compile(r"\w+|[^\w\s]|\n")
_PART = 2**18
_OF_AN_IMPORT = 5
"""Words that an import counts as beside its own: it is searched for in folders."""
_LONGEST_WORD = 25
_STARTS = re.compile(r"\n[^\n]|;")
_MAX_DEPTH = 1000
"""Levels of a syntax tree."""
_SMALL = 20_000
"""Characters of a text whose code Python makes at once."""
_ALIKE = 300
"""Functions, classes and comprehensions of one piece, or arguments of one call: Python compares all pairs of them."""
_PIECE = 30
"""Statements of a piece."""
_MOST_NODES = 20_000
"""Of a piece."""
_SCOPE = re.compile(r"\b(?:def|class|lambda|for)\b")
_ACROSS = re.compile(r"\bglobal\b|\b__future__\b")
"""What one statement of a module forbids another."""
_SCOPES = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp,
)  # fmt: skip
_TEXT = re.compile(
    r"""#[^\n]*|([a-zA-Z]{0,2})(?:\"{3}(?:\\.|[^\\])*?(?:\"{3}|\Z)|'{3}(?:\\.|[^\\])*?(?:'{3}|\Z)"""
    r"""|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)""",
    re.DOTALL,
)
"""A comment or a literal, with its prefix."""
_SHORT = 2000
"""Characters of an f-string with as many fields as it may have."""
MOST_READ = 200_000_000
"""Characters of f-strings: Python 3.11 reads all of one again for each of its fields."""

_MARKS = re.compile(r"[^\w\s\x00-\x7f]+")
"""No letters: accents and the like, which Python puts into order where they are in a name."""
MOST_MARKS = 300
"""Of one name in a row: to put them into order takes the square of their number."""


class TooLargeError(ValueError):
    """A text has more words than are read of one that nobody trusts."""


@lru_cache(maxsize=2)
def count_words(text: str) -> int:
    """The words and signs of a text, those of comments and texts in it too, and its lines once more.

    A text counts as words of 25 characters at least. It stops where there are more than `MOST_WORDS`. A syntax tree
    has at most some two nodes for each.
    """
    found, least = 0, len(text) // _LONGEST_WORD
    for start in range(0, len(text) if least <= MOST_WORDS else 0, _PART):
        part = text[start : start + _PART]
        found += len(_WORD.findall(part)) + len(_STARTS.findall(part)) + _OF_AN_IMPORT * part.count("import ")
        if found > MOST_WORDS:
            break
    return max(found, least)


@lru_cache(maxsize=1)  # the flow's file is read for its imports right after it is read for itself
def parse_text(text: str) -> ast.Module:
    """The syntax tree of a file's text, which nobody changes. Python's warnings are for those who run the file.

    Raises TooLargeError, SyntaxError, ValueError, RecursionError or MemoryError.
    """
    if count_words(text) > MOST_WORDS and not ALLOW_LARGE.get():
        raise TooLargeError
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _refuse_long_fields(text)
        _refuse_many_marks(text)
        tree = ast.parse(text)
        _refuse(tree, text)
        return tree


def _refuse_long_fields(text: str) -> None:
    """Raise SyntaxError for f-strings that Python 3.11 would read again and again."""
    if text.count("{") <= _ALIKE:
        return
    read = 0
    for found in _TEXT.finditer(text):
        length = found.end() - found.start()
        if length > _SHORT and set(found[1] or "") & set("fFtT"):
            read += found[0].count("{") * length
            if read > MOST_READ:
                line = text.count("\n", 0, found.start()) + 1
                raise SyntaxError("an f-string is too long for its many fields", ("<flow>", line, 1, None))


def _refuse_many_marks(text: str) -> None:
    """Raise SyntaxError for a name with hundreds of accents; literals and comments may have them, and no f-string."""
    if text.isascii() or not _has_many_marks(text):
        return
    code = _TEXT.sub(lambda found: found[0] if set(found[1] or "") & set("fFtT") else "\n" * found[0].count("\n"), text)
    for number, line in enumerate(code.splitlines() if _has_many_marks(code) else (), 1):
        if _has_many_marks(line):
            raise SyntaxError("a name has too many accents", ("<flow>", number, 1, None))


def _has_many_marks(text: str) -> bool:
    return any(found.end() - found.start() > MOST_MARKS for found in _MARKS.finditer(text))


def _refuse(tree: ast.Module, text: str) -> None:
    """Raise SyntaxError for what the grammar allows and Python refuses, such as `def f(n, n)`.

    Python makes the code to find it, which takes the square of what is alike in one piece. So the code of a large file
    is made piece by piece. In a strange piece such mistakes are not found.
    """
    if len(text) <= _SMALL and text.count("=") <= _ALIKE and len(_SCOPE.findall(text)) <= _ALIKE:
        compile(tree, "<flow>", "exec", dont_inherit=True)
        return
    if _ACROSS.search(text):
        symtable.symtable(text, "<flow>", "exec")
    statements = list(_statements(tree.body))
    for start in range(0, len(statements), _PIECE):
        piece = statements[start : start + _PIECE]
        for part in [piece] if not _is_strange(piece) else [[item] for item in piece if not _is_strange([item])]:
            compile(ast.Module(part, []), "<flow>", "exec", dont_inherit=True)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, and those of a large class before the class without them."""
    for statement in body:
        if isinstance(statement, ast.ClassDef) and len(statement.body) > _PIECE:
            yield from _statements(statement.body)
            head = copy(statement)
            head.body = statement.body[:1]
            yield head
        else:
            yield statement


def _is_strange(piece: list[ast.stmt]) -> bool:
    scopes = 0
    for nodes, node in enumerate(item for statement in piece for item in walk(statement)):
        scopes += isinstance(node, _SCOPES)
        if nodes > _MOST_NODES or scopes > _ALIKE:
            return True
        if isinstance(node, ast.Call | ast.ClassDef) and len(node.keywords) > _ALIKE:
            return True
    return False


def is_too_deep(tree: ast.Module) -> bool:
    """Whether a chain is longer than Python 3.11 reads: newer ones do, and every later walk would have to bear it.

    An expression has no more levels than characters, so that short ones need no look.
    """
    pending: list[tuple[ast.AST, int]] = [(tree, 0)]
    while pending:
        node, depth = pending.pop()
        if depth > _MAX_DEPTH:
            return True
        pending += [(child, depth + 1) for child in children(node) if not _is_short(child)]
    return False


def _is_short(node: ast.AST) -> bool:
    """Whether a node is on one line of fewer characters than a tree may have levels."""
    if not isinstance(node, ast.stmt | ast.expr) or node.end_lineno != node.lineno:
        return False
    return (node.end_col_offset or 0) - node.col_offset < _MAX_DEPTH
