"""Which Python a file needs that the running one cannot read. Only such a file is read with libcst, which is slow.

libcst reads the syntax of every Python, so that what only libcst reads is the syntax of a newer one.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import libcst as cst

MAX_OPERATORS = 1000
"""The most operators and brackets of one statement that libcst is given: its parser would overflow the stack."""

MOST_CHARACTERS = 40_000
"""Of a file that libcst is given, which takes a second for twice as many."""


class NewerSyntax(NamedTuple):
    """A construct that the running Python does not have."""

    version: str
    """The first Python that has it, such as `3.12`."""
    what: str
    """What it is, as the subject of a sentence."""
    line: int


def newer_syntax(text: str) -> NewerSyntax | None:
    """What needs the newest Python in a file that this one refuses; `None` if a newer version does not help."""
    if len(text) > MOST_CHARACTERS or longest_statement(text)[1] > MAX_OPERATORS:
        return None
    import libcst as cst
    from libcst.metadata import MetadataWrapper, PositionProvider

    try:
        wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        places = wrapper.resolve(PositionProvider)
    except (cst.ParserSyntaxError, SyntaxError, RecursionError):  # libcst checks some rules only in its nodes
        return None
    running = sys.version_info[:2]
    found: list[tuple[int, tuple[int, int], str]] = []
    pending: list[cst.CSTNode] = [wrapper.module]
    while pending:
        node = pending.pop()
        construct = _construct(node)
        if construct is not None and construct[0] > running:
            found.append((places[node].start.line, *construct))
        pending.extend(node.children)
    if not found:  # libcst reads some files that are wrong
        return None
    line, version, what = min(found, key=lambda item: (-item[1][1], item[0]))
    return NewerSyntax(f"{version[0]}.{version[1]}", what, line)


def longest_statement(text: str) -> tuple[int, int]:
    """The first line of the statement with the most operators, brackets and branches, and how many it has."""
    best, start, count, starts = (1, 0), 1, 0, True
    branches: dict[int, tuple[int, int]] = {}
    """By column, the last `if` that starts there: a chain of `elif`s is a nested tree."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in _NO_CODE:
                continue
            line, column = token.start
            if starts:
                start, count = line, 0
                if token.string == "if":
                    branches[column] = (line, 0)
                elif token.string == "elif" and column in branches:
                    start, count = branches[column] = (branches[column][0], branches[column][1] + 1)
            starts = token.type == tokenize.NEWLINE
            count += token.type == tokenize.OP or token.string in _NESTING_WORDS
            best = max(best, (start, count), key=lambda item: item[1])
    except (tokenize.TokenError, SyntaxError) as error:
        if "too many nested" in str(error):  # since Python 3.12 it stops there, before they are counted
            return start, MAX_OPERATORS + 1
    return best


_NO_CODE = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING})
_NESTING_WORDS = frozenset({"and", "await", "else", "if", "in", "is", "lambda", "not", "or"})


def _construct(node: cst.CSTNode) -> tuple[tuple[int, int], str] | None:
    """The Python that a node needs, and what it is; `None` for what Python 3.11 has."""
    import libcst as cst

    match node:
        case cst.ExceptHandler(type=cst.Tuple(lpar=[])) | cst.ExceptStarHandler(type=cst.Tuple(lpar=[])):
            return (3, 14), "`except` with several types without parentheses"
        case cst.ListComp(elt=cst.StarredElement()) | cst.SetComp(elt=cst.StarredElement()):
            return (3, 15), "unpacking in a comprehension"
        case cst.FormattedString() if _is_new(node):
            return (3, 12), "an f-string with its own quotes, a backslash or a comment inside"
        case _ if type(node).__name__ == "TypeParam":
            return ((3, 13), "a default of a type parameter") if getattr(node, "default", None) is not None else None
        case _:
            return _CONSTRUCTS.get(type(node).__name__)


_CONSTRUCTS = {
    "TypeAlias": ((3, 12), "the statement `type`"),
    "TypeParameters": ((3, 12), "a list of type parameters"),
    "TemplatedString": ((3, 14), "a t-string"),
}
"""Nodes of libcst, by the names that it does not export to type checkers."""


def _is_new(string: cst.FormattedString) -> bool:
    """Whether an f-string can only be read by Python 3.12 and newer: its text alone is refused here."""
    import libcst as cst

    try:
        ast.parse(cst.Module([]).code_for_node(string), mode="eval")
    except (SyntaxError, ValueError):
        return True
    return False
