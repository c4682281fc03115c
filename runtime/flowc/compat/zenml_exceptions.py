"""The exceptions of `zenml.exceptions`, made when a flow first uses one. flowc itself raises none of them."""

from __future__ import annotations

import builtins

from flowc.protocol.zenml_values import EXCEPTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict


class ZenMLBaseException(Exception):  # noqa: N818 (ZenML's name)
    """The base of ZenML's own exceptions."""

    def __init__(self, message: str | None = None, url: str | None = None, **fields: Any) -> None:
        super().__init__(f"{message} For more information, visit {url}." if message and url else message)
        vars(self).update(fields)


class ZenKeyError(KeyError):
    """A KeyError that is shown as its message alone."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class OAuthError(ValueError):
    """An error of an authorization server."""

    def __init__(
        self, error: str, status_code: int = 400, error_description: str | None = None, error_uri: str | None = None
    ) -> None:
        super().__init__(error)
        self.error, self.status_code = error, status_code
        self.error_description, self.error_uri = error_description, error_uri

    def to_dict(self) -> Dict[str, str | None]:
        """The parts, as the server sent them."""
        return {
            "error": self.error,
            "error_description": self.error_description,
            "error_uri": self.error_uri,
        }

    def __str__(self) -> str:
        return f"{self.error}: {self.error_description or ''}"


def __getattr__(name: str) -> Any:
    """An exception, which this module keeps from then on."""
    if name not in EXCEPTIONS:
        raise AttributeError(name)
    bases = tuple(getattr(builtins, base, None) or _base(base) for base in EXCEPTIONS[name].split())
    made = type(name, bases, {"__doc__": f"`zenml.exceptions.{name}`.", "__module__": __name__})
    globals()[name] = made
    return made


def _base(name: str) -> Any:
    return globals().get(name) or __getattr__(name)
