"""Metaflow's parsers of configs: YAML, and files that list packages, for `@pypi_base` and `@conda_base`.

The compiler calls them where a `Config` names them, and a flow's own code may call them in tasks.
"""

from __future__ import annotations

import re
from importlib import import_module

from flowc.errors import FlowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable

_OPERATOR = r"(?:===|==|~=|!=|<=|>=|<|>)"
_VERSIONS = rf"{_OPERATOR}\s*[^\s,;()]+(?:\s*,\s*{_OPERATOR}\s*[^\s,;()]+)*\s*,?"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_REQUIREMENT = re.compile(
    rf"(?P<name>{_NAME})\s*(?:\[(?P<extras>[^\]]*)\])?\s*"
    rf"(?:@\s*(?P<url>\S+)|(?P<versions>{_VERSIONS})|\(\s*(?P<bracketed>{_VERSIONS})\s*\))?\s*(?P<marker>;.*)?"
)
_CONDA = re.compile(r"([A-Za-z0-9_.-]+)\s*([=<>!~].+)?")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")


class ParserValueError(FlowError):
    """A file is not what its parser reads."""

    headline = "Value error"


def yaml_parser(content: str) -> Any:
    """The value of a text in YAML. Raises ModuleNotFoundError in a task whose image has no PyYAML."""
    return import_module("yaml").safe_load(content)


def requirements_txt_parser(content: str) -> Dict[str, Any]:
    """The packages of a requirements.txt. Raises ParserValueError for options, markers, and what is no requirement."""
    lines = (_COMMENT.sub("", line).strip() for line in content.splitlines())
    return _packages((line for line in lines if line and line != "-e file:."), None, " =")


def pyproject_toml_parser(content: str) -> Dict[str, Any]:
    """The packages of `[project]` in a pyproject.toml. Raises ParserValueError.

    Python before 3.11 cannot read TOML: there it raises ModuleNotFoundError.
    """
    project = import_module("tomllib").loads(content).get("project", {})
    python = project.get("requires-python")
    lines = (line.strip() for line in project.get("dependencies", []))
    return _packages(lines, None if python is None else python.lstrip("=").strip(), "=")


def conda_environment_yml_parser(content: str) -> Dict[str, Any]:
    """The packages below `dependencies:` of an environment.yml. Raises ParserValueError for sections in it."""
    packages: Dict[str, str] = {}
    python = None
    inside = False
    for line in (_COMMENT.sub("", line).strip() for line in content.splitlines()):
        if line.lower().startswith("dependencies:"):
            inside = True
        elif line and not line.startswith("-"):
            inside = False
        elif line and inside:
            entry = line.lstrip("-").strip()
            found = _CONDA.fullmatch(entry)
            if found is None:
                raise ParserValueError(f"line {entry!r} is not a package of Conda, such as numpy=1.26")
            version = (found[2] or "").strip()
            version = version.lstrip("=").strip() if version.startswith("=") else version
            if found[1].lower() != "python":
                packages[found[1]] = version
            elif python is not None and version:
                raise ParserValueError(f"line {entry!r} is a second version of Python")
            else:
                python = version
    return {"packages": packages, "python": python}


def _packages(lines: Iterable[str], python: str | None, equal: str) -> Dict[str, Any]:
    """What requirements say; `equal` are characters that are left out in front of a version."""
    packages: Dict[str, str] = {}
    for line in lines:
        found = _REQUIREMENT.fullmatch(line)
        if found is None:
            raise ParserValueError(f"not a valid PEP 508 requirement: {line!r}")
        if found["marker"]:
            raise ParserValueError(f"environment markers are not supported: {line!r}")
        extras = sorted(item.strip() for item in (found["extras"] or "").split(",") if item.strip())
        versions = (found["versions"] or found["bracketed"] or "").split(",")
        spec = ",".join(sorted("".join(item.split()) for item in versions if item.strip())).lstrip(equal)
        if found["name"].lower() != "python":
            packages[
                found["name"] + f"[{','.join(extras)}]" * bool(extras) + f"@{found['url']}" * bool(found["url"])
            ] = spec
        elif python is not None and spec:
            raise ParserValueError(f"a second version of Python: {line!r}")
        else:
            python = spec or None
    return {"packages": packages, "python": python}
