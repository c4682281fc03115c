"""Names and values by Hypothesis: identifiers, parameters, steps, artifacts, literals, in flows for both targets.

A flow with a drawn name or value either has a diagnostic, or compiles to a manifest that the simulator's reader accepts
and to a DAG file that Python reads; then the plan of the run has the names and the value unchanged.
"""

from __future__ import annotations

import ast
import json
import math
import random
import string
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file
from flowc_targets.simulate import SimulateOptions, prepare_manifest
from tests.support import emitted
from tests.trials.trial import Attempt, Choice
from tests.trials.workers import Work, in_workers

_ODD_NAMES = (
    "start", "end", "self", "next", "input", "index", "inputs", "name", "id", "run", "show", "_", "__", "__init__",
    "__x", "_x", "x_", "X", "match", "case", "type", "print", "list", "foreach", "help", "version", "tag", "root", "ﬁ",
    "ﬀx", "ℌ", "µ", "ſ", "ñ", "n\u0303", "Ⅳ", "日本", "ª", "x" * 63, "x" * 64, "x" * 250, "x" * 300, "a__b", "s",
    "step", "workflow", "item",
)  # fmt: skip
_LETTERS = st.characters(categories=["Lu", "Ll", "Lt", "Lm", "Lo", "Nl"])
IDENTIFIERS = st.one_of(
    st.sampled_from(_ODD_NAMES),
    st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=12),
    st.text(_LETTERS | st.sampled_from("_09\u0301\u00b7"), min_size=1, max_size=6),
).filter(str.isidentifier)
"""Names that Python may take; keywords, too."""
TEXTS = st.one_of(st.text(max_size=20), st.text(string.printable, max_size=20), st.sampled_from(_ODD_NAMES))
"""Any text, with surrogates."""
NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([2**31, 2**63, -(2**63) - 1, 10**30, 10**400, 5e-324]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, st.binary(max_size=4), st.complex_numbers()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(TEXTS | NUMBERS, inner, max_size=3), st.tuples(inner, inner)
    ),
    max_leaves=6,
)
_FLOW = """
from flowc import FlowSpec, JSONType, Parameter, environment, step

class {flow}(FlowSpec):
    {attribute} = Parameter({parameter!r}, default={default}{type})
    constant = {value}

    @environment(vars={{{variable!r}: {text!r}}})
    @step
    def start(self):
        self.{artifact} = {value}
        self.next(self.{step})

    @step
    def {step}(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
_PLAIN: dict[str, Any] = {
    "flow": "F", "attribute": "p", "parameter": "p", "default": "'x'", "type": "", "value": "1", "variable": "V",
    "text": "x", "artifact": "a", "step": "work",
}  # fmt: skip
_DRAWN: dict[str, st.SearchStrategy[Any]] = {
    "flow": IDENTIFIERS, "attribute": IDENTIFIERS, "artifact": IDENTIFIERS, "step": IDENTIFIERS, "text": TEXTS,
    "variable": IDENTIFIERS | TEXTS, "parameter": IDENTIFIERS | TEXTS, "value": VALUES.map(repr),
    "default": VALUES.map(repr),
    "type": st.sampled_from(["", ", type=int", ", type=float", ", type=str", ", type=bool", ", type=JSONType"]),
}  # fmt: skip


@st.composite
def parts(draw: st.DrawFn) -> dict[str, Any]:
    """What is put into the flow: one to three parts are drawn, and the others plain."""
    chosen = draw(st.lists(st.sampled_from(sorted(_DRAWN)), min_size=1, max_size=3, unique=True))
    return _PLAIN | {name: draw(_DRAWN[name]) for name in chosen}


def check(drawn: dict[str, Any]) -> None:
    """Compile the flow for both targets. Raises whatever it raises but diagnostics, and AssertionError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flow.py"
        file.write_bytes(_FLOW.format(**drawn).encode("utf-8", "surrogatepass"))
        sink = DiagnosticSink()
        try:
            compilation = compile_file(file, sink)
        except FlowcError:
            assert sink.failed
            return
        _check_parameter(drawn, compilation.flow.parameters[0].default if compilation.flow.parameters else None)
        files, _ = emitted(compilation, "argo")
        for manifest in files[:1]:
            prepare_manifest(manifest.text, SimulateOptions())
        files, _ = emitted(compilation, "airflow")
        for dag in files[:1]:
            ast.parse(dag.text)


def _check_parameter(drawn: dict[str, Any], default: object) -> None:
    if drawn["type"]:
        return
    right = eval(drawn["default"], {"nan": math.nan, "inf": math.inf})
    if isinstance(right, int | float | str | bool) and not (isinstance(right, float) and not math.isfinite(right)):
        assert json.dumps(default) == json.dumps(right), f"the default {right!r} became {default!r}"


def trial(choice: Choice) -> Iterator[Attempt]:
    """Try that many flows, in rounds of 100; a failure is shrunk to the smallest that fails likewise."""
    rounds = [number for number in range(0, choice.count, 100) if not choice.names or str(number) in choice.names]

    def attempts(number: int) -> list[Attempt]:
        return list(_round(choice.seed, number, min(100, choice.count - number)))

    yield from in_workers(Work(attempts, attempts), rounds, batch=5)


def _round(first: int, number: int, count: int) -> Iterator[Attempt]:
    seen: list[dict[str, Any]] = []

    @seed(random.Random(f"{first}/{number}").randrange(2**32))
    @settings(
        max_examples=count, deadline=None, database=None, phases=(Phase.generate, Phase.shrink), print_blob=False,
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much),
        report_multiple_bugs=False,
    )  # fmt: skip
    @given(parts())
    def tried(drawn: dict[str, Any]) -> None:
        seen.append(drawn)
        check(drawn)

    problem = None
    try:
        tried()
    except Exception as error:
        changes = {name: value for name, value in seen[-1].items() if value != _PLAIN[name]}
        problem = f"{type(error).__name__}: {str(error)[:200]} in {ascii(changes)[:300]}"
    tries = len(seen) if problem is None else 1
    yield from (Attempt(str(number)) for _ in range(tries - 1))
    content = _FLOW.format(**seen[-1]).encode("utf-8", "surrogatepass")
    yield Attempt(str(number), problem, {"flow.py": content} if problem else {})
