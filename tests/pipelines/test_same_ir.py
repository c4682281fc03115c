"""The same algorithm as a class flow and as a function pipeline has the same IR, but for names.

Steps are renamed by the order in which they are met from the start, so that nothing has to be said about which step is
which. What is compared: kinds, edges, scopes, specs, and what a join closes. What is not: spans, docs, and what a step
runs and looks at (`call`, `fan`, `tests`, names of variables and values of cases), which is said in other words.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowc_compiler.driver import compile_file
from tests.support import without_spans, write_files

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, Scope, Step

CASES = Path(__file__).parent / "same_ir"
"""A folder for each algorithm, with a class flow and a pipeline."""
NAMES = "from flowc import Resources, Retry\nfrom zenml.config import ResourceSettings\n"


def shape(flow: Flow) -> dict[str, Any]:
    """All of a flow that is to be the same, by new names."""
    names = _renamed(flow)
    scopes = {scope.id: _scope(scope, names) for scope in flow.scopes}
    return {
        "start": names[flow.start],
        "end": names[flow.end],
        "steps": {names[step.name]: _step(step, names) for step in sorted(flow.steps, key=lambda s: names[s.name])},
        "scopes": sorted(scopes.values(), key=repr),
    }


def _renamed(flow: Flow) -> dict[str, str]:
    """New names, in the order in which steps are met: nearest to the start first, and then by the order of targets."""
    met = [flow.start]
    for name in met:
        met += [target for target in flow.by_name[name].targets if target not in met]
    assert set(met) == set(flow.by_name), "steps that nothing leads to"
    return {name: f"s{number:02}" for number, name in enumerate(met)}


def _step(step: Step, names: dict[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "kind": step.kind,
        "targets": [names[target] for target in step.targets],
        "parents": sorted(names[parent] for parent in step.parents),
        "specs": without_spans(step.specs.model_dump()),
    }
    if step.kind == "join":
        said["closes"] = names[step.closes]
        said["arms"] = [sorted(names[parent] for parent in arm) for arm in step.arms]
    return said


def _scope(scope: Scope, names: dict[str, str]) -> dict[str, Any]:
    return {
        "kind": scope.kind,
        "opener": names.get(scope.opener or ""),
        "closer": names.get(scope.closer or ""),
        "steps": sorted(names[step] for step in scope.steps),
    }


def shapes(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The shapes of a folder's class flow and of its pipeline."""
    flow, pipeline = (compile_file(folder / name).flow for name in ("class_flow.py", "pipeline.py"))
    assert pipeline.frontend == "pipeline"
    return shape(flow), shape(pipeline)


@pytest.mark.parametrize(
    "name",
    [
        "chain", "branch", "foreach", "chain in foreach", "nested foreach", "branch in foreach", "foreach in branch",
        "switch", "switch of chains",
    ],
)  # fmt: skip
def test_the_same_shape(name: str) -> None:
    ours, theirs = shapes(CASES / name.replace(" ", "_"))
    assert theirs == ours


SPECS = {
    "retry": ("retry", "@retry(times=2, minutes_between_retries=0)", "retry=Retry(limit=2, backoff=0)"),
    "resources": (
        "resources",
        '@resources(cpu=2, memory="4Gi")',
        'settings={"resources": ResourceSettings(cpu_count=2, memory="4GiB")}',
    ),
    "gpu": ("resources", "@resources(gpu=1, memory=16384)", 'resources=Resources(gpu=1, memory="16Gi")'),
    "timeout": ("timeout", "@timeout(seconds=90)", "timeout=90"),
    "image": ("kubernetes", '@kubernetes(image="python:3.12")', 'image="python:3.12"'),
}


@pytest.mark.parametrize("name", list(SPECS))
def test_the_same_specs(name: str, tmp_path: Path) -> None:
    imported, decorator, argument = SPECS[name]
    flow, pipeline = ((CASES / "chain" / file).read_text() for file in ("class_flow.py", "pipeline.py"))
    flow = flow.replace("    @step\n    def work", f"    {decorator}\n    @step\n    def work")
    flow = flow.replace("import FlowSpec,", f"import FlowSpec, {imported},")
    write_files(tmp_path, {"class_flow.py": flow})
    write_files(tmp_path, {"pipeline.py": NAMES + pipeline.replace("@step\ndef work", f"@step({argument})\ndef work")})
    ours, theirs = shapes(tmp_path)
    assert theirs == ours
