"""What a compiled flow knows of its steps and artifacts, in Markdown: from its IR and the analysis of its artifacts."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from flowc_cli.drawing.spec_facts import facts
from flowc_cli.pipeline_text import call_text, case_texts, fan_text, real_targets
from flowc_compiler.diagnostics import DiagnosticSink

if TYPE_CHECKING:
    from flowc_compiler.driver import Compilation
    from flowc_compiler.ir import Flow, Parameter, Step
    from flowc_compiler.ir.artifact_effects import FlowEffects, StepEffects
    from flowc_compiler.passes.artifact_flow import ArtifactFlow

_MOST_LISTED = 12


class FlowFacts:
    """One compiled flow."""

    def __init__(self, compilation: Compilation) -> None:
        self.flow: Flow = compilation.flow
        self._compilation = compilation

    @cached_property
    def effects(self) -> FlowEffects | None:
        """What the steps do with artifacts; `None` for a pipeline, and where that cannot be read."""
        return self._compilation.effects() if self._compilation.effects is not None else None

    def step(self, name: str) -> str:
        """A step: where it stands in the graph, its artifacts, its specs and its docstring."""
        step = self.flow.by_name[name]
        lines = [f"**step `{name}`**: {self._kind(step)}", ""]
        lines += [f"- {label}: {text}" for label, text in self._facts(step) if text]
        if step.doc:
            lines += ["", step.doc]
        return "\n".join(lines)

    def _kind(self, step: Step) -> str:
        """What kind of step it is, with what it fans out over or chooses by."""
        match step.kind:
            case "foreach":
                what = fan_text(self.flow, step.name) if self.flow.frontend == "pipeline" else step.variable
                return f"opens a foreach over `{what}`"
            case "parallel":
                count = "" if step.num_parallel is None else f" of {step.num_parallel}"
                return f"opens a gang{count}"
            case "switch":
                return "chooses the next step" + (f" by `{step.variable}`" if not step.tests else "")
            case "join":
                opener = self.flow.by_name.get(step.closes)
                return f"joins the {opener.kind} that `{step.closes}` opens" if opener is not None else "join"
            case "branch":
                return "branch"
            case "linear":
                return "start" if step.name == self.flow.start else "end" if step.target is None else "linear"

    def _facts(self, step: Step) -> Iterator[tuple[str, str]]:
        yield "calls", _code(call_text(self.flow, step))
        yield "after", code_names(self._parents(step))
        yield "before", self._children(step)
        effects = self.effects.of(step.name) if self.effects is not None else None
        if effects is not None:
            if effects.havoc or effects.opaque:
                yield "artifacts", "not all are known"
            yield "sets", self._artifacts(effects.sets)
            yield "reads", self._artifacts(_read(effects))
            yield "merges", self._merged(effects)
        yield from ((fact.name, fact.text) for fact in facts(step))

    def _parents(self, step: Step) -> list[str]:
        """The steps before it that do something."""
        found: dict[str, None] = {}
        pending, seen = list(step.parents), set(step.parents)
        while pending:
            parent = self.flow.by_name[pending.pop(0)]
            if not parent.virtual:
                found[parent.name] = None
                continue
            new = [name for name in parent.parents if name not in seen]
            seen.update(new)
            pending += new
        return list(found)

    def _children(self, step: Step) -> str:
        if step.kind == "switch" and not step.tests:
            cases = [f"`{case.target}` if {case.value!r}" for case in step.cases]
            return ", ".join(cases[:_MOST_LISTED])
        if step.kind == "switch":
            ways = [(code_names(real_targets(self.flow, target)), test) for target, test in case_texts(self.flow, step)]
            return ", ".join(f"{names or 'nothing'} {test}" for names, test in ways[:_MOST_LISTED])
        return code_names(dict.fromkeys(real for target in step.targets for real in real_targets(self.flow, target)))

    def _artifacts(self, names: Iterable[str]) -> str:
        shown = [_typed(name, self.type_of(name)) for name in sorted(names)]
        more = [f"{len(shown) - _MOST_LISTED} more"] if len(shown) > _MOST_LISTED else []
        return ", ".join([*shown[:_MOST_LISTED], *more])

    def _merged(self, effects: StepEffects) -> str:
        found: list[str] = []
        for merge in effects.merges:
            what = "computed names" if merge.include is None else self._artifacts(merge.include) or "all artifacts"
            without = self._artifacts(merge.exclude) if merge.exclude else ""
            found.append(f"{what} but {without}" if without else what)
        return "; ".join(found)

    def artifact(self, name: str) -> str | None:
        """An artifact, a parameter or a config: its type, and the steps that set and read it; `None` if none does."""
        lines: list[str] = []
        for parameter in self.flow.parameters:
            if parameter.attribute == name:
                lines += [f"**parameter `{_typed(name, self.type_of(name), code=False)}`**", "", *_parameter(parameter)]
        for config in self.flow.configs:
            if config.attribute == name:
                lines += [f"**config `{name}`**", "", *([f"- from: {config.origin}"] if config.origin else [])]
        if self.effects is None:
            return "\n".join(lines) or None
        sets = [step.name for step in self.flow.steps if name in self.effects.of(step.name).sets]
        reads = [step.name for step in self.flow.steps if name in set(_read(self.effects.of(step.name)))]
        if not lines and (sets or reads):
            lines += [f"**artifact `{_typed(name, self.type_of(name), code=False)}`**", ""]
        lines += [f"- set in: {code_names(sets)}"] if sets else []
        lines += [f"- read in: {code_names(reads)}"] if reads else []
        return "\n".join(lines) or None

    def type_of(self, name: str) -> str:
        """The type of an artifact as far as it is evident; empty where it is not."""
        for parameter in self.flow.parameters:
            if parameter.attribute == name:
                return _parameter_type(parameter)
        if self.effects is None:
            return ""
        found = {
            _type_of(effects.values.get(name))
            for step in self.flow.steps
            if name in (effects := self.effects.of(step.name)).sets
        }
        return found.pop() if len(found) == 1 else ""

    def available(self, step: str, arm: str = "") -> frozenset[str]:
        """The artifacts that a step may have when it begins, or its input of a name; all where that is not known."""
        found = self.flow.by_name.get(step)
        if found is None or self._analysis is None:
            return frozenset(self.artifacts)
        bits, after = self._analysis.bits, self._analysis.after
        parents = [arm] if arm in found.parents else found.parents
        mask = 0
        for parent in parents:
            mask |= after[parent].may
        own = self.effects.of(step).sets if self.effects is not None and not arm else ()
        return frozenset([*own, *(name for name, bit in bits.items() if mask & bit)])

    @cached_property
    def _analysis(self) -> ArtifactFlow | None:
        """The artifacts at each step; `None` for a pipeline."""
        if self.effects is None:
            return None
        from flowc_compiler.passes.artifact_flow import ArtifactFlow
        from flowc_compiler.passes.artifact_reports import ArtifactReports

        analysis = ArtifactFlow(self.flow, self.effects, ArtifactReports(self.flow, self.effects, DiagnosticSink()))
        analysis.check()
        return analysis

    @cached_property
    def artifacts(self) -> dict[str, list[str]]:
        """Every artifact that a step may set, with the steps."""
        found: dict[str, list[str]] = {}
        for step in self.flow.steps if self.effects is not None else ():
            assert self.effects is not None
            for name in sorted(self.effects.of(step.name).sets):
                found.setdefault(name, []).append(step.name)
        return found


def _read(effects: StepEffects) -> Iterator[str]:
    yield from effects.reads
    yield from (item.name for item in effects.inputs)


def _typed(name: str, kind: str, *, code: bool = True) -> str:
    text = f"{name}: {kind}" if kind else name
    return f"`{text}`" if code else text


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def code_names(names: Iterable[str]) -> str:
    """Names as a list, cut off where it is long."""
    listed = [f"`{name}`" for name in names]
    more = [f"{len(listed) - _MOST_LISTED} more"] if len(listed) > _MOST_LISTED else []
    return ", ".join([*listed[:_MOST_LISTED], *more])


def _parameter_type(parameter: Parameter) -> str:
    if parameter.source == "file":
        return "str"
    if parameter.deferred_type or parameter.takes_several:
        return "tuple" if parameter.takes_several else ""
    return {"json": "JSON"}.get(parameter.type, parameter.type)


def _parameter(parameter: Parameter) -> Iterator[str]:
    if parameter.name != parameter.attribute:
        yield f"- on the command line: `--{parameter.name}`"
    if parameter.required:
        yield "- required"
    elif parameter.has_default:
        yield f"- default: {'computed' if parameter.dynamic_default else f'`{parameter.default!r}`'}"
    if parameter.choices:
        yield f"- one of: {code_names(parameter.choices)}"
    if parameter.help:
        yield f"- {parameter.help}"


def _type_of(value: ast.expr | None) -> str:
    """The type of a literal."""
    match value:
        case ast.Constant(value=constant):
            return type(constant).__name__ if constant is not None else "None"
        case ast.JoinedStr():
            return "str"
        case ast.List() | ast.ListComp():
            return "list"
        case ast.Dict() | ast.DictComp():
            return "dict"
        case ast.Set() | ast.SetComp():
            return "set"
        case ast.Tuple():
            return "tuple"
        case _:
            return ""
