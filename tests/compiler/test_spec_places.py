"""One grammar for sizes, and the same checks, wherever a spec can be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file
from flowc_compiler.ir import StepSpecs
from tests.compiler.layers import of_step

SIZES: dict[object, int] = {
    512: 512,
    0.5: 1,
    "512": 512,
    "1.5": 2,
    "16G": 15259,
    "16GB": 15259,
    "16gb": 15259,
    "16 GB": 15259,
    "16Gi": 16384,
    "16GiB": 16384,
    "16gib": 16384,
    "1.5Gi": 1536,
    "500M": 477,
    "500MB": 477,
    "500Mi": 500,
    "1e3Mi": 1000,
    "1T": 953675,
    "1TiB": 1048576,
    "100K": 1,
    "2048Ki": 2,
    "1048577B": 2,
}
"""What is written, and how many MiB it is, rounded up."""

WRONG = ("", "Gi", "16X", "16GiBB", "-1Gi", "1,5G", True, [16], "16 Gi B")


def decorator(text: str) -> Callable[[Path, str], StepSpecs]:
    """A class flow's step with that decorator."""

    def read(folder: Path, size: str) -> StepSpecs:
        return _class_flow(folder, f"    {text.replace('SIZE', size)}\n")

    return read


def command_line(folder: Path, size: str) -> StepSpecs:
    """The same by `--with`, where a text stands without quotes."""
    return _class_flow(folder, "", f"resources:memory={size.strip(chr(39))}")


def arguments(text: str, pipeline: str = "@pipeline") -> Callable[[Path, str], StepSpecs]:
    """A pipeline's step with these arguments."""

    def read(_: Path, size: str) -> StepSpecs:
        layers = of_step(text.replace("SIZE", size), pipeline=pipeline.replace("SIZE", size))
        specs = layers.step_specs()
        layers.sink.raise_if_failed()
        return specs

    return read


def _class_flow(folder: Path, decorated: str, *attached: str) -> StepSpecs:
    path = folder / "flow.py"
    path.write_text(
        "from flowc import FlowSpec, batch, catch, kubernetes, resources, retry, step, timeout\n"
        "\n\nclass F(FlowSpec):\n"
        f"{decorated}    @step\n    def start(self):\n        self.next(self.end)\n\n"
        "    @step\n    def end(self): pass\n"
    )
    return compile_file(path, DiagnosticSink(), attached=attached).flow.by_name["start"].specs


PLACES: dict[str, tuple[str, Callable[[Path, str], StepSpecs]]] = {
    **{
        f"@{name}({field})": (f"resources.{field}_mb", decorator(f"@{name}({field}=SIZE)"))
        for name in ("resources", "kubernetes", "batch")
        for field in ("memory", "disk", "shared_memory")
    },
    "@kubernetes(memory_limit)": ("resources.memory_limit_mb", decorator("@kubernetes(memory_limit=SIZE)")),
    "@kubernetes(disk_limit)": ("resources.disk_limit_mb", decorator("@kubernetes(disk_limit=SIZE)")),
    "@kubernetes(tmpfs_size)": ("container.tmpfs.size_mb", decorator("@kubernetes(tmpfs_size=SIZE)")),
    "@batch(tmpfs_size)": ("container.tmpfs.size_mb", decorator("@batch(tmpfs_size=SIZE)")),
    "@batch(max_swap)": ("batch.max_swap_mb", decorator("@batch(max_swap=SIZE)")),
    "--with": ("resources.memory_mb", command_line),
    **{
        f"Resources({field})": (f"resources.{field}_mb", arguments(f"resources=Resources({field}=SIZE)"))
        for field in ("memory", "disk", "shared_memory")
    },
    "resources={}": ("resources.memory_mb", arguments("resources={'memory': SIZE}")),
    "@pipeline": ("resources.memory_mb", arguments("", pipeline="@pipeline(resources=Resources(memory=SIZE))")),
    "ResourceSettings": (
        "resources.memory_mb", arguments("settings={'resources': ResourceSettings(memory=SIZE)}"),
    ),
    "settings={}": ("resources.memory_mb", arguments("settings={'resources': {'memory': SIZE}}")),
}  # fmt: skip
"""Where a size can be written: where it ends up in the specs, and what reads it."""

POD = "settings={'orchestrator': {'pod_settings': {'resources': {'requests': {'memory': SIZE}}}}}"


@pytest.mark.parametrize("place", PLACES)
def test_sizes(tmp_path: Path, place: str) -> None:
    path, read = PLACES[place]
    found = {size: _at(read(tmp_path, repr(size)), path) for size in SIZES}
    assert found == SIZES


@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_size(tmp_path: Path, place: str) -> None:
    _, read = PLACES[place]
    for size in WRONG:
        if place == "--with" and size not in ("Gi", "16X", "-1Gi"):  # others are no texts there
            continue
        with pytest.raises(FlowcError, match="FC404"):
            read(tmp_path, repr(size))


@pytest.mark.parametrize("size", ["16G", "16Gi", "500M", "500Mi", "1T"])
def test_quantities_of_kubernetes(tmp_path: Path, size: str) -> None:
    """Units are Kubernetes' own; only a bare number there is one of bytes."""
    read = arguments(POD)
    assert _at(read(tmp_path, repr(size)), "resources.memory_mb") == SIZES[size]
    assert _at(read(tmp_path, str(2**30)), "resources.memory_mb") == 1024


def _at(specs: StepSpecs, path: str) -> object:
    value: object = specs
    for name in path.split("."):
        value = getattr(value, name)
    return value


CHECKED: dict[str, tuple[str, tuple[str, ...]]] = {
    "image": (
        "'two words'",
        (
            "@kubernetes(image=VALUE)", "image=VALUE",
            "settings={'docker': DockerSettings(parent_image=VALUE)}",
        ),
    ),
    "labels of nodes": (
        "{'zone': 'a b'}",
        (
            "@kubernetes(node_selector=VALUE)", "node_selector=VALUE",
            "settings={'orchestrator': {'pod_settings': {'node_selectors': VALUE}}}",
        ),
    ),
    "labels": (
        "{'a b': 'c'}",
        ("@kubernetes(labels=VALUE)", "settings={'orchestrator': {'pod_settings': {'labels': VALUE}}}"),
    ),
    "annotations": (
        "{'a b': 'c'}",
        ("@kubernetes(annotations=VALUE)", "settings={'orchestrator': {'pod_settings': {'annotations': VALUE}}}"),
    ),
    "objects": (
        "['Not A Name']",
        (
            "@kubernetes(image_pull_secrets=VALUE)",
            "settings={'orchestrator': {'pod_settings': {'image_pull_secrets': VALUE}}}",
        ),
    ),
    "service account": (
        "'Not A Name'",
        (
            "@kubernetes(service_account=VALUE)",
            "settings={'orchestrator': {'step_pod_service_account_name': VALUE}}",
        ),
    ),
    "artifacts": ("'not a name'", ("@catch(var=VALUE)", "catch=VALUE")),
    "attempts": ("101", ("@retry(times=VALUE)", "retry=VALUE", "retry=Retry(limit=VALUE)")),
    "memory": ("-1", ("@resources(memory=VALUE)", "resources=Resources(memory=VALUE)")),
    "cores": ("0", ("@resources(cpu=VALUE)", "resources=Resources(cpu=VALUE)")),
    "time": ("0", ("@timeout(seconds=VALUE)", "timeout=VALUE")),
}  # fmt: skip
"""A value that is wrong, and the ways to write it: as a decorator, and as an argument of a pipeline's step."""


@pytest.mark.parametrize("name", CHECKED)
def test_both_ways_of_writing_are_checked(tmp_path: Path, name: str) -> None:
    value, ways = CHECKED[name]
    for way in ways:
        text = way.replace("VALUE", value)
        with pytest.raises(FlowcError, match="FC404"):
            decorator(text)(tmp_path, "") if way.startswith("@") else arguments(text)(tmp_path, "")
