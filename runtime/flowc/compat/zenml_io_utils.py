"""`zenml.utils.io_utils` and `zenml.utils.yaml_utils`, for the files of this machine."""

from __future__ import annotations

import fnmatch
import importlib
import json
import os

from flowc.compat import zenml_fileio as fileio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator


def is_root(path: str) -> bool:
    """Whether a path has no folder above it."""
    return os.path.dirname(path) == path


def is_remote(path: str) -> bool:
    """Whether a path is in an object store."""
    from flowc.compat.zenml_constants import REMOTE_FS_PREFIX

    return path.startswith(tuple(REMOTE_FS_PREFIX))


def write_file_contents_as_string(file_path: str, content: Any) -> None:
    """Write text. Raises ValueError for anything else."""
    if not isinstance(content, str):
        raise ValueError(f"Content must be of type str, got {type(content)}")
    with fileio.open(file_path, "w") as file:
        file.write(content)


def read_file_contents_as_string(file_path: str) -> str:
    """The text of a file. Raises FileNotFoundError."""
    if not fileio.exists(file_path):
        raise FileNotFoundError(f"{file_path} does not exist!")
    with fileio.open(file_path) as file:
        return str(file.read())


def copy_dir(source_dir: str, destination_dir: str, overwrite: bool = False) -> None:
    """Copy what is in a folder, and in its folders. Raises FileExistsError."""
    for name in fileio.listdir(source_dir):
        source, destination = os.path.join(source_dir, name), os.path.join(destination_dir, name)
        if source == destination_dir:
            continue
        if fileio.isdir(source):
            copy_dir(source, destination, overwrite)
        else:
            fileio.makedirs(os.path.dirname(destination))
            fileio.copy(source, destination, overwrite)


def find_files(dir_path: str, pattern: str) -> Iterator[str]:
    """The files below a folder whose names match a pattern."""
    for folder, _, names in os.walk(dir_path):
        yield from (os.path.join(folder, name) for name in names if fnmatch.fnmatch(name, pattern))


def create_file_if_not_exists(file_path: str, file_contents: str = "{}") -> None:
    """Write a file where there is none."""
    if not fileio.exists(file_path):
        create_dir_recursive_if_not_exists(os.path.dirname(file_path) or ".")
        write_file_contents_as_string(file_path, file_contents)


def create_dir_if_not_exists(dir_path: str) -> None:
    """Make a folder."""
    if not fileio.isdir(dir_path):
        fileio.mkdir(dir_path)


def create_dir_recursive_if_not_exists(dir_path: str) -> None:
    """Make a folder and those above it."""
    fileio.makedirs(dir_path)


def resolve_relative_path(path: str) -> str:
    """The absolute path of a local one."""
    return path if is_remote(path) else os.path.realpath(path)


def is_path_within_directory(path: str, directory: str) -> bool:
    """Whether a path, relative to the folder or absolute, is in the folder."""
    whole = os.path.abspath(os.path.join(directory, path))
    folder = os.path.abspath(directory)
    return whole == folder or whole.startswith(folder + os.sep)


def move(source: str, destination: str, overwrite: bool = False) -> None:
    """Move a file or folder. Raises FileExistsError."""
    fileio.rename(source, destination, overwrite)


def get_parent(dir_path: str) -> str:
    """The name of the folder above. Raises ValueError where there is no such path."""
    return _above(dir_path, 1)


def get_grandparent(dir_path: str) -> str:
    """The name of the folder above the one above. Raises ValueError where there is no such path."""
    return _above(dir_path, 2)


def _above(path: str, levels: int) -> str:
    if not os.path.exists(path):
        raise ValueError(f"Path '{path}' does not exist.")
    path = os.path.normpath(path)
    for _ in range(levels):
        path = os.path.dirname(path)
    return os.path.splitext(os.path.basename(path))[0]


def read_json(file_path: str) -> Any:
    """The value in a JSON file. Raises FileNotFoundError."""
    return json.loads(read_file_contents_as_string(file_path))


def write_json(file_path: str, contents: Any, **json_dump_args: Any) -> None:
    """Write a value as JSON. Raises FileNotFoundError where there is no such folder."""
    _check_folder(file_path)
    write_file_contents_as_string(file_path, json.dumps(contents, **json_dump_args))


def is_json_serializable(obj: Any) -> bool:
    """Whether a value can be JSON."""
    try:
        json.dumps(obj)
    except (TypeError, ValueError):
        return False
    return True


def is_yaml(file_path: str) -> bool:
    """Whether a file's name ends as that of a YAML file."""
    return file_path.endswith((".yaml", ".yml"))


def read_yaml(file_path: str) -> Any:
    """The value in a YAML file. Raises FileNotFoundError."""
    return _yaml().safe_load(read_file_contents_as_string(file_path))


def write_yaml(file_path: str, contents: Any, sort_keys: bool = True) -> None:
    """Write a value as YAML. Raises FileNotFoundError where there is no such folder."""
    _check_folder(file_path)
    write_file_contents_as_string(file_path, _yaml().safe_dump(contents, sort_keys=sort_keys))


def append_yaml(file_path: str, contents: Dict[Any, Any]) -> None:
    """Add entries to a YAML file. Raises FileNotFoundError."""
    write_yaml(file_path, {**(read_yaml(file_path) or {}), **contents})


def _check_folder(path: str) -> None:
    folder = os.path.dirname(path)
    if folder and not fileio.isdir(folder):
        raise FileNotFoundError(f"Directory {folder} does not exist.")


def _yaml() -> Any:
    """PyYAML, which the image has to have."""
    try:
        return importlib.import_module("yaml")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("zenml.utils.yaml_utils needs the package pyyaml in the step's image") from error
