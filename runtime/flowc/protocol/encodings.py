"""How the values of parameters travel in environment variables, and what they mean when they arrive."""

from __future__ import annotations

from flowc.errors import ParameterError

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
