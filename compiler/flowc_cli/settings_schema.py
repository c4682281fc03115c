"""The JSON schema of settings, for editors: from the options of targets and of commands, as these are declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowc.project_settings import COMMANDS, INHERITS, PROFILES
from flowc_cli.app import SUMMARIES
from flowc_cli.command_settings import section_name
from flowc_cli.option_declarations import NEVER_SET, OptionDeclaration, options_of
from flowc_cli.project_config import CACHE_OPTION, ENV_OPTION
from flowc_targets.base.options import TargetOptions
from flowc_targets.base.target import load_target, target_names

_CODES = {"type": "array", "items": {"type": "string"}}
_OF_CHECK = {"exclude": {**_CODES, "description": "files and folders that are not checked"}}
_OF_ALL: dict[str, Any] = {
    CACHE_OPTION: {"type": "boolean", "description": "cache the results of all steps, or of none"},
    ENV_OPTION: {**_CODES, "description": "variables of the environment that flows read when they are compiled"},
}


def settings_schema(*, of_pyproject: bool = False) -> dict[str, Any]:
    """The schema of flowc.toml, or of a pyproject.toml, of which it describes `[tool.flowc]` only."""
    definitions: dict[str, Any] = {}
    layer = {**_of_model(TargetOptions, definitions), **_OF_ALL}
    for target in target_names():
        layer[target] = _table(_of_model(load_target(target).options_model, definitions), f"options of target {target}")
    commands: dict[str, Any] = {}
    for command, summary in SUMMARIES.items():
        options = {name: _of_option(option) for name, option in options_of(command).items() if name not in NEVER_SET}
        table = _table({**options, **(_OF_CHECK if command == "check" else {})}, f"flowc {command}: {summary}")
        (commands if "." in section_name(command) else layer)[command] = table
    layer[COMMANDS] = _table(commands, "options of commands whose name is that of an option")
    inherits = {
        "description": "the profile, or the profiles, that this one is on top of",
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    }
    profile = _table({INHERITS: inherits, **layer}, "settings on top of [tool.flowc], with --profile or FLOWC_PROFILE")
    profiles = {
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/Profile"},
        "description": "profiles by name",
    }
    settings = _table({**layer, PROFILES: profiles}, "flowc.toml, or [tool.flowc] in pyproject.toml")
    _add_dashes(settings, "#/$defs/Settings" if of_pyproject else "#")
    _add_dashes(profile, "#/$defs/Profile")
    if of_pyproject:
        definitions["Settings"] = settings
        tool = {"type": "object", "properties": {"flowc": {"$ref": "#/$defs/Settings"}}}
        settings = {"type": "object", "properties": {"tool": tool}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "settings of flowc",
        **settings,
        "$defs": {**definitions, "Profile": profile},
    }


def _add_dashes(table: dict[str, Any], pointer: str) -> None:
    """Let names of a table and of the tables in it have `-` for `_`. Editors offer only those with `_`."""
    properties: dict[str, Any] = table["properties"]
    dashed = {name.replace("_", "-"): {"$ref": f"{pointer}/properties/{name}"} for name in properties if "_" in name}
    if dashed:
        table["patternProperties"] = {f"^{name}$": schema for name, schema in dashed.items()}
    for name, inner in properties.items():
        if "properties" in inner:
            _add_dashes(inner, f"{pointer}/properties/{name}")


def _table(properties: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "object", "description": description, "additionalProperties": False, "properties": properties}


def _of_model(model: type[TargetOptions], definitions: dict[str, Any]) -> dict[str, Any]:
    """The options of a target. Models in it become definitions."""
    schema = model.model_json_schema(ref_template="#/$defs/{model}")
    definitions.update(schema.get("$defs", {}))
    return {name: _without_title(item) for name, item in schema["properties"].items()}


def _without_title(schema: dict[str, Any]) -> dict[str, Any]:
    """An option's schema as TOML can have it: without a null, which is how the models write "not given"."""
    found = {
        key: value
        for key, value in schema.items()
        if key not in {"title", "default"} or (key == "default" and value is not None)
    }
    kinds = [item for item in found.pop("anyOf", []) if item != {"type": "null"}]
    if len(kinds) == 1:
        return {**kinds[0], **found}
    return {**found, "anyOf": kinds} if kinds else found


def _of_option(option: OptionDeclaration) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string"}
    if option.choices:
        text = {"enum": list(option.choices)}
    kinds = {"flag": {"type": "boolean"}, "integer": {"type": "integer"}, "number": {"type": "number"}, "text": text}
    schema = kinds[option.kind]
    if option.minimum is not None:
        schema = {**schema, "minimum": option.minimum}
    if option.many:
        schema = {"type": "array", "items": schema}
        schema = {"anyOf": [schema, {"type": "object"}]} if option.pairs else schema
    schema = {**schema, "description": option.help} if option.help else schema
    default = str(option.default) if isinstance(option.default, Path) else option.default
    return {**schema, "default": default} if default not in (None, False) else schema
