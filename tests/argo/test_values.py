"""Values of parameters on their way: what the compiler writes, the shim reads, letter by letter."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowc.errors import ParameterError
from flowc.protocol.encodings import USE_DEFAULT, decode_value, received
from flowc_compiler.driver import with_defaults
from flowc_targets.argo.argo_checks import ARGUMENT_BYTES
from flowc_targets.argo.manifest_text import default_value, encode_value, sent_argument
from flowc_targets.package.run_plan import build_plan
from flowc_targets.simulate.simulation import SimulateOptions, prepare_manifest
from flowc_targets.simulate.substitution import replaced
from tests.support import START_AND_END, compiled, emitted

HOSTILE = [
    "", "{{workflow.name}}", "{{=1+1}}", "$(HOME) $$ $", "b64:x", "z64:x", "flowc:default", "a\r\nb\tc", "\x07", "😀 ü",
    '"quotes" and \'quotes\'', "!!python/object", "- a\n- b", "y", "{{" * 50_000, "$" * 100_000, "x" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_values_come_back(text: str) -> None:
    encoded = encode_value(text)
    assert decode_value("x", encoded) == text
    assert "{{" not in encoded
    assert "$" not in encoded


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_value_comes_back(text: str) -> None:
    assert decode_value("x", encode_value(text)) == text


def test_a_long_value_fits_into_a_variable() -> None:
    text = "".join(f"{{{{item {number}}}}} costs ${number}\n" for number in range(4000))
    assert len(text) > 90_000
    assert len(encode_value(text)) < 100_000


@pytest.mark.parametrize("name", ["x", "a-b", "item", "retries"])
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_given_at_submission_comes_back(name: str, text: str) -> None:
    """As Argo does it, raw: what looks like another encoding is taken off afterwards, by `decode_value`."""
    template = sent_argument(name)
    sent = replaced(template, {f"workflow.parameters.{name}": text})
    assert sent == "flowc:sent:" + base64.b64encode(text.encode()).decode()
    assert received(name, sent) == text


def test_an_expression_that_argo_has_left_alone_is_reported() -> None:
    with pytest.raises(ParameterError, match="EXPRESSION_TEMPLATES"):
        received("x", sent_argument("x"))


@pytest.mark.parametrize("length", [64 * 1024, 70_000, 100_000])
def test_a_long_plain_value_fits_into_a_variable(length: int) -> None:
    encoded = encode_value("word " * (length // 5))
    assert decode_value("x", encoded) == "word " * (length // 5)
    assert len(base64.b64encode(encoded.encode())) < 128 * 1024 - 200
    assert 4 * ARGUMENT_BYTES / 3 < 128 * 1024 - 200


@pytest.mark.parametrize("value", ["flowc:default", "b64:YQ==", "z64:x", "flowc:sent:YQ==", "plain", ""])
def test_a_simulated_run_gets_the_text_that_it_is_given(tmp_path: Path, value: str) -> None:
    """The argument of a manifest is what the shim decodes; that of a manifest by hand is what it is."""
    text = (
        "from flowc import FlowSpec, Parameter, step\n\nclass Plain(FlowSpec):\n    x = Parameter('x', default='own')\n"
    )
    (file,), _ = emitted(compiled(tmp_path, text + START_AND_END), "argo")
    _, spec = prepare_manifest(file.text, SimulateOptions(parameters={"x": value}))
    assert decode_value("x", spec.arguments["x"]) == value
    by_hand = file.text.replace("flowc:sent:", "")
    _, spec = prepare_manifest(by_hand, SimulateOptions(parameters={"x": value}))
    assert spec.arguments["x"] == value


def test_a_value_that_an_argument_cannot_hold_is_in_the_code_package(tmp_path: Path) -> None:
    text = (
        "from flowc import FlowSpec, Parameter, step\n\nclass Plain(FlowSpec):\n    x = Parameter('x', default='own')\n"
    )
    compilation = compiled(tmp_path, text + START_AND_END)
    for value in ("y" * 5000, "y" * 100_000):
        flow = with_defaults(compilation.flow, {"x": value})
        assert build_plan(flow)["parameters"] == [{"attribute": "x", "name": "x", "type": "str", "value": value}]
        assert default_value(flow.parameters[0]) == USE_DEFAULT
        assert build_plan(compilation.flow)["parameters"] == [{"attribute": "x", "name": "x", "type": "str"}]
