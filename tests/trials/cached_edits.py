"""Random edits of a flow whose results are cached: exactly the tasks run again that have to, and values are right.

The flow is random: helpers that call each other, constants, a chain of steps, a foreach and its join, each of which
reads some of what was set before. A model of it in plain Python knows what each step reaches and reads, and so which
tasks an edit concerns: code that is reached or not, a comment, an input that is read or not, an item, an image.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.serial_engine import SerialEngine
from tests.trials.trial import Attempt, Choice

_EDITS = (
    "comment", "helper", "unreached helper", "constant", "unused constant", "body", "read input", "unread input",
    "item", "image", "resources", "new helper", "docstring", "moved items",
)  # fmt: skip
_PER_FLOW = 20
"""Edits of one flow: each is of the flow as it was, whose results are in the cache."""
_FIRST_UNIQUE = 1000


@dataclass(frozen=True)
class Step:
    """A step that sets `v_<name>` to what a helper makes of its reads."""

    name: str
    reads: tuple[str, ...]
    helper: int
    constant: int | None
    plus: int = 0
    decorator: str = ""
    note: str = ""


@dataclass(frozen=True)
class Model:
    """A flow, and what it computes."""

    factors: tuple[int, ...]
    """Of each helper."""
    calls: tuple[int | None, ...]
    """The helper that each one calls, with a smaller number."""
    constants: tuple[int, ...]
    chain: tuple[Step, ...]
    item: Step
    after: tuple[Step, ...]
    inputs: tuple[int, ...]
    items: tuple[int, ...]
    kept: tuple[str, ...]
    """What the join merges."""
    extra: dict[str, str] = field(default_factory=dict[str, str])
    """Text at the end of helpers.py, and at the head of both files."""

    def reached(self, step: Step) -> frozenset[object]:
        """What of the code a step's result depends on, with its text."""
        found: set[object] = {("step", step.name, step.reads, step.plus, step.helper, step.constant)}
        at: int | None = step.helper
        while at is not None:
            found.add(("helper", at, self.factors[at], self.calls[at]))
            at = self.calls[at]
        if step.constant is not None:
            found.add(("constant", step.constant, self.constants[step.constant]))
        found.add(("image", step.decorator if "image" in step.decorator else ""))
        return frozenset(found)

    def helped(self, at: int, x: int) -> int:
        """What a helper returns."""
        inner = self.calls[at]
        return (x if inner is None else self.helped(inner, x)) * 3 + self.factors[at]

    def value(self, step: Step, known: dict[str, int], item: int = 0) -> int:
        """What a step sets."""
        total = sum(known[name] for name in step.reads) + item + step.plus
        return self.helped(step.helper, total) + (self.constants[step.constant] if step.constant is not None else 0)

    def tasks(self) -> dict[str, tuple[object, int | list[int]]]:
        """For each cached task by its name, what its result depends on, and the result."""
        known = {f"i{at}": value for at, value in enumerate(self.inputs)}
        found: dict[str, tuple[object, int | list[int]]] = {}

        def run(step: Step) -> None:
            reads = [known[name] for name in step.reads]
            known[f"v_{step.name}"] = self.value(step, known)
            found[step.name] = ((self.reached(step), *reads), known[f"v_{step.name}"])

        for step in self.chain:
            run(step)
        found["fan"] = (self.items, list(self.items))
        made: list[int] = []
        for at, item in enumerate(self.items):
            made.append(self.value(self.item, known, item))
            reads = [known[name] for name in self.item.reads]
            found[f"item/{at}"] = ((self.reached(self.item), item, *reads), made[-1])
        kept = [known[name] for name in self.kept]
        known["total"] = sum(made)
        found["gather"] = ((tuple(made), *kept), known["total"])
        for step in self.after:
            run(step)
        found["end"] = ((known["total"],), known["total"])
        return found

    def files(self) -> dict[str, str]:
        """Its text."""
        lines = [self.extra.get("head", ""), "import os", "import helpers", "from flowc import *", ""]
        lines += [f"C{at} = {value}" for at, value in enumerate(self.constants)]
        lines += ["", "class Edited(FlowSpec):", "    @step", "    def start(self):"]
        lines += [f"        self.i{at} = int(os.environ['I{at}'])" for at in range(len(self.inputs))]
        lines += ["        self.items = [int(x) for x in os.environ['ITEMS'].split()]"]
        names = [step.name for step in self.chain]
        lines += [f"        self.next(self.{names[0]})"]
        for step, after in zip(self.chain, [*names[1:], "fan"], strict=True):
            lines += self._step(step, after)
        lines += ["    @cache", "    @step", "    def fan(self):", "        self.next(self.item, foreach='items')"]
        lines += self._step(self.item, "gather", item=True)
        lines += ["    @cache", "    @step", "    def gather(self, inputs):"]
        lines += ["        self.total = sum(each.v_item for each in inputs)"]
        lines += [f"        self.merge_artifacts(inputs, include={list(self.kept)!r})"]
        names = [step.name for step in self.after]
        lines += [f"        self.next(self.{names[0]})"]
        for step, after in zip(self.after, [*names[1:], "end"], strict=True):
            lines += self._step(step, after)
        lines += ["    @cache", "    @step", "    def end(self):", "        self.done = self.total", ""]
        helpers = [self.extra.get("head", "")]
        for at, factor in enumerate(self.factors):
            inner = self.calls[at]
            x = "x" if inner is None else f"h{inner}(x)"
            helpers += [f"def h{at}(x):", f"    return {x} * 3 + {factor}", ""]
        return {"edited.py": "\n".join(lines), "helpers.py": "\n".join([*helpers, self.extra.get("tail", "")])}

    def _step(self, step: Step, after: str, *, item: bool = False) -> list[str]:
        parts = [f"self.{name}" for name in step.reads] + (["self.input"] if item else []) + [str(step.plus)]
        constant = "" if step.constant is None else f" + C{step.constant}"
        return [
            "    @cache", *([f"    @{step.decorator}"] if step.decorator else []), "    @step",
            f"    def {step.name}(self):",
            *([f'        """{step.note}"""'] if step.note else []),
            f"        self.v_{step.name} = helpers.h{step.helper}({' + '.join(parts)}){constant}",
            f"        self.next(self.{after})",
        ]  # fmt: skip

    def environment(self) -> dict[str, str]:
        """What its first step reads."""
        inputs = {f"I{at}": str(value) for at, value in enumerate(self.inputs)}
        return {**inputs, "ITEMS": " ".join(map(str, self.items))}


def random_model(chance: random.Random) -> Model:
    """Some flow, with a helper, a constant and an input that nobody uses."""
    helpers = chance.randint(4, 6)
    used = range(helpers - 1)
    calls = tuple(chance.choice([None, chance.randrange(at)]) if at else None for at in range(helpers))
    known = [f"i{at}" for at in range(3)]

    def step(name: str) -> Step:
        reads = tuple(sorted(set(chance.choices(known, k=chance.randint(1, 2)))))
        found = Step(name, reads, chance.choice(used), chance.choice([None, 0, 1]), chance.randrange(50))
        known.append(f"v_{name}")
        return found

    chain = tuple(step(f"s{at}") for at in range(chance.randint(2, 3)))
    before = list(known)
    item = replace(step("item"), reads=tuple(chance.sample(before, 1)))
    kept = tuple(chance.sample(before, 2))
    known[:] = [*kept, "total"]
    after = tuple(step(f"t{at}") for at in range(2))
    inputs, items = tuple(chance.sample(range(100), 4)), tuple(chance.sample(range(100), 3))
    factors = tuple(chance.sample(range(100), helpers))
    return Model(factors, calls, (5, 7, 9), chain, item, after, inputs, items, kept)


def edited(model: Model, kind: str, chance: random.Random, unique: int) -> Model:
    """The flow after an edit, with a number in it that no other edit has."""
    steps = [*model.chain, model.item, *model.after]

    def with_step(old: Step, new: Step) -> Model:
        def swap(found: tuple[Step, ...]) -> tuple[Step, ...]:
            return tuple(new if step is old else step for step in found)

        return replace(model, chain=swap(model.chain), after=swap(model.after), item=swap((model.item,))[0])

    def swapped(values: tuple[int, ...], at: int) -> tuple[int, ...]:
        return (*values[:at], unique, *values[at + 1 :])

    step = chance.choice(steps)
    match kind:
        case "comment":
            return replace(model, extra={"head": f"# {unique}\n\n", "tail": f"\n\n# {unique}"})
        case "docstring":
            return with_step(step, replace(step, note=f"Note {unique}."))
        case "helper":
            return replace(model, factors=swapped(model.factors, chance.randrange(len(model.factors) - 1)))
        case "unreached helper":
            return replace(model, factors=swapped(model.factors, len(model.factors) - 1))
        case "new helper":
            return replace(model, extra={"tail": f"def fresh(x):\n    return {unique}\n"})
        case "constant":
            return replace(model, constants=swapped(model.constants, chance.randrange(2)))
        case "unused constant":
            return replace(model, constants=swapped(model.constants, 2))
        case "body":
            return with_step(step, replace(step, plus=unique))
        case "read input":
            return replace(model, inputs=swapped(model.inputs, chance.randrange(3)))
        case "unread input":
            return replace(model, inputs=swapped(model.inputs, 3))
        case "item":
            return replace(model, items=swapped(model.items, chance.randrange(len(model.items))))
        case "moved items":
            return replace(model, items=tuple(chance.sample(model.items, len(model.items))))
        case "image":
            return with_step(step, replace(step, decorator=f"kubernetes(image='image:{unique}')"))
        case _:
            return with_step(step, replace(step, decorator=f"resources(cpu={unique})"))


def trial(choice: Choice) -> Iterator[Attempt]:
    """One edit a time; each is of a flow that a run has cached."""
    for first in range(0, choice.count, _PER_FLOW):
        names = [f"edit{number}" for number in range(first, min(first + _PER_FLOW, choice.count))]
        if not any(map(choice.allows, names)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            base = random_model(random.Random(f"{choice.seed}/{first}"))
            seen: set[object] = set()
            problem = _run(base, Path(folder), seen)
            for number, name in enumerate(names, first):
                if choice.allows(name):
                    chance = random.Random(f"{choice.seed}/{name}")
                    kind = chance.choice(_EDITS)
                    model = edited(base, kind, chance, _FIRST_UNIQUE + number)
                    wrong = problem or _run(model, Path(folder), seen)
                    files = {path: text.encode() for path, text in model.files().items()} if wrong else {}
                    yield Attempt(name, wrong and f"{kind}: {wrong}", files, {kind: 1})


def _run(model: Model, folder: Path, seen: set[object]) -> str | None:
    """Run a flow on the cache of the folder, which has the tasks `seen`; returns what is wrong."""
    for name, text in model.files().items():
        (folder / name).write_text(text)
    run = SerialEngine(folder / "edited.py", folder / "root").run(env=model.environment())
    if run.failed:
        return f"{run.failed[0]} failed: {run.output.strip().splitlines()[-1]}"
    expected = model.tasks()
    due = {name for name, (depends, _) in expected.items() if _comparable(name, depends) not in seen}
    seen.update(_comparable(name, depends) for name, (depends, _) in expected.items())
    ran = run.ran - {"start"}
    if ran != due:
        return f"ran {sorted(ran - due)} for nothing, and did not run {sorted(due - ran)}"
    for name, (_, value) in expected.items():
        step, _, index = name.partition("/")
        artifact = {"fan": "items", "gather": "total", "end": "total"}.get(step, f"v_{step}")
        found = run.value(step, artifact, (int(index),) if index else ())
        if found != value:
            return f"{name} has {found!r}, and should have {value!r}"
    return None


def _comparable(name: str, depends: object) -> tuple[str, object]:
    """What a task depends on; an item is the same wherever it stands."""
    return name.partition("/")[0], depends
