"""What the plan says of the steps with a cache: digests of their code, place in the flow, and environment.

The shim adds what a task reads; see `flowc.shim.task_cache`.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc.protocol import env_names
from flowc_compiler.ir import CacheSpec
from flowc_compiler.passes.caching import cached_steps
from flowc_compiler.syntax.reached_code import CodeGraph
from flowc_targets.package.run_plan import build_plan, literal, survives_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from flowc_compiler.ir import Flow, Parameter, Step, StepSpecs
    from flowc_compiler.syntax.local_code import LocalCode
    from flowc_targets.package.code_package import PodDefaults

_PLACE = ("kind", "depth", "closes_kind", "arms", "foreach_var", "condition", "loops", "max_iterations", "cases")
"""What of a step's entry in the plan its result depends on, beside its code."""
_SHORT = 32
_CHUNK = 1 << 20


def add_cache(plan: dict[str, Any], flow: Flow, code: LocalCode, included: Sequence[Path], pods: PodDefaults) -> None:
    """Complete the entries of steps with a cache, if there are any."""
    steps = cached_steps(flow)
    if not steps:
        return
    reached = _reached(flow, code, steps, included)
    for step in steps:
        entry: dict[str, Any] = plan["steps"][step.name]
        spec = step.specs.cache or CacheSpec()
        entry["cache"] = {
            "code": reached.digests.get(step.name, "")[:_SHORT],
            "graph": _digest([plan["module"], *_place(entry), _call(entry)]),
            "environment": _digest(_environment(step.specs, frozenset(spec.ignore), pods)),
            **({"version": spec.version} if spec.version else {}),
            **({"ttl": spec.ttl} if spec.ttl is not None else {}),
            **({"ignore": list(spec.ignore)} if spec.ignore else {}),
        }
    plan["code_units"] = reached.units
    if flow.frontend == "class" and any(step.name == flow.start for step in steps):
        plain = _plain_parameters(flow, code)
        if plain is not None:
            plan["plain"] = plain


def code_digests(flow: Flow, code: LocalCode) -> dict[str, str]:
    """What each step is made of, as a digest: the code that it can reach, and its place in the flow."""
    plan = build_plan(flow)
    reached = _reached(flow, code, flow.steps, ())
    calls: dict[str, Any] = plan.get("calls", {})
    found: dict[str, str] = {}
    for name, entry in plan["steps"].items():
        call = calls.get(entry.get("within") or name)
        found[name] = _digest([reached.digests.get(name, ""), *_place(entry), _call(entry), call])
    return found


def _place(entry: Mapping[str, Any]) -> list[Any]:
    """A step's place in the flow, and what runs around it: hooks, and what mutators add."""
    around = [entry[name] for name in ("wrappers", "hooks") if name in entry]
    fan: Mapping[str, Any] = entry.get("fan") or {}
    values = [*fan.get("sources", ()), *entry.get("tests", ())]
    return [*(entry.get(name) for name in _PLACE), fan.get("product"), [*map(_form, values)], *around]


def _reached(flow: Flow, code: LocalCode, steps: Iterable[Step], included: Sequence[Path]) -> Any:
    paths = {name: path for path, name in code.names.items()}
    functions: dict[str, list[tuple[str, Path | None]]] = {}
    for step in steps:
        if step.within is not None or any(wrapper.own is None for wrapper in step.wrappers or ()):
            functions[step.name] = [("", None)]  # of another flow, or what a mutator adds: that may be anywhere
        elif step.call is not None:
            home = paths.get(step.call.module or "")
            functions[step.name] = [(step.call.function, home), *_hooks(step.specs, home, paths)]
        elif flow.frontend == "class":
            functions[step.name] = [(step.name, None)]
        elif (step.kind == "foreach" and step.fan is not None) or (step.kind == "switch" and step.tests):
            functions[step.name] = [("", None)]  # values of the user's classes may run any code
    names = (step.name for step in flow.steps) if flow.frontend == "class" else ()
    graph = CodeGraph(code, names, flow.name if flow.frontend == "class" else None)
    others = sorted({*code.files, *included} - set(code.trees))
    files = [[path.name, _content(path)] for path in others]
    return graph.reached(functions, _digest(files) if files else "")


def _hooks(specs: StepSpecs, home: Path | None, paths: Mapping[str, Path]) -> Iterator[tuple[str, Path | None]]:
    """The functions that a step has as hooks, with their files, but for those of installed packages."""
    if specs.hooks is None:
        return
    for name in specs.hooks.model_dump(exclude={"span"}, exclude_none=True).values():
        module, dot, function = name.rpartition(".")
        if not dot:
            yield name.removeprefix(":"), None if name.startswith(":") else home
        elif module in paths:
            yield function, paths[module]


def _content(path: Path) -> str:
    """The digest of a file that is no module: nothing says who reads it, so that it counts for every step."""
    hasher = hashlib.sha256()
    try:
        if not path.is_file():  # a pipe has no end
            return ""
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
    except OSError:  # reported where the file is packed
        return ""
    return hasher.hexdigest()


def _call(entry: Mapping[str, Any]) -> Any:
    call: dict[str, Any] = dict(entry.get("call") or {})
    arguments: dict[str, Any] = call.pop("arguments", {})
    catch: dict[str, Any] = entry.get("catch") or {}
    following = entry["next"] if entry["kind"] == "switch" else None
    return [call, {name: _form(value) for name, value in arguments.items()}, catch.get("var"), following]


def _form(value: Mapping[str, Any]) -> Any:
    """A value of a plan without the line that it is written in, and without the names of what tasks look up."""
    for kind, found in value.items():
        match kind:
            case "literal":
                return [kind, json.dumps(found)]  # a dict has an order
            case "output" | "item" | "parameter" | "stored":
                return [kind, value.get("levels", 0)]
            case "element":
                return [kind, _form(found), value["key"], value.get("entries")]
            case "dict":
                return [kind, [[_form(key), _form(item)] for key, item in found]]
            case "list" | "tuple" | "set":
                return [kind, [*map(_form, found)]]
            case "chosen":
                return [kind, [[case, _form(item)] for case, item in value["cases"]]]
            case "each":
                return [kind, _form(value["value"])]
            case _:
                pass
    rest = {name: item for name, item in value.items() if name not in ("at", "of")}
    return [rest, [*map(_form, value.get("of", ()))]]  # an operation, an object, or a literal as Python's text


def _environment(specs: StepSpecs, ignored: frozenset[str], pods: PodDefaults) -> Any:
    """The image, the packages and the variables of a step."""
    container, packages, variables = specs.container, specs.dependencies, specs.environment
    own = container.image if container is not None else None
    found: dict[str, Any] = {"image": [own or pods.image, container.executable if container is not None else None]}
    if packages is not None and packages.needed:
        found["packages"] = packages.model_dump(mode="json", exclude={"span", "lock"})
        found["lock"] = packages.lock.name if packages.lock is not None else None
    known = {**pods.env, **(variables.known if variables is not None else {})}
    names = (name for name in known if name not in ignored and not name.startswith(env_names.PREFIX))
    found["variables"] = {name: known[name] for name in names}
    return {name: value for name, value in found.items() if value not in ([None, None], {})}


def _plain_parameters(flow: Flow, code: LocalCode) -> dict[str, Any] | None:
    """The defaults of a class flow's parameters; `None` where one of them takes the user's code."""
    texts = (code.source.text, *code.texts.values())
    if flow.configs or any("METAFLOW_RUN_" in text for text in texts) or not all(map(_is_plain, flow.parameters)):
        return None
    return {parameter.attribute: _plain(parameter) for parameter in flow.parameters}


def _is_plain(parameter: Parameter) -> bool:
    unusual = (
        parameter.source != "value" or parameter.deferred_type or parameter.dynamic_default or parameter.converter
        or parameter.choices or parameter.minimum is not None or parameter.maximum is not None or parameter.counted
        or parameter.takes_several or parameter.flag is not None or parameter.envvar
    )  # fmt: skip
    kinds = {"str": str, "int": int, "float": float, "bool": bool}
    default: object = parameter.default
    typed = default is None or (type(default) is kinds.get(parameter.type) and survives_json(default))
    return not unusual and typed


def _plain(parameter: Parameter) -> dict[str, Any]:
    needs_value = parameter.required and not parameter.has_default
    return {
        **({} if needs_value else {"default": literal(parameter.default)}),
        **({"separator": parameter.separator} if parameter.separator else {}),
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:_SHORT]
