"""`@secrets`: where the variables of a task come from. What each type takes is checked before anything is fetched."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator

from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments, as_dict, as_list
from flowc_compiler.frontend.decorators.arguments.kubernetes_arguments import check_name
from flowc_compiler.frontend.spec_builder import Origin, some_specs
from flowc_compiler.ir import NO_SPECS, SecretSource, SecretsSpec, StepSpecs

_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NOT_IN_VARIABLES = re.compile("[\0\ud800-\udfff]")
TYPES: tuple[str, ...] = get_args(SecretSource.model_fields["type"].annotation)
"""The types of sources."""
_OPTIONS: Mapping[str, Mapping[str, type]] = {
    "inline": {"env_vars": dict},
    "kubernetes": {},
    "aws-secrets-manager": {"json": bool, "region": str, "env_var_name": str},
    "gcp-secret-manager": {"json": bool, "binary": bool, "env_var_name": str, "prefix": str},
    "az-key-vault": {"env_var_name": str, "prefix": str},
    "vault": {"key": str, "env_var_name": str},
}
_OPTION_WORDS = {bool: "True or False", str: "a text", dict: "a dict"}
_WITH_ROLE = frozenset({"aws-secrets-manager", "vault"})
_DEFAULTS = {
    "aws-secrets-manager": ("region", "METAFLOW_AWS_SECRETS_MANAGER_DEFAULT_REGION"),
    "gcp-secret-manager": ("prefix", "METAFLOW_GCP_SECRET_MANAGER_PREFIX"),
    "az-key-vault": ("prefix", "METAFLOW_AZURE_KEY_VAULT_PREFIX"),
}
"""Options whose default is a variable of Metaflow's configuration, which is read here: pods don't have that."""


def _sources(value: object) -> object:
    items = as_list(value)
    if items is None:
        raise ValueError("sources is a list of texts and dicts")
    return tuple(_source(item) for item in items)


def _source(item: object) -> SecretSource:
    """One source: `"type.id"`, an id for the default type, or a dict of type, id, options and role."""
    if isinstance(item, str):
        kind, dot, identifier = item.partition(".")
        return secret_source({"type": kind, "id": identifier} if dot else {"id": item})
    fields = as_dict(item)
    if fields is None:
        raise ValueError("a source is a text or a dict")
    unknown = set(fields) - {"type", "id", "options", "role"}
    if unknown:
        raise ValueError(f"a source has type, id, options and role, not {', '.join(sorted(unknown))}")
    return secret_source(fields)


def secret_source(fields: Mapping[str, Any]) -> SecretSource:
    """A source of these fields, with what Metaflow's configuration in the environment adds. Raises ValueError."""
    kind: Any = fields.get("type") or os.environ.get("METAFLOW_DEFAULT_SECRETS_BACKEND_TYPE")
    if kind is None:
        name = fields.get("id") if isinstance(fields.get("id"), str) else "id"
        raise ValueError(
            f"a source without a type: write 'kubernetes.{name}', 'aws-secrets-manager.{name}' or another type, or set"
            " METAFLOW_DEFAULT_SECRETS_BACKEND_TYPE"
        )
    if kind not in TYPES:
        raise ValueError(f"{kind!r} is not a type of secret: use one of {', '.join(TYPES)}")
    identifier = fields.get("id", "" if kind == "inline" else None)
    if not isinstance(identifier, str) or (not identifier and kind != "inline"):
        raise ValueError("the id of a source is a text")
    if kind == "kubernetes":
        check_name(identifier)
    options = as_dict(fields.get("options", {}))
    if options is None:
        raise ValueError("the options of a source are a dict")
    role = fields.get("role")
    if role is not None and not isinstance(role, str):
        raise ValueError("the role of a source is a text")
    _check_options(kind, options)
    option, variable = _DEFAULTS.get(kind, ("", ""))
    default = os.environ.get(variable)
    options = {option: default, **options} if default else options
    return SecretSource(type=kind, id=identifier, options=options, role=role)


def named_secret(name: str) -> SecretSource:
    """A source by its name alone: a Kubernetes Secret, or `aws-secrets-manager.id` and the like. Raises ValueError."""
    kind, dot, identifier = name.partition(".")
    fetched = dot and kind in TYPES and kind != "inline"
    return secret_source({"type": kind, "id": identifier} if fetched else {"type": "kubernetes", "id": name})


def _check_options(kind: str, options: Mapping[str, Any]) -> None:
    known = _OPTIONS[kind]
    for name, value in options.items():
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise ValueError(f"{kind} has no option {name!r}: {takes}")
        if type(value) is not known[name]:
            raise ValueError(f"{name} is {_OPTION_WORDS[known[name]]}")
    if (own := options.get("env_var_name")) is not None:
        _check_name(re.sub("[-./]", "_", own))
        if kind == "vault" and "key" not in options:
            raise ValueError("env_var_name names the variable of one key: say which with key")
        if kind == "aws-secrets-manager" and options.get("json", True):
            raise ValueError("env_var_name is for a secret that is not read as JSON: say json=False")
        if kind == "gcp-secret-manager" and options.get("json"):
            raise ValueError("env_var_name is for a secret that is not read as JSON: leave json out")
    for name, value in options.get("env_vars", {}).items():
        _check_name(name)
        if not isinstance(value, str):
            raise ValueError(f"the value of {name!r} is not a text")
        if _NOT_IN_VARIABLES.search(value):
            raise ValueError(f"the value of {name!r} has a character that no variable can have")


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a variable")
    if name.startswith(("METAFLOW_", "FLOWC_")):
        raise ValueError(f"{name!r} begins with METAFLOW_ or FLOWC_, which secrets may not")


class SecretsArguments(Arguments):
    """`@secrets`; the types `kubernetes` and `vault` are flowc's own."""

    sources: Annotated[tuple[SecretSource, ...], BeforeValidator(_sources)] = ()
    role: str | None = None
    allow_override: bool = False

    def _specs(self, at: Origin, /) -> StepSpecs:
        if not self.sources:
            self._without_effect(at, ("role", "allow_override"), "without sources", "give sources=[...]")
            return NO_SPECS
        for source in self.sources:
            if source.role is not None and source.type not in _WITH_ROLE:
                message = (
                    f"the role of the source {source.id!r} does nothing: {source.type} takes the pod's own identity"
                )
                at.sink.warning(
                    "FC410", message, at.span, help=f"remove it; {', '.join(sorted(_WITH_ROLE))} have roles"
                )
        sources = tuple(
            source if source.role is not None else source.model_copy(update={"role": self.role})
            for source in self.sources
        )
        return some_specs(secrets=SecretsSpec(span=at.span, sources=sources, allow_override=self.allow_override))
