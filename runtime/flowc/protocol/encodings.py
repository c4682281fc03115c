"""How the values of parameters travel in environment variables, and what they mean when they arrive."""

from __future__ import annotations

from flowc.errors import ParameterError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import List

ENCODED = "b64:"
"""Begins a value in URL-safe base64, for engines that would change the text on its way."""
PACKED = "z64:"
"""Begins one that was compressed before, by zlib."""
RESERVED = "flowc:"
"""Begins values that mean something to the shim; a user's value that begins so is encoded."""
SENT = f"{RESERVED}sent:"
"""Begins one of these or a plain value in base64, put around it by the engine that passes it on."""
USE_DEFAULT = f"{RESERVED}default"
"""The value that stands for the default, for engines that must pass every parameter."""

TIMED_OUT = "flowc:timeout"
"""What an engine passes on where nobody has chosen in time, or where somebody has released it without a choice."""


def plain_text(text: str) -> str:
    """A text as a value: in base64 if it looks like one that means something else."""
    if not text.startswith((ENCODED, PACKED, RESERVED)):
        return text
    import base64

    return ENCODED + base64.urlsafe_b64encode(text.encode()).decode()


def decode_value(name: str, raw: str) -> str:
    """The text of a value as the user gave it. Raises ParameterError."""
    if not raw.startswith((ENCODED, PACKED)):
        return raw
    import base64
    import zlib

    try:
        content = base64.b64decode(raw[len(ENCODED) :].encode(), altchars=b"-_", validate=True)
        return (zlib.decompress(content) if raw.startswith(PACKED) else content).decode()
    except (ValueError, zlib.error) as error:
        raise ParameterError(f"the value of parameter {name!r} is not valid base64: {error}") from None


def received(name: str, raw: str) -> str:
    """A value as it was when the engine got it. Raises ParameterError where the engine left its own template in."""
    if not raw.startswith(SENT):
        return raw
    content = raw[len(SENT) :]
    if content.startswith("{{"):
        raise ParameterError(
            f"Argo did not put in the value of parameter {name!r}, and left {content!r}: its controller has to "
            "evaluate expressions, which EXPRESSION_TEMPLATES=false in its environment turns off"
        )
    return decode_value(name, ENCODED + content.translate({ord("+"): "-", ord("/"): "_"}))


def join_tags(tags: Iterable[str]) -> str:
    """Tags as the variable FLOWC_TAGS has them, separated by commas."""
    return ",".join(tag.replace("%", "%25").replace(",", "%2C") for tag in tags)


def split_tags(text: str) -> List[str]:
    """The tags of FLOWC_TAGS, where only a comma and `%` are written otherwise."""
    return [tag.replace("%2C", ",").replace("%25", "%") for tag in text.split(",") if tag]


def tag_problem(tag: str) -> str | None:
    """Why no run can have a tag, as in Metaflow; `None` where one can."""
    if not tag:
        return "a tag is not empty"
    if "\0" in tag or any("\ud800" <= character <= "\udfff" for character in tag):
        return f"{tag!r} is not text"
    return f"{tag[:20]!r}... has {len(tag)} characters, and a tag at most 500" if len(tag) > 500 else None
