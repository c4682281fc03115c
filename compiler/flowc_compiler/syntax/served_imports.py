"""What imports of `metaflow`, `zenml` and `flowc` mean in the user's file.

The shim answers these imports when a task runs. `flowc.protocol` has the names that are served; here are the reasons,
as help lines, why others are refused. `unserved_names` finds these in a file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from flowc.protocol import metaflow_names, zenml_names
from flowc_compiler.diagnostics import Fix, suggest
from flowc_compiler.diagnostics.pages import page_to_read
from flowc_compiler.syntax.metaflow_extensions import extension_of
from flowc_compiler.syntax.tree_walk import walk

if TYPE_CHECKING:
    from flowc_compiler.source import Span
    from flowc_compiler.syntax.modules import ModuleView

ROOTS = frozenset({"flowc", "metaflow", "zenml"})
"""The packages whose names the shim provides."""

MODULES: dict[str, frozenset[str]] = {
    module: frozenset(names) for module, names in (metaflow_names.MODULES | zenml_names.MODULES).items()
}
"""The modules of Metaflow and ZenML that are served, and the names of each."""

OF_FLOWC = MODULES["metaflow"] - {"exception"} | {"errors", *metaflow_names.OWN, *zenml_names.PIPELINES}
"""What `flowc` itself serves: the names of Metaflow, its own, and those of pipelines."""
_MOST_NAMES = 12
"""So many names are all listed in a help line; of more, `_NEAREST` ones that are like what was written."""
_NEAREST = 3
OF_OTHERS = ROOTS - {"flowc"}
"""Those that are other projects' own."""


def is_served(module: str, name: str | None) -> bool:
    """Whether a module, or a name of it, is there when a task runs."""
    if module.partition(".")[0] == "flowc":
        return _flowc_serves(module, name)
    if module not in MODULES:
        return zenml_names.is_idle(module, name)
    return name is None or name == "*" or name.startswith("__") or name in MODULES[module]


def starts_commands(module: str, name: str | None) -> bool:
    """Whether a served name, such as `Runner`, starts the `flowc` command, which only images with flowc have."""
    return module in {"flowc", "metaflow"} and name in metaflow_names.COMMANDS


def package_for(name: str, imported: Iterable[str]) -> str:
    """The package to import a served name from: the first of those that a file imports already and that have it."""
    roots = dict.fromkeys(root for root in imported if root in OF_OTHERS and name in MODULES[root])
    return next(iter(roots), "flowc")


def _flowc_serves(module: str, name: str | None) -> bool:
    """`flowc` serves what `metaflow` does, except for its modules; its own modules have what they bind."""
    if module != "flowc":
        return _own_module_has(module, name)
    return name in (None, "*") or name.startswith("__") or name in OF_FLOWC


@cache
def _own_module_has(module: str, name: str | None) -> bool:
    """Whether a module of flowc itself is there, and has a name; of one that cannot be imported here, any."""
    try:
        loaded = import_module(module)
        return name in (None, "*") or hasattr(loaded, name) or find_spec(f"{module}.{name}") is not None
    except ModuleNotFoundError as error:
        # `find_spec` in a module that is no package fails as if the module were missing.
        return not f"{module}.{name}".startswith(error.name or module)
    except ImportError:
        return True


def _explain_own(module: str, name: str | None) -> tuple[str, str, Fix | None]:
    """As `explain`, of a module of flowc other than `flowc`."""
    if name is None or not _own_module_has(module, None):
        above = import_module("flowc")
        modules = [item.name for item in iter_modules(above.__path__) if not item.name.startswith("_")]
        known = [f"flowc.{item}" for item in modules]
        return f"flowc has no module {module}", suggest(module, known, "write `from flowc import ...`").help, None
    bound = vars(import_module(module)).items()
    public = sorted(item for item, value in bound if str(getattr(value, "__module__", "")).startswith("flowc"))
    help_text, fix = suggest(name, public, f"it has {_few_of(public, name)}", cutoff=0.75)
    return f"{module} has no name `{name}`", help_text, fix


def explain(module: str, name: str | None) -> tuple[str, str, Fix | None]:
    """Message, help line and fix for a name, or a whole module, that is not served."""
    if module.startswith("flowc."):
        return _explain_own(module, name)
    message = f"flowc does not serve `{name}` of {module}"
    if name is None or (module not in MODULES and module != "flowc"):
        root = module.partition(".")[0]
        others = ", ".join(sorted(item for item in MODULES if item.startswith(f"{root}.") and MODULES[item]))
        said = f"it serves {root}, {others}"
        return (
            f"flowc does not serve the module {module}",
            METAFLOW_REFUSED.get(module) or refusal_of_zenml(module) or said,
            None,
        )
    if module.partition(".")[0] == "zenml" and (why := refusal_of_zenml(module, name)):
        return message, why, None
    if name in METAFLOW_REFUSED and module in {"metaflow", "flowc", "metaflow.cards"}:
        return message, METAFLOW_REFUSED[name], None
    if name in metaflow_names.OWN:
        return message, f"it is flowc's own: write `from flowc import {name}`", None
    if (extension := extension_of(name)) is not None:
        return f"{message}, where the extension {extension.package} adds it", extension.way_out, None
    served = MODULES.get(module, OF_FLOWC)
    page = {"flowc": "decorators", "zenml": "zenml"}.get(module.partition(".")[0], "metaflow")
    help_text, fix = suggest(name, served, f"it serves {_few_of(served, name, page)}", cutoff=0.75)
    return message, help_text, fix


def _few_of(names: Iterable[str], wrong: str, page: str | None = None) -> str:
    """Names, or of many those like the `wrong` one, and the page that says more where there is one."""
    from difflib import get_close_matches

    known = sorted(names)
    if len(known) <= _MOST_NAMES:
        return ", ".join(known)
    part = wrong.lower()
    within = sorted((name for name in known if part in name.lower()), key=lambda name: name.lower().index(part))
    like = list(dict.fromkeys([*get_close_matches(wrong, known, _NEAREST), *within]))[:_NEAREST]
    few = f"{', '.join(like)} and {len(known) - len(like)} others" if like else f"{len(known)} other names"
    return few if page is None else f"{few}: see {page_to_read(page)}"


class ServedName(ast.Name):
    """A served name itself, in place of what a file calls it."""


_GENERIC = {"Parameter", "Config", "IncludeFile", "Inputs"}
"""Classes that take the type of their value in brackets."""


class Names:
    """The meaning of names at a module's top level, by its import statements."""

    def __init__(self, tree: ast.Module) -> None:
        self._modules: dict[str, str] = {}
        self._names: dict[str, str] = {}
        for statement in tree.body:
            self._statement(statement)

    def resolve(self, node: ast.expr) -> str | None:
        """The served or known name that an expression stands for, such as `step` for `mf.step`; else `None`.

        `Parameter[int]` is `Parameter`.
        """
        if isinstance(node, ServedName):
            return node.id
        if isinstance(node, ast.Name):
            return self._names.get(node.id)
        if isinstance(node, ast.Attribute) and (parts := dotted(node.value)) and parts[0] in self._modules:
            module = ".".join((self._modules[parts[0]], *parts[1:]))
            return node.attr if len(parts) == 1 or module in MODULES else None
        if isinstance(node, ast.Subscript):
            generic = self.resolve(node.value)
            return generic if generic in _GENERIC else None
        return None

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import(names=aliases):
                for alias in aliases:
                    self._import(alias)
            case ast.ImportFrom(module=str(module), level=0):
                self._import_from(statement, module)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name() | ast.Attribute() as value):
                if (meaning := self.resolve(value)) is not None:
                    self._names[name] = meaning
            case ast.Try() | ast.If():
                self._either(statement)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                self._names.pop(name, None)  # the file's own, from here on
                self._modules.pop(name, None)
            case _:
                pass

    def _either(self, statement: ast.Try | ast.If) -> None:
        """Ways that exclude each other: what the first one binds stands, the others add to it."""
        for number, body in enumerate(_ways(statement)):
            names, modules = dict(self._names), dict(self._modules)
            for inner in body:
                self._statement(inner)
            if number:
                self._names.update(names)
                self._modules.update(modules)

    def _import(self, alias: ast.alias) -> None:
        root = alias.name.partition(".")[0]
        if root in ROOTS and alias.asname is None:
            self._modules[root] = root
        elif alias.asname is not None and (alias.name in ROOTS or alias.name in MODULES):
            self._modules[alias.asname] = alias.name

    def _import_from(self, statement: ast.ImportFrom, module: str) -> None:
        if module.partition(".")[0] not in ROOTS:
            return
        for alias in statement.names:
            if alias.name == "*":
                self._names.update({name: name for name in MODULES.get(module, OF_FLOWC)})
            elif module in MODULES or module.startswith("flowc") or is_served(module, alias.name):
                self._names[alias.asname or alias.name] = alias.name


def _ways(statement: ast.Try | ast.If) -> Iterator[list[ast.stmt]]:
    """The bodies of a statement, those of its `elif`s included; a `finally` and an `else` may add to the others."""
    while True:
        yield statement.body
        if isinstance(statement, ast.Try):
            yield from (handler.body for handler in statement.handlers)
            yield statement.finalbody
        match statement.orelse:
            case [ast.If() as inner] if isinstance(statement, ast.If):
                statement = inner
            case orelse:
                yield orelse
                return


def nested_pipeline(tree: ast.Module, names: Names) -> tuple[ast.FunctionDef, str] | None:
    """A pipeline that is defined in a function or a class, and the name of that; `None` where there is none."""
    owners = (node for node in walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef))
    for owner in owners:
        for item in owner.body:
            decorators = item.decorator_list if isinstance(item, ast.FunctionDef) else []
            if isinstance(item, ast.FunctionDef) and "pipeline" in map(names.resolve, map(callee, decorators)):
                return item, owner.name
    return None


def no_flow(view: ModuleView) -> tuple[str, Span, str]:
    """The message, the place and the help of FC102 for a file without a flow."""
    nested = nested_pipeline(view.tree, view.names)
    if nested is not None:
        node, owner = nested
        message = f"the pipeline `{node.name}` is defined in `{owner}`, and flowc reads those at the top of a file"
        help_text = f"move it out of `{owner}`, and make what it takes from there its parameters"
        return message, view.name_span(node), help_text
    way_out = "a flow is `class MyFlow(FlowSpec)` with `@step` methods, or a function with `@pipeline`"
    return f"there is no flow in {view.source.name}", view.source.line_span(1), way_out


def dotted(node: ast.expr | None) -> tuple[str, ...]:
    """The parts of `a.b.c`; none for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else ()


def callee(item: ast.expr) -> ast.expr:
    """What is called: `retry` of `retry(times=2)`; for anything but a call, such as the decorator `@retry`, itself."""
    return item.func if isinstance(item, ast.Call) else item


_EXECUTES = "it changes the flow by running code when the file is imported, and flowc compiles without running the file"

METAFLOW_REFUSED: dict[str, str] = {
    "package_sources": f"{_EXECUTES}; name the files with --include",
    "inspect_spin": "flowc has no `spin`; read runs with Run, Step and Task",
    "get_cards": "cards are drawn by `flowc report` and `flowc ui`, and are not read by code",
}
"""Names of Metaflow that are refused for a reason, which is the help line."""

_ARTIFACTS = (
    "an artifact belongs to the run that created it: pass it from step to step, or read another run with `Client`"
)
_STACK = "flowc has no stacks: use the library itself within the step"
_ALERTS = "write a hook function, and pass it to the pipeline as on_failure or on_success"
_OLD = "it is from ZenML before 0.40: annotate arguments and results of the step, and pass values as arguments"
_PLACES = "use KubernetesOrchestratorSettings, or the arguments of flowc's own `@step`"

ZENML_REFUSED: dict[str, str] = {
    "BaseParameters": _OLD,
    "BaseStep": _OLD,
    "Output": _OLD,
    "StepContext": _OLD,
    "add_tags": "give tags to the run with `flowc run --tag`",
    "bulk_log_metadata": "call log_metadata for each of them",
    "link_artifact_to_model": "flowc has no model registry: use the registry's own client within a step",
    "register_artifact": _ARTIFACTS,
    "remove_tags": "give tags to the run with `flowc run --tag`",
    "run_with_accelerate": "start it within the step: `subprocess.run(['accelerate', 'launch', 'train.py'])`",
    "run_hook": "call the function from the step",
    "show": "flowc has no dashboard: read runs with `Client`",
    "zenml.alerter": _ALERTS,
    "zenml.model_deployers": _STACK,
    "zenml.model_registries": _STACK,
    "zenml.post_execution": "read runs with `Client().get_pipeline_run(...)`",
    "zenml.services": _STACK,
    "zenml.stack": _STACK,
}
"""Names of ZenML that are refused for a reason, which is the help line; of a module also those in it."""

_REGISTRY = "flowc has no model registry: use the registry's own client within a step"
_ATTRIBUTES_REFUSED = {
    "model_id": _REGISTRY,
    "number": "flowc has no model registry: a version of a model has a name, by default the run's id",
    "stack": _STACK,
    "experiment_tracker": _STACK,
    "secret": "read the variable, and name its Secret by `@step(secrets=[...])`, `@secrets` or `--env-from-secret`",
    "active_": "flowc has no server, and no projects and users of one: write the value out, or make it a parameter",
    "tag": "give tags to the run with `flowc run --tag`",
    "output_artifact": "return the value from the step: each output is an artifact, and `Client` gives its value",
    "output_materializer": "flowc stores whatever a step returns, and needs no materializers",
    "pipeline_state": "return the value from a first step, and pass it to the others",
    "_id": "what was committed does not change: a step keeps metadata of itself and of its outputs",
    "run_id_name_or_prefix": "what was committed does not change: a step keeps metadata of itself and of its outputs",
    "step_name": "leave it out: the metadata is that of the running step",
    "uri": "flowc stores values, and not the files of a materializer: read the value with `.load()`",
    "trigger": "start runs with `flowc run`, or on the engine",
    "create": "flowc has no server, and only reads runs: make it where it belongs",
    "delete": "`flowc rm` and `flowc gc` remove what runs left behind",
    "update": "flowc has no server, and only reads runs",
    "input": "read the outputs of the steps before it",
}
"""Why attributes of objects that ZenML's client gives are refused, by a part of their names."""


def refusal_of_attribute(name: str) -> str:
    """Why an attribute or argument is not served, as a help line; empty where there is no more to say of it."""
    return next((reason for part, reason in _ATTRIBUTES_REFUSED.items() if part in name), "")


def refusal_of_zenml(module: str, name: str | None = None) -> str:
    """Why a name, or a module of ZenML, is not served, as a help line; empty where there is no more to say of it."""
    if name is not None and name in ZENML_REFUSED:
        return ZENML_REFUSED[name]
    parts = module.split(".")
    for length in range(len(parts), 1, -1):
        if (head := ".".join(parts[:length])) in ZENML_REFUSED:
            return ZENML_REFUSED[head]
    if module.startswith("zenml.integrations."):
        return _PLACES if "flavor" in module or (name or "").endswith("Settings") else _STACK
    return ""
