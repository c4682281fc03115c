"""What a step with `@container` runs, and its files: what the compiler writes into pods, and the shim fills in.

A file is named from the folder of the step's inputs or outputs, and its name says what is in it: `rows.json` is JSON,
`model/` a folder, which an artifact has as the bytes of a zip, `bytes:model.rds` bytes, anything else text.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Match, Tuple

FOLDER = "/flowc-files"
"""The folder in containers, in a volume that all containers of a pod share."""
INPUTS, OUTPUTS = "inputs", "outputs"
"""The folders in it. Also values of FLOWC_CONTAINER_PART: what the shim does before the container, and after it."""
SCRIPT = "script"
"""The third value: as `inputs`, and write what the container is to run into a script, which has all values in it."""
COMMAND = f"{FOLDER}/command"
"""The path of that script, for `/bin/sh`."""
ENGINE_OUTPUTS = f"{FOLDER}/engine"
"""Where the shim writes what Argo reads: a container that is done has no other folder that it could be read from."""
PLACEHOLDER = re.compile(r"\{(inputs|outputs|values)\.([A-Za-z_][A-Za-z0-9_]*)\}")
"""What stands for a path or a value in words and variables. Nothing else in braces does, and nothing escapes it."""
VALUES = "values"
"""The kind of placeholders whose values are known when the step runs."""


def file_format(name: str) -> Tuple[str, str]:
    """What is in a file, `json`, `folder`, `bytes` or `text`, and its path in the folder."""
    if name.startswith("bytes:"):
        return "bytes", name[len("bytes:") :]
    if name.endswith("/"):
        return "folder", name.rstrip("/")
    return ("json" if name.endswith(".json") else "text"), name


def file_path(spec: Dict[str, Any], kind: str, name: str, folder: str = FOLDER) -> str:
    """The path of an input or output. `folder` is where the container has its files. Raises KeyError."""
    return f"{folder}/{kind}/{file_format(spec[kind][name])[1]}"


def filled(text: str, spec: Dict[str, Any], folder: str, value: Callable[[str], str] | None = None) -> str:
    """A text with its placeholders replaced, those of values only where there is `value`. Raises KeyError."""

    def replaced(match: Match[str]) -> str:
        kind, name = match.groups()
        if kind != VALUES:
            return file_path(spec, kind, name, folder)
        return match.group() if value is None else value(name)

    return PLACEHOLDER.sub(replaced, text)


def placeholders(spec: Dict[str, Any]) -> List[Tuple[str, str]]:
    """The placeholders in a step's words and variables: the kind of each, and its name."""
    texts = (*spec["command"], *spec["env"].values())
    return [(found[1], found[2]) for text in texts for found in PLACEHOLDER.finditer(text)]
