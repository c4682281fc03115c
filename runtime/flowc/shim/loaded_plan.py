"""The plan of this process: loading it, and what parameters and configs ask of it when they are read."""

from __future__ import annotations

import os

from flowc.errors import ProtocolError
from flowc.protocol import PACKED_SUFFIX, PLAN_FILE, env_names
from flowc.protocol.encodings import USE_DEFAULT, decode_value, received
from flowc.protocol.plan import Plan
from flowc.store.json_text import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict


_plan: Plan | None = None
"""The plan of this process; `None` where a flow's file is only imported."""


_inherited: frozenset[str] = frozenset()
"""The variables that were there before the user's file."""


def set_plan(plan: Plan) -> None:
    """Set the plan, before the user's file is imported."""
    global _plan, _inherited
    _plan = plan
    _inherited = frozenset(os.environ)


def exchange_plan(plan: Plan | None) -> Plan | None:
    """Set another plan, or none, and return the one before: a test's process runs tasks of several."""
    global _plan
    before, _plan = _plan, plan
    return before


def text_of_file(name: str) -> str | None:
    """The text that the user's file gives a parameter, as Metaflow reads it: `os.environ["METAFLOW_RUN_X"] = "1"`."""
    variable = f"METAFLOW_RUN_{name.replace('-', '_').upper()}"
    return None if variable in _inherited else os.environ.get(variable)


def is_compiled() -> bool:
    """Whether this process runs a compiled flow."""
    return _plan is not None


def config_entries() -> Dict[str, Dict[str, Any]] | None:
    """The configs by name; `None` where nothing was compiled."""
    return None if _plan is None else _plan.configs


def given_text(name: str, entry: Dict[str, Any] | None = None) -> str | None:
    """The text given for a parameter, for this run or else when the flow was compiled; `None` where its default counts.

    `entry` is the plan's, by default that of this process's plan, which the user's code needs to have been loaded for.
    Raises ParameterError for a value that cannot be read.
    """
    raw = received(name, os.environ.get(env_names.parameter_variable(name), USE_DEFAULT))
    if raw != USE_DEFAULT:
        return decode_value(name, raw)
    text: str | None = (parameter_entry(name) if entry is None else entry).get("value")
    return text


def parameter_entry(name: str) -> Dict[str, Any]:
    """What the plan says of a parameter: `value` is the text of a default that was given when the flow was compiled,
    and `file` the file in the code package that has the default content of an IncludeFile."""
    parameters = _plan.parameters if _plan is not None else ()
    nothing: Dict[str, Any] = {}
    return next((entry for entry in parameters if entry["name"] == name), nothing)


def load_plan() -> Plan:
    """The plan in the file that FLOWC_PLAN names, else in the code package that this process runs."""
    path = os.environ.get(env_names.PLAN)
    try:
        if path:
            with open(path, "rb") as file:
                return Plan(loads(file.read()))
        return Plan(loads(read_package(PLAN_FILE)))
    except (OSError, ValueError) as error:
        raise ProtocolError(f"the plan cannot be read: {error}") from error


class CodePackage:
    """The code package that this process runs."""

    def __init__(self, program: str | None, place: str) -> None:
        self.program = program
        """The zip that Python has been given; `None` where flowc is installed."""
        self.place = place
        """What has the plan and the flow's files: that zip, the folder that it is in, or what FLOWC_CODE names."""

    def read(self, name: str) -> bytes:
        """A file. Raises OSError."""
        if not os.path.isdir(self.place):
            from zipimport import zipimporter

            return zipimporter(self.place).get_data(name.replace("/", os.sep))
        path = os.path.join(self.place, name)
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            import zlib

            with open(path + PACKED_SUFFIX, "rb") as file:
                return zlib.decompress(file.read())


_package: CodePackage | None = None


def set_package(package: CodePackage) -> None:
    """Set the code package, once, when the process starts."""
    global _package
    _package = package


def find_package() -> None:
    """Set the code package that FLOWC_CODE names, and let it name a path for processes that this one starts.

    Raises ProtocolError and OSError.
    """
    place = os.environ.get(env_names.CODE)
    if place:
        if not os.path.isabs(place):
            place = os.environ[env_names.CODE] = _fetched(place)
        set_package(CodePackage(_package.program if _package is not None else None, place))


def _fetched(key: str) -> str:
    """The path of a new file with what the root has at a key, which holds its hash."""
    import hashlib

    from flowc.errors import MissingKey
    from flowc.shim.user_files import new_folder, remove_at_exit
    from flowc.store import open_store

    root = os.environ.get(env_names.ROOT, "")
    try:
        content = open_store(root).read_known(key)
    except MissingKey:
        raise ProtocolError(f"{root} has no {key}: compile the flow with --push, which uploads its code") from None
    if hashlib.sha256(content).hexdigest() != os.path.basename(key).partition(".")[0]:
        raise ProtocolError(f"{key} in {root} is not what its name says: remove it, and push it again")
    folder = new_folder()
    remove_at_exit(folder)
    path = os.path.join(folder, "code.zip")
    with open(path, "wb") as file:
        file.write(content)
    return path


def code_package() -> CodePackage | None:
    """The code package that this process runs; `None` where it runs none."""
    return _package


def read_package(name: str) -> bytes:
    """A file of the code package that this process runs. Raises ProtocolError and OSError."""
    if _package is None:
        raise ProtocolError("there is no plan: run the code package (python3 flow.pyz task ...), or set FLOWC_PLAN")
    return _package.read(name)
