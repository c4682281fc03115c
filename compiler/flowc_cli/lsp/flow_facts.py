"""What is known of a flow's steps and artifacts, in Markdown: from its IR and the analysis of its artifacts.

A flow with errors may have edges to what is no step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from flowc_cli.drawing.spec_facts import facts
from flowc_cli.pipeline_text import call_text, case_texts, fan_text, real_targets
from flowc_compiler.passes.artifact_types import parameter_types, step_artifacts

if TYPE_CHECKING:
    from flowc_compiler.driver import Compilation
    from flowc_compiler.ir import Flow, Parameter, Step
    from flowc_compiler.ir.artifact_effects import FlowEffects, StepEffects
    from flowc_compiler.passes.artifact_types import StepArtifacts

_MOST_LISTED = 12


class FlowFacts:
    """One flow."""

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
                return "start" if step.name == self.flow.start else "end" if step.name == self.flow.end else "linear"

    def _facts(self, step: Step) -> Iterator[tuple[str, str]]:
        yield "calls", _code(call_text(self.flow, step))
        yield "after", code_names(self._parents(step))
        yield "before", self._children(step)
        effects = self.effects.of(step.name) if self.effects is not None else None
        if effects is not None:
            if effects.havoc or effects.opaque:
                yield "artifacts", "not all are known"
            yield "sets", self._artifacts(effects.sets, step)
            yield "reads", self._artifacts(set(_read(effects)), step)
            yield "merges", self._merged(effects, step)
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
            cases = [f"`{case.target}` if {case.value!r}" for case in step.cases if case.target in self.flow.by_name]
            return ", ".join(cases[:_MOST_LISTED])
        if step.kind == "switch":
            ways = [(code_names(real_targets(self.flow, target)), test) for target, test in case_texts(self.flow, step)]
            return ", ".join(f"{names or 'nothing'} {test}" for names, test in ways[:_MOST_LISTED])
        targets = [target for target in step.targets if target in self.flow.by_name]
        return code_names(dict.fromkeys(real for target in targets for real in real_targets(self.flow, target)))

    def _artifacts(self, names: Iterable[str], step: Step) -> str:
        table = self._tables.get(step.name)
        set_here = dict(table.sets) if table is not None else dict[str, str]()
        shown = [_typed(name, set_here.get(name) or self.type_of(name, step.name)) for name in sorted(names)]
        more = [f"{len(shown) - _MOST_LISTED} more"] if len(shown) > _MOST_LISTED else []
        return ", ".join([*shown[:_MOST_LISTED], *more])

    def _merged(self, effects: StepEffects, step: Step) -> str:
        found: list[str] = []
        for merge in effects.merges:
            what = (
                "computed names" if merge.include is None else self._artifacts(merge.include, step) or "all artifacts"
            )
            without = self._artifacts(merge.exclude, step) if merge.exclude else ""
            found.append(f"{what} but {without}" if without else what)
        return "; ".join(found)

    def artifact(self, name: str, step: str) -> str | None:
        """An artifact, a parameter or a config, as a step sees it: its type, and the steps that set and read it; `None`
        where none does.
        """
        lines: list[str] = []
        for parameter in self.flow.parameters:
            if parameter.attribute == name:
                lines += [
                    f"**parameter `{_typed(name, self.type_of(name, step), code=False)}`**",
                    "",
                    *_parameter(parameter),
                ]
        for config in self.flow.configs:
            if config.attribute == name:
                lines += [f"**config `{name}`**", "", *([f"- from: {config.origin}"] if config.origin else [])]
        if self.effects is None:
            return "\n".join(lines) or None
        sets = [item.name for item in self.flow.steps if name in self.effects.of(item.name).sets]
        reads = [item.name for item in self.flow.steps if name in set(_read(self.effects.of(item.name)))]
        if not lines and (sets or reads):
            lines += [f"**artifact `{_typed(name, self.type_of(name, step), code=False)}`**", ""]
        lines += [f"- set in: {code_names(sets)}"] if sets else []
        lines += [f"- read in: {code_names(reads)}"] if reads else []
        return "\n".join(lines) or None

    def type_of(self, name: str, step: str = "") -> str:
        """The type of an artifact as a step has it, or else of all that is set; empty where that is not evident."""
        if name in self._parameters:
            return self._parameters[name]
        found = self._tables.get(step)
        here = "" if found is None else found.before.get(name) or found.after.get(name) or ""
        every = {table.sets[name] for table in self._tables.values() if name in table.sets}
        return here or (every.pop() if len(every) == 1 else "")

    @cached_property
    def _parameters(self) -> dict[str, str]:
        return parameter_types(self.flow)

    @cached_property
    def _tables(self) -> Mapping[str, StepArtifacts]:
        """The artifacts of each step, with their types."""
        return step_artifacts(self.flow, self.effects) if self.effects is not None else {}

    def available(self, step: str, arm: str | None = None) -> frozenset[str]:
        """The artifacts that a step may have, or its input of a name, or any for an empty one; all where that is not
        known.
        """
        found = self.flow.by_name.get(step)
        if found is None or not self._tables:
            return frozenset(self.artifacts)
        if arm is None:
            return frozenset([*self._tables[step].before, *self._tables[step].sets])
        parents = [name for name in found.parents if self.input_name(name) == arm] or found.parents
        return frozenset(name for parent in parents for name in self._tables[parent].after)

    def input_name(self, parent: str) -> str:
        """The name by which a join knows what a parent brings: behind a called flow, that of the calling step."""
        step = self.flow.by_name[parent]
        return step.name if step.within is None else self.input_name(step.within)

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
