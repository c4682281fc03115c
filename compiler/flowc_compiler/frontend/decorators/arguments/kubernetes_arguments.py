"""Arguments in Kubernetes' own words: affinity, security, names of objects, and folders that volumes are mounted at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ValidationError
from pydantic_core import PydanticCustomError

from flowc_compiler.frontend.decorators.arguments import PROBLEMS
from flowc_compiler.frontend.decorators.arguments.argument_types import Names, Pairs, as_dict, as_list
from flowc_compiler.frontend.spec_builder import Origin
from flowc_compiler.ir import Affinity, PodSecurity, SecurityContext, Toleration
from flowc_compiler.ir.kubernetes import camel

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_RESOURCE = re.compile(
    rf"(?!([^/]*\.)?kubernetes\.io/|requests\.){_NAME.pattern}/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII
)
_MOST = 253
_INSTANCE = re.compile(r" or instance of \w+")


class Security(SecurityContext, PodSecurity):
    """A security context with what Kubernetes says of the pod and not of a container: its groups."""

    def container(self) -> SecurityContext | None:
        """The container's part."""
        return _part(SecurityContext, self)

    def pod(self) -> PodSecurity | None:
        """The pod's part."""
        return _part(PodSecurity, self)


def _part(model: type[Model], whole: Security) -> Model | None:
    found = model.model_validate({name: getattr(whole, name) for name in model.model_fields})
    return None if found == model() else found


def reading(model: type[Model]) -> Callable[[object], Model | None]:
    """A validator that makes the model of a dict, and says of what is wrong where in the dict it stands."""

    def read(value: object) -> Model | None:
        if value is None or isinstance(value, model):
            return value
        try:
            return model.model_validate(value)
        except ValidationError as error:
            raise ValueError(explained(error, model)) from None

    return read


def explained(error: ValidationError, model: type[BaseModel]) -> str:
    """The problems of a dict in Kubernetes' words, with the path to each and, of unknown fields, the known ones."""
    return "; ".join(_explained(problem, model) for problem in error.errors())


def _explained(problem: ErrorDetails, model: type[BaseModel]) -> str:
    where = ".".join(camel(part) if isinstance(part, str) else str(part) for part in problem["loc"])
    message = _INSTANCE.sub("", str(problem["msg"]).removeprefix("Value error, "))
    if problem["type"] == "extra_forbidden":
        owner = _model_at(model, tuple(problem["loc"][:-1]))
        known = ", ".join(camel(name) for name in owner.model_fields) if owner is not None else ""
        message = f"Kubernetes has no such field here; it has {known}" if known else "no such field"
    return f"{where}: {message}" if where else message


def _model_at(model: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model at a path of fields and indices."""
    for part in path:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        inner = None if field is None else next(_models(field.annotation), None)
        if inner is None:
            return None
        model = inner
    return model


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models in an annotation such as `Model | None` and `tuple[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for item in get_args(annotation):
        yield from _models(item)


def check_path(path: str) -> str:
    """A folder in a container. Raises ValueError."""
    if not path.startswith("/"):
        raise ValueError("the path must begin with /")
    if ":" in path:
        raise ValueError(f"{path!r}: Kubernetes takes no : in the path of a mount")
    return path


def _check_mounts(mounts: dict[str, str]) -> dict[str, str]:
    for path in mounts.values():
        check_path(path)
    return mounts


def check_name(name: str) -> str:
    """The name of an object of Kubernetes. Raises ValueError."""
    if not (_NAME.fullmatch(name) and len(name) <= _MOST):
        raise ValueError(
            f"{name!r} is not a valid name in Kubernetes: lowercase letters, digits, - and ., at most {_MOST}"
        )
    return name


def _check_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        check_name(name)
    return names


def _check_keys(mounts: dict[str, str]) -> dict[str, str]:
    for name in mounts:
        check_name(name)
    return _check_mounts(mounts)


def check_extended(amounts: dict[str, str]) -> dict[str, str]:
    """Extended resources and how many of each, as Kubernetes takes them. Raises ValueError."""
    for name, amount in amounts.items():
        if name in ("cpu", "memory", "ephemeral-storage"):
            raise ValueError(f"{name} is not an extended resource: it has an argument of its own")
        if not (_RESOURCE.fullmatch(name) or name.startswith("hugepages-")):
            raise ValueError(f"{name!r} is not an extended resource, such as 'aws.amazon.com/neuron'")
        if not name.startswith("hugepages-") and not re.fullmatch(r"\d+[kMGTPE]?", amount, re.ASCII):
            raise ValueError(f"{amount!r} of {name}: Kubernetes gives out whole ones")
    return amounts


def tolerations(items: Sequence[Mapping[str, object]], origin: Origin) -> tuple[Toleration, ...]:
    """Tolerations as Kubernetes has them, or its client for Python; what is none is FC404."""
    found: list[Toleration] = []
    for item in items:
        try:
            found.append(Toleration.model_validate(item))
        except ValidationError as error:
            origin.error(
                "FC404", f"a toleration: {explained(error, Toleration)}",
                help="a toleration has key, operator, value, effect and tolerationSeconds, as in Kubernetes",
            )  # fmt: skip
    return tuple(found)


def _check_patch(patch: object) -> object:
    """A part of a pod, as Kubernetes has it. Raises PydanticCustomError with all that does not fit."""
    if patch is None or patch in ({}, [], ()):
        return {}
    from flowc_compiler.ir.manifest_schema import pod_patch_problems

    problems = pod_patch_problems(patch)
    if problems:
        text = "; ".join(f"{item.text()} ({item.help})" for item in problems)
        raise PydanticCustomError("patch", "{text}", {"text": text, PROBLEMS: problems})
    return patch


_TAKEN = frozenset({"main", "base", "init", "wait", "inputs", "outputs"})
"""The names of containers that flowc, Argo and Airflow put into pods."""

_CONTAINER = re.compile("(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def _check_containers(items: object) -> object:
    """Whole containers beside the step's own. Raises PydanticCustomError with all that does not fit."""
    from flowc_compiler.ir.manifest_schema import SchemaProblem, pod_patch_problems

    if items in (None, ()):
        return ()
    depth = len(("spec", "initContainers"))
    found = [item._replace(path=item.path[depth:]) for item in pod_patch_problems({"spec": {"initContainers": items}})]
    reported = {item.path for item in found}
    for number, item in enumerate(as_list(items) or ()):
        fields = as_dict(item) or {}
        for name in ("name", "image"):
            if not fields.get(name) and (number,) not in reported:
                reported.add((number,))
                found.append(SchemaProblem((number,), f"`{name}` is missing", "a container needs its name and image"))
        if fields.get("name") in _TAKEN:
            message = f"`{fields['name']}` is the name of a container that flowc or an engine has in the pod"
            found.append(SchemaProblem((number, "name"), message, "give it another name"))
        elif isinstance(fields.get("name"), str) and fields["name"] and not _CONTAINER.fullmatch(fields["name"]):
            message = f"{fields['name']!r} is not the name of a container"
            found.append(SchemaProblem((number, "name"), message, "write lowercase letters, digits and -, at most 63"))
    if found:
        text = "; ".join(f"{item.text()} ({item.help})" for item in found)
        raise PydanticCustomError("containers", "{text}", {"text": text, PROBLEMS: found})
    return items


AffinityArgument = Annotated[Affinity | None, BeforeValidator(reading(Affinity))]
"""A pod's affinity, as a dict."""
SecurityArgument = Annotated[Security | None, BeforeValidator(reading(Security))]
"""Security of the container, and groups of the pod, as one dict."""
ObjectName = Annotated[str | None, AfterValidator(lambda name: name if name is None else check_name(name))]
"""The name of an object of Kubernetes."""
ObjectNames = Annotated[Names, AfterValidator(_check_names)]
"""One name, or several."""
PatchArgument = Annotated[dict[str, Any], BeforeValidator(_check_patch)]
"""A part of a pod that is merged into it: `metadata` and `spec`."""
ContainersArgument = Annotated[tuple[dict[str, Any], ...], BeforeValidator(_check_containers)]
"""Containers in Kubernetes' words."""
NamedMounts = Annotated[Pairs, AfterValidator(_check_keys)]
"""Names of objects that are mounted, and the folders that they are mounted at."""
