"""What the Argo target refuses: code, line, and nothing written."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import compile_file
from flowc_targets.argo.options import ArgoOptions
from flowc_targets.argo.target import emit_package
from tests.argo.manifests import codes, diamond, emit
from tests.support import START_AND_END, compiled, emitted, errors

LINE = 11
"""Where the decorators of the left step stand in the diamond."""


def chain(length: int) -> str:
    """A flow of `length` steps in a row, no two of the same needs."""
    names = ["start", *(f"step_{i}" for i in range(length - 2)), "end"]
    text = "from flowc import FlowSpec, resources, step\n\nclass ChainFlow(FlowSpec):\n"
    for number, (name, after) in enumerate(zip(names, [*names[1:], None], strict=True)):
        body = f"self.next(self.{after})" if after else "pass"
        text += f"    @resources(memory={number + 100})\n    @step\n    def {name}(self):\n        {body}\n"
    return text


def test_no_root(tmp_path: Path) -> None:
    assert codes(tmp_path, diamond(), root=None) == [("FC502", "error", None)]


def test_unknown_gpu_type(tmp_path: Path) -> None:
    text = diamond("@kubernetes(gpu=1, gpu_type='abacus')")
    assert codes(tmp_path, text) == [("FC501", "error", LINE)]


def test_text_that_argo_would_evaluate(tmp_path: Path) -> None:
    affinity = "affinity={'podAffinity': {'requiredDuringSchedulingIgnoredDuringExecution': [{'topologyKey': '{{x'}]}}"
    for argument in (
        "annotations={'a': '{{x'}", "image='{{workflow.name}}'", affinity,
        "secret_volumes={'a': '/{{x}}'}", "security_context={'capabilities': {'add': ['{{x']}}",
    ):  # fmt: skip
        assert codes(tmp_path, diamond(f"@kubernetes({argument})")) == [("FC501", "error", LINE)], argument


def test_the_folder_of_the_code_is_taken(tmp_path: Path) -> None:
    for path in ("/flowc", "/flowc/", "/flowc/data"):
        text = diamond(f"@kubernetes(secret_volumes={{'a': '{path}'}})")
        assert codes(tmp_path, text) == [("FC501", "error", LINE)]


def test_options_that_argo_would_evaluate(tmp_path: Path) -> None:
    assert codes(tmp_path, diamond(), root="s3://b/{{x}}") == [("FC505", "error", None)]
    assert codes(tmp_path, diamond(), env={"A": "{{x}}"}) == []
    assert codes(tmp_path, diamond(), env={"A=": "x"}) == [("FC505", "error", None)]


@pytest.mark.parametrize(
    ("variables", "code"),
    [("{'A B': ''}", "FC501"), ("{'A': '" + "x" * 150_000 + "'}", "FC503")],
)
def test_variables_that_no_pod_takes(tmp_path: Path, variables: str, code: str) -> None:
    text = diamond(f"@environment(vars={variables})")
    assert [(found, line) for found, _, line in codes(tmp_path, text)] == [(code, LINE)]


@pytest.mark.parametrize("name", ["Upper", "a_b", "-a", "a-", "x" * 64, ""])
def test_names_that_kubernetes_refuses(tmp_path: Path, name: str) -> None:
    assert codes(tmp_path, diamond(), name=name) == [("FC505", "error", None)]


def test_namespace_of_a_step(tmp_path: Path) -> None:
    text = diamond("@kubernetes(namespace='there')")
    assert codes(tmp_path, text) == [("FC501", "error", LINE)]
    assert codes(tmp_path, text, namespace="there") == []


def test_required_parameter_without_value(tmp_path: Path) -> None:
    text = diamond(parameters="n = Parameter('n', required=True)")
    assert [code for code, _, _ in codes(tmp_path, text)] == ["FC304"]
    assert codes(tmp_path, text, parameters={"n": "1"}) == []
    assert codes(tmp_path, text, kind="template") == []


def test_unknown_parameter(tmp_path: Path) -> None:
    assert [code for code, _, _ in codes(tmp_path, diamond(), parameters={"m": "1"})] == ["FC302"]


def test_a_very_long_value(tmp_path: Path) -> None:
    text = diamond(parameters="n = Parameter('n', default='a')")
    assert codes(tmp_path, text, parameters={"n": "x" * 200_000}) == []  # compressed
    noise = random.Random(1).randbytes(150_000).hex()
    assert [code for code, _, _ in codes(tmp_path, text, parameters={"n": noise})] == ["FC503"]


def test_caps_of_the_full_crds(tmp_path: Path) -> None:
    assert codes(tmp_path, chain(250)) == [("FC503", "error", 3)]
    assert codes(tmp_path, chain(250), crds="minimal") == []
    assert codes(tmp_path, chain(190)) == []


def test_a_large_manifest_is_a_warning_and_a_huge_one_an_error(tmp_path: Path) -> None:
    assert [item[:2] for item in codes(tmp_path, chain(700), crds="minimal")] == [("FC503", "warning")]
    assert [item[:2] for item in codes(tmp_path, chain(3000), crds="minimal")] == [("FC503", "error")]


def test_code_that_no_config_map_holds(tmp_path: Path) -> None:
    path = tmp_path / "flow_file.py"
    path.write_text(diamond())
    noise = bytes((i * i * 31 + i // 7 * 13) % 251 for i in range(100_000))
    files = {f"{i}.bin": bytes((b + i * j) % 256 for j, b in enumerate(noise)) for i in range(1, 14)}
    sink = DiagnosticSink()
    emit_package(compile_file(path).flow, files, ArgoOptions(root="s3://b/p"), sink)
    assert [(item.code, item.severity) for item in sink.diagnostics] == [("FC503", "error")]


def test_nothing_is_emitted_with_an_error(tmp_path: Path) -> None:
    assert emit(tmp_path, diamond(), root=None) is None


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("days", "four", "FC303"),
        ("alpha", "abc", "FC303"),
        ("dayz", "1", "FC302"),
        ("days", "4", None),
        ("alpha", "1", None),
    ],
)
def test_values_of_the_option_parameters(name: str, value: str, code: str | None, tmp_path: Path) -> None:
    parameters = '    days = Parameter("days", default=3)\n    alpha = Parameter("alpha", default=0.5)\n'
    flow = f"from flowc import FlowSpec, Parameter, step\n\n\nclass F(FlowSpec):\n{parameters}{START_AND_END}"
    _, sink = emitted(compiled(tmp_path, flow), "argo", parameters={name: value})
    assert errors(sink) == ([code] if code else [])
