"""Markdown as a tree of a few harmless elements, which a page builds one by one: no HTML is ever made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_TAGS = frozenset(
    [
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "p",
        "strong",
        "em",
        "s",
        "code",
        "pre",
        "ul",
        "ol",
        "li",
        "blockquote",
        "hr",
        "br",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    ]
)
_LINKS = ("http://", "https://", "mailto:", "#")

Node = str | list[Any]
"""A text, or `[tag, attributes, children]`."""


def markdown_tree(text: str) -> list[Node]:
    """The elements of a text in Markdown. HTML in it is text, and pictures that are elsewhere are links."""
    root: list[Node] = []
    _fill(root, _parser().parse(text))
    return root


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return (
        MarkdownIt("commonmark", {"html": False})
        .enable(["table", "strikethrough"])
        .disable(["html_block", "html_inline"])
    )


def _fill(root: list[Node], tokens: Sequence[Token]) -> None:
    """Add tokens to the children of a node. The tokens of a line are inside of one."""
    open_: list[list[Node]] = [root]
    for token in tokens:
        if token.nesting < 0:
            if len(open_) > 1:
                open_.pop()
        elif token.type == "inline":
            _fill(open_[-1], token.children or ())
        elif token.hidden:
            open_.append(open_[-1])
        else:
            node = _node(token)
            open_[-1].append(node)
            if token.nesting > 0:
                open_.append(node[2] if isinstance(node, list) else open_[-1])


def _node(token: Token) -> Node:
    match token.type:
        case "text" | "html_inline" | "html_block":
            return token.content
        case "softbreak":
            return "\n"
        case "fence" | "code_block":
            return ["pre", {}, [["code", {}, [token.content]]]]
        case "code_inline":
            return ["code", {}, [token.content]]
        case "image":
            source = str(token.attrs.get("src", ""))
            if source.startswith("data:image/"):
                return ["img", {"src": source, "alt": token.content}, []]
            return _link(source, [token.content or source])
        case "link_open":
            return _link(str(token.attrs.get("href", "")), [])
        case _:
            return [token.tag if token.tag in _TAGS else "p", _aligned(token.attrs), []]


def _link(address: str, children: list[Node]) -> Node:
    return ["a", {"href": address}, children] if address.startswith(_LINKS) else ["span", {}, children]


def _aligned(attributes: Mapping[str, Any]) -> dict[str, str]:
    """The one thing that a table says of a cell."""
    style = str(attributes.get("style", ""))
    return {"class": "n"} if style == "text-align:right" else {}
