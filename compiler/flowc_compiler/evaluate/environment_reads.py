"""Variables of the environment that the flow's files read: known where the command line names them.

Otherwise the default in the code stands for the variable. Its value when compiling counts only with the user's leave:
the output of a compilation must not depend on, or give away, what happens to be in the environment.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from flowc_compiler.evaluate.literals import ENV_AT_COMPILE, VARIABLES_READ
from flowc_compiler.evaluate.values import MISSING, Assumed, ReadVariable, Unresolved, VariableDefault
from flowc_compiler.evaluate.variable_files import find_variable
from flowc_compiler.ir.base import TaskVariable

if TYPE_CHECKING:
    from flowc_compiler.evaluate.evaluation_state import CallArguments
    from flowc_compiler.evaluate.evaluator import Evaluator

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:\w*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)|AUTH|PASS|PWD|DSN)S?(?:_|$)",
    re.IGNORECASE,
)
_OF_MANAGERS = frozenset(
    {
        "AWS_ENDPOINT_URL_SECRETS_MANAGER", "METAFLOW_AWS_SECRETS_MANAGER_DEFAULT_REGION",
        "METAFLOW_AZURE_KEY_VAULT_PREFIX", "METAFLOW_GCP_SECRET_MANAGER_PREFIX",
    }
)  # fmt: skip
"""Names that say where secrets are kept."""
_NO_SECRET = re.compile(r"|[+-]?[\d.]{1,9}|true|false|yes|no|on|off|none|null", re.IGNORECASE)
INSTEAD_OF_SECRETS = "read it in a step, and give it to the tasks with `--env-from-secret` or `@secrets`"
"""What to do about a secret that would be compiled."""
PLAIN_VALUE_HELP = (
    "remove it from here, and give the tasks a Kubernetes Secret that has it: `--env-from-secret NAME`, or "
    "`@secrets(sources=[{'type': 'kubernetes', 'id': 'NAME'}])`"
)
"""What to do about a secret's value that stands in a file or on the command line."""
ANY = "*"
"""Stands for all variables, among those that the file changes."""


def looks_secret(name: str) -> bool:
    """Whether the name of a variable says that its value is a secret."""
    return _SECRET_NAME.search(name) is not None and name not in _OF_MANAGERS


def is_plain_secret(name: str, value: str) -> bool:
    """Whether a variable's name says that its value is a secret, and the value may be one: `MAX_TOKENS=512` is none."""
    return looks_secret(name) and _NO_SECRET.fullmatch(value) is None


def task_variable(name: object, value: object) -> TaskVariable | None:
    """What gives a task the variable `name` where its value is a secret, read from the environment and not changed.

    `None` for any other value.
    """
    if not isinstance(value, Unresolved) or (isinstance(value, Assumed) and len(value.assumptions) != 1):
        return None
    read = next((item for item in value.options if isinstance(item, ReadVariable)), None)
    if read is None or not (looks_secret(read.name) or (isinstance(name, str) and looks_secret(name))):
        return None
    default = value.options[0]
    if not isinstance(default, str | int | float | ReadVariable | None):
        return None
    is_given = default is not None and not isinstance(default, ReadVariable)
    return TaskVariable(source=read.name, required=read.required, default=str(default) if is_given else None)


def way_out(name: str, file: str = "") -> str:
    """What to do about a variable whose value is needed when compiling, and which `file` sets, if any."""
    if looks_secret(name):
        return f"{name} looks like a secret, which belongs in no compiled file: {INSTEAD_OF_SECRETS}"
    return f"compile with `--env-at-compile {name}`, which takes its value from {file or 'the environment'}"


def read_variable(
    evaluator: Evaluator, name: object, node: ast.AST, default: object = MISSING, *, required: bool = False
) -> object:
    """The value of `os.environ[name]`, which is `required`, or of `os.environ.get(name, default)`.

    Raises EvaluationError where it is not known.
    """
    is_given = default is not MISSING
    default = default if is_given else None
    shown = evaluator.code(node)
    if not isinstance(name, str):
        message = f"which variable `{shown}` reads is not known"
        raise evaluator.refuse("FC115", message, node, "write its name out", name)
    evaluator.hazards += required
    if (noted := VARIABLES_READ.get()) is not None:
        noted.add(name)
    given = find_variable(evaluator.loaded_files, name)
    place = given.place if given is not None else ""
    if sets := evaluator.changed_variables & {name, ANY}:
        message = f"`{shown}` is a variable that the file itself sets or may set"
        help_text = "write the value that it sets" if sets and not looks_secret(name) else way_out(name)
        raise evaluator.refuse("FC115", message, node, help_text, default, ReadVariable(name, required=False))
    if name in ENV_AT_COMPILE.get()():
        if given is not None and given.value is not None:
            evaluator.note_secret(name, node)
            return given.value
        if given is not None:
            message = f"the value of {name} in {place} is not known: it has several lines, or `${{...}}` in it"
            raise evaluator.refuse("FC115", message, node, f"set {name} where you compile", default)
        if not required:
            return default
        message = f"`{shown}` has no value: --env-at-compile names {name}, which is not set"
        raise evaluator.refuse("FC115", message, node, f"set {name} where you compile", default)
    if required:
        message = f"`{shown}` reads the environment, and flowc does not read {name} there when it compiles"
        # Where the task loads a file, that may set it there, too.
        read = ReadVariable(name, required=not evaluator.loaded_files)
        raise evaluator.refuse("FC115", message, node, way_out(name, place), read)
    plain = default if isinstance(default, str | int | float | None) else ...
    found = VariableDefault(name, shown, plain, evaluator.span(node), is_given)
    message = f"`{shown}` depends on the environment, and flowc does not read {name} there when it compiles"
    if isinstance(default, Unresolved) and not isinstance(default, Assumed):
        raise evaluator.refuse("FC115", message, node, way_out(name, place), default)
    own = default.assumptions if isinstance(default, Assumed) else ()
    value = default.value if isinstance(default, Assumed) else default
    options = (default, ReadVariable(name, required=False))
    return Assumed(message, way_out(name, place), options, value=value, assumptions=(found, *own))


def call_getenv(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    """`os.getenv(name, default)` and `os.environ.get(name, default)`."""
    values = [given.value for given in arguments.positional]
    named = {key: given.value for key, given in arguments.keywords.items()}
    if arguments.open or not 1 <= len(values) + len(named) <= 2 or named.keys() - {"key", "default"}:
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the variable")
    name = values[0] if values else named.get("key")
    default = values[1] if len(values) > 1 else named.get("default", MISSING)
    return read_variable(evaluator, name, node, default)
