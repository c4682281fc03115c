"""Every object that is emitted, against Argo's own schemas: fields, types and enums of 3.6 and 4.1.

The CRDs are those of `../shared/cluster`, or of the folder that `ARGO_CRDS` names; `schema.json` is the file
`api/jsonschema/schema.json` of a release, in `argo-VERSION/` of `ARGO_SCHEMAS`, by default `~/.cache/flowc-cluster`.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from flowc_targets.argo import TARGET
from tests.argo.manifests import emit
from tests.argo.schema import Checker
from tests.argo.test_lint import FLOWS, PROFILES, unscheduled
from tests.conftest import GOLDENS, REPOSITORY, examples_on
from tests.support import yaml_documents

CRDS = Path(os.environ.get("ARGO_CRDS", REPOSITORY.parent / "shared" / "cluster" / "argo" / "crds-4.1.2"))
SCHEMAS = Path(os.environ.get("ARGO_SCHEMAS", "~/.cache/flowc-cluster")).expanduser()
RELEASES = {path.parent.name: path for path in sorted(SCHEMAS.glob("argo-*/schema.json"))}
SOURCES = [*RELEASES, *(["crds"] if CRDS.is_dir() else [])]
MANIFESTS = {str(path.relative_to(GOLDENS)): path for path in sorted(GOLDENS.glob("*/argo*.yaml"))}
KINDS = TARGET.capabilities.kinds_of_output
DEFINITIONS = {"Sensor": "github.com.argoproj.argo_events.pkg.apis.events.v1alpha1"}
"""Where kinds are that are not of Argo Workflows."""
ENUMS = {
    "imagePullPolicy": {"Always", "IfNotPresent", "Never"},
    "medium": {"", "Memory"},
    "protocol": {"TCP", "UDP", "SCTP"},
    "effect": {"", "NoSchedule", "PreferNoSchedule", "NoExecute"},
    "restartPolicy": {"Always", "OnFailure", "Never"},
}
"""Fields of Kubernetes that neither schema lists the values of, and a pod would be refused for."""

pytestmark = pytest.mark.skipif(
    not SOURCES, reason=f"neither {CRDS} nor {SCHEMAS}/argo-*/schema.json is there (ARGO_CRDS, ARGO_SCHEMAS)"
)


@cache
def checker(source: str) -> Checker:
    """The definitions of a release; CRDs have none."""
    return Checker(json.loads(RELEASES[source].read_text()) if source in RELEASES else {})


@cache
def crd(kind: str) -> dict[str, Any]:
    """The schema of a kind in the full CRDs. `metadata` is an ObjectMeta, which they do not spell out."""
    text = (CRDS / f"argoproj.io_{kind.lower()}s.yaml").read_text()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    schema: dict[str, Any] = yaml.load(text, loader)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["metadata"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return schema


def problems(document: dict[str, Any], source: str) -> list[str]:
    """What a schema finds wrong with an object, and values that Kubernetes does not know."""
    kind = document["kind"]
    if source == "crds" and kind in DEFINITIONS:
        return []
    home = DEFINITIONS.get(kind, "io.argoproj.workflow.v1alpha1")
    schema = crd(kind) if source == "crds" else {"$ref": f"#/definitions/{home}.{kind}"}
    if kind in DEFINITIONS:  # which do not list what every object has
        document = {name: item for name, item in document.items() if name not in {"apiVersion", "kind"}}
    found = list(checker(source).problems(document, schema, kind))
    return [*found, *(f"{path}: {value!r} is unknown" for path, value in _unlisted(document, kind))]


def _entries(tree: Any) -> Iterable[tuple[Any, Any]]:
    """What is directly in a tree, with its key or number."""
    entries: Any = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return cast("Iterable[tuple[Any, Any]]", entries)


def _unlisted(tree: Any, path: str) -> Iterator[tuple[str, str]]:
    """Strings that are not in `ENUMS`."""
    for name, item in _entries(tree):
        if isinstance(item, str) and name in ENUMS and item not in ENUMS[name]:
            yield f"{path}.{name}", item
        yield from _unlisted(item, f"{path}.{name}")


def all_problems(text: str, source: str) -> list[str]:
    """The same of all objects of a manifest. A ConfigMap is Kubernetes' own, and has no fields but these."""
    found: list[str] = []
    for document in yaml_documents(text):
        if document["kind"] == "ConfigMap":
            allowed = {"apiVersion", "kind", "metadata", "immutable", "data", "binaryData"}
            found += [f"ConfigMap.{name}: unknown field" for name in document if name not in allowed]
        else:
            found += problems(document, source)
    return found


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("golden", MANIFESTS)
def test_golden(golden: str, source: str) -> None:
    if golden.endswith("-3.5.yaml") and source != "argo-3.6.19":
        pytest.skip("of a release whose fields 4.x has no longer")
    assert all_problems(MANIFESTS[golden].read_text(), source) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("flow", [*FLOWS, *examples_on("argo.yaml")])
def test_of_each_kind(flow: str, kind: str, tmp_path: Path) -> None:
    text = FLOWS[flow] if flow in FLOWS else examples_on("argo.yaml")[flow].read_text()
    text = _scheduled(text) if kind == "cron" else unscheduled(text)
    options: dict[str, Any] = {
        "namespace": "flows",
        "parallelism": 3,
        "pod_gc": "OnPodSuccess",
        "pod_gc_delay": "1h",
        "ttl_seconds": 9,
        "event_source": "shops",
        "gpu": PROFILES,
    }
    output = emit(tmp_path, text, kind=kind, tags=("a:b",), env={"X": "{{y}} $z"}, **options)
    assert output is not None
    for source in SOURCES:
        assert all_problems(output, source) == [], source


def _scheduled(text: str) -> str:
    """The flow with a schedule, which a CronWorkflow needs."""
    if "@schedule" in text:
        return text
    if "@pipeline" in text:
        called = r"\1from flowc import Schedule\n\1\2.with_options(schedule=Schedule(cron_expression='0 5 * * *'))("
        head, main, rest = text.rpartition("\n\n\n")
        return head + main + re.sub(r"^( *)(\w+_pipeline|\w+)\(", called, rest, count=1, flags=re.MULTILINE)
    *_, last = re.finditer(r"^(?:@.*\n)*class \w+\(FlowSpec\)", text, re.MULTILINE)  # the caller of the others
    return f"{text[: last.start()]}from flowc import schedule\n@schedule\n{text[last.start() :]}"


def _objects(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all objects in a tree."""
    if isinstance(tree, dict):
        yield path
    for key, item in _entries(tree):
        yield from _objects(item, (*path, key))


MAPS = {"labels", "annotations", "nodeSelector", "requests", "limits", "metadata", "matchLabels", "data"}
"""Objects whose keys are the user's; `metadata` in CRDs is the API server's to check."""


@pytest.mark.parametrize("source", SOURCES)
def test_an_unknown_field_is_found_wherever_it_stands(source: str, tmp_path: Path) -> None:
    output = emit(tmp_path, FLOWS["decorated"], parallelism=3)
    assert output is not None
    workflow = yaml_documents(output)[-1]
    assert problems(workflow, source) == []
    places = [path for path in _objects(workflow) if not MAPS & set(path)]
    assert len(places) > 20
    for path in places:
        broken = copy.deepcopy(workflow)
        place = broken
        for key in path:
            place = place[key]
        place["flowcInvented"] = "x"
        assert [item for item in problems(broken, source) if "flowcInvented: unknown field" in item], path


WRONG: dict[str, tuple[tuple[Any, ...], Any]] = {
    "a number for a string": (("spec", "entrypoint"), 7),
    "a string for a number": (("spec", "parallelism"), "3"),
    "an object for a list": (("spec", "templates"), {}),
    "a boolean for a quantity": (("spec", "templates", "leaf", "container", "resources", "limits", "cpu"), True),
    "a number for a parameter": (("spec", "arguments", "parameters", 0, "value"), [1]),
    "no name of a mount": (("spec", "templates", "leaf", "container", "volumeMounts", 0), {"mountPath": "/x"}),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_type_is_found(what: str, source: str, tmp_path: Path) -> None:
    assert _broken(*WRONG[what], tmp_path, source), what


@pytest.mark.skipif("crds" not in SOURCES, reason=f"{CRDS} is not there")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("container", "imagePullPolicy"), "Perhaps"),
        (("container", "ports", 0, "protocol"), "X"),
        (("volumes",), [{"name": "x", "emptyDir": {"medium": "memory"}}]),
        (("tolerations",), [{"operator": "Exists", "effect": "Never"}]),
    ],
)
def test_a_value_outside_of_an_enum_is_found(path: tuple[Any, ...], value: Any, tmp_path: Path) -> None:
    (found,) = _broken(("spec", "templates", "leaf", *path), value, tmp_path, "crds")
    assert "is unknown" in found


def _broken(path: tuple[Any, ...], value: Any, folder: Path, source: str) -> list[str]:
    """What is found wrong once a value is another."""
    output = emit(folder, FLOWS["decorated"], parallelism=3)
    assert output is not None
    workflow = yaml_documents(output)[-1]
    place: Any = workflow
    for key in path[:-1]:
        place = next(item for item in place if item["name"] == "s-left") if key == "leaf" else place[key]
    place[path[-1]] = value
    return problems(workflow, source)
