"""Hostile strings through every context of both targets, each read back exactly.

A batch of strings is compiled into one flow, whose manifest the simulator runs and whose DAG file is executed here.
What the tasks saw of each string is in the artifacts, the tags and the logs of the run.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc import Run
from flowc_compiler.driver import compile_file
from flowc_targets.simulate import Progress, SimulateOptions, prepare_manifest, simulate
from tests.support import emitted, errors
from tests.trials.airflow_in_process import load_dag
from tests.trials.trial import Attempt, Choice
from tests.trials.workers import Work, in_workers

if TYPE_CHECKING:
    from flowc_targets.simulate.simulated_pods import Pod

BATCH = 20
"""Strings in one flow."""
_PIECES = (
    "", " ", "\t", "\n", "\r\n", "\r", "\x0b", "\x0c", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u2028", "\u2029",
    "\u202e", "\ufeff", "\uffff", "\U0010ffff", "é", "e\u0301", "😀", "ß", "ﬁ", "'", '"', '\"\"\"', "'''", "`", "\\",
    "\\n", "\\u0041", "\\N{DIGIT ONE}", "{{", "}}", "{{workflow.name}}", "{{=1+1}}", "{{item}}",
    "{{inputs.parameters.x}}", "{{ run_id }}", "{% raw %}", "{# x #}", "{", "}", "{0}", "{x!r}", "$(HOME)", "$$", "$",
    "${X}", "$(", "%", "%s", "%(x)s", "%25", "%2C", ",", "=", "a=b,c=d", ":", ": ", "- ", "# ", "#", "&a", "*a",
    "!!python/object:x", "!", "|", ">", "@", "? ", "---", "...", "<<", "[", "]", "null", "~", "yes", "no", "on",
    "true", "0o17", "0x1F", "1e3", "1_000", "12:30:45", "2024-01-01", ".inf", "NaN", "b64:aGk=", "z64:x",
    "flowc:default", "flowc:sent:aGk=", "<&>", "&amp;", "../..", "/etc/passwd", "x.sh", ".sql", ".md", "; true",
    "`id`", "| cat", "&& id", "-n", "--help", "start", "end", "None", "self", "x" * 300, "{{" * 50, "\\" * 7,
    "FLOWC_ROOT", "\u0130", "\x00"[:0],
)  # fmt: skip
_FLOW = """
import os
from flowc import Config, FlowSpec, JSONType, Parameter, environment, kubernetes, step


class StringsFlow(FlowSpec):
    {strings[0]!r}

    config = Config("config", default_value={configured!r})
    shape = Parameter("shape", type=JSONType, default={shape!r})
{parameters}

    @environment(vars={variables!r})
    @kubernetes(annotations={annotations!r})
    @step
    def start(self):
        self.literal = {strings!r}
        self.configured = list(self.config["strings"])
        self.keys = list(self.config["keys"])
        self.json = list(self.shape["strings"])
        self.default = [{defaults}]
        self.sent = [{sent}]
        self.variable = [os.environ[f"V{{number}}"] for number in range({count})]
        self.option = [os.environ[f"OPTION{{number}}"] for number in range({count})]
        for text in self.literal:
            print("<<" + text + ">>", flush=True)
        self.pick = {picked!r}
        self.next({cases}, condition="pick")

    @step
    def right(self):
        self.way = "right"
        self.next(self.{after})

    @step
    def wrong(self):
        self.way = "wrong"
        self.next(self.{after})
{each}
    @step
    def end(self):
        pass
"""
_EACH = """
    @step
    def fan(self):
        self.next(self.each, foreach="literal")

    @step
    def each(self):
        self.text = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.item = [one.text for one in inputs]
        self.merge_artifacts(inputs, exclude=["text"])
        self.next(self.end)
"""


class _Logs(Progress):
    """Keeps what the pods print."""

    def __init__(self) -> None:
        super().__init__(print, output=False)
        self.text = ""

    def logged(self, pod: Pod, log: Path, *, failed: bool) -> None:
        """A pod has ended."""
        self.text += log.read_bytes().decode("utf-8", "replace")
        super().logged(pod, log, failed=failed)


def hostile(seed: int, number: int) -> str:
    """The string of that number: one to five pieces, of which some are random."""
    chosen = random.Random(f"{seed}/{number}")

    def piece() -> str:
        if chosen.random() < 0.8:
            return chosen.choice(_PIECES)
        codes = [chosen.choice((chosen.randrange(1, 0x250), chosen.randrange(0xE000, 0x11000))) for _ in range(4)]
        return "".join(map(chr, codes))

    return "".join(piece() for _ in range(chosen.choice((1, 1, 2, 3, 5))))


def flow_text(strings: Sequence[str], picked: str, *, mapped: bool) -> str:
    """A flow with the strings in each of its contexts, whose switch has them as keys."""
    numbers = range(len(strings))
    keys = list(dict.fromkeys([picked, *strings, "one more"]))
    lines = [f"    p{n} = Parameter('p{n}', default={text!r}, help={text!r})" for n, text in enumerate(strings)]
    lines += [f"    g{n} = Parameter('g{n}', default='not this')" for n in numbers]
    return _FLOW.format(
        strings=list(strings),
        configured={"strings": list(strings), "keys": {text: n for n, text in enumerate(strings)}},
        shape=json.dumps({"strings": list(strings)}),
        parameters="\n".join(lines),
        variables={f"V{n}": text for n, text in enumerate(strings)},
        annotations={f"flowc.test/{n}": text for n, text in enumerate(strings) if _is_tag(text)},
        defaults=", ".join(f"self.p{n}" for n in numbers),
        sent=", ".join(f"self.g{n}" for n in numbers),
        count=len(strings),
        picked=picked,
        cases="{"
        + ", ".join(f"{key!r}: self.{'wrong' if number else 'right'}" for number, key in enumerate(keys))
        + "}",
        after="fan" if mapped else "end",
        each=_EACH if mapped else "",
    )


def _is_tag(text: str) -> bool:
    """Whether it can be a tag on both targets: flowc refuses what Argo would evaluate, and what Airflow would cut."""
    return bool(text) and len(text) <= 100 and "{{" not in text


def run_options(strings: Sequence[str]) -> dict[str, Any]:
    """Those of them that can be tags, and variables with all of them."""
    tags = tuple(text for text in strings if _is_tag(text))
    return {"tags": tags, "env": {f"OPTION{number}": text for number, text in enumerate(strings)}}


def written(folder: Path, strings: Sequence[str], *, mapped: bool) -> Path:
    """The file of the flow of these strings."""
    file = folder / "flow.py"
    file.write_text(flow_text(strings, strings[0], mapped=mapped), encoding="utf-8")
    return file


def emitted_text(file: Path, strings: Sequence[str], target: str, **options: Any) -> str:
    """The manifest or DAG file of the flow of these strings, whose root is beside the flow's file."""
    root = str(file.parent / target)
    files, sink = emitted(compile_file(file), target, root=root, **run_options(strings), **options)
    assert not errors(sink), [item.message for item in sink.diagnostics]
    return files[0].text


def given(strings: Sequence[str]) -> dict[str, str]:
    """The parameters of a run: each of the strings, in place of `not this`."""
    return {f"g{number}": text for number, text in enumerate(strings)}


def on_argo(folder: Path, strings: Sequence[str]) -> tuple[Run, str]:
    """The run of the manifest by the simulator, and its log."""
    options = SimulateOptions(parameters=given(strings), backoff=0, fork=False, max_workers=1)
    manifest, spec = prepare_manifest(emitted_text(written(folder, strings, mapped=True), strings, "argo"), options)
    logs = _Logs()
    result = simulate(manifest, spec, options, logs)
    assert result.phase == "Succeeded", f"{result.phase}: {result.message}"
    return Run.latest("StringsFlow", root=str(folder / "argo")), logs.text


def on_airflow(folder: Path, strings: Sequence[str]) -> tuple[Run, str]:
    """The run of the DAG file in this process, and its log."""
    dag = load_dag(emitted_text(written(folder, strings, mapped=False), strings, "airflow", operator="local"))
    log = dag.run(given(strings))
    return Run.latest("StringsFlow", root=str(folder / "airflow")), log


ENGINES = {"argo": on_argo, "airflow": on_airflow}


def _seen(run: Run) -> Mapping[str, Sequence[str]]:
    """What arrived, by context, in the order of the strings."""
    data = run["start"].task.data
    names = ("literal", "configured", "keys", "json", "default", "sent", "variable", "option")
    seen = {name: getattr(data, name) for name in names}
    if "join" in {step.id for step in run}:
        seen["item"] = run["join"].task.data.item
    return seen


def changed(engine: str, strings: Sequence[str]) -> dict[str, list[str]]:
    """The contexts in which a string did not arrive as it was, by string. Raises for a run that fails."""
    with tempfile.TemporaryDirectory() as folder:
        run, log = ENGINES[engine](Path(folder), strings)
        found = changed_in(run, engine, strings)
        for text in strings:
            plain = "\r" not in text and "\n" not in text
            found[text] += [f"not in the log on {engine}"] if plain and f"<<{text}>>" not in log else []
    return found


def changed_in(run: Run, engine: str, strings: Sequence[str]) -> dict[str, list[str]]:
    """The same of a run, but for its log."""
    found: dict[str, list[str]] = {text: [] for text in strings}
    for context, values in _seen(run).items():
        assert len(values) == len(strings), f"{len(values)} of {len(strings)} strings in {context}"
        for text, value in zip(strings, values, strict=True):
            found[text] += [] if value == text else [f"{context} on {engine} is {value!r}"]
    for text in strings:
        found[text] += [f"no tag on {engine}"] if _is_tag(text) and text not in run.user_tags else []
    arms = {step.id for step in run if any(task.successful for task in step)}
    found[strings[0]] += [] if "right" in arms and "wrong" not in arms else [f"another arm on {engine}"]
    return found


def problems(strings: Sequence[str]) -> dict[str, list[str]]:
    """What is wrong with each string on each engine; a batch that fails is tried in halves."""
    found: dict[str, list[str]] = {text: [] for text in strings}
    for engine in ENGINES:
        try:
            for text, wrong in changed(engine, strings).items():
                found[text] += wrong
        except Exception as error:
            if len(strings) > 1:
                half = len(strings) // 2
                return problems(strings[:half]) | problems(strings[half:])
            found[strings[0]].append(f"{engine}: {type(error).__name__}: {str(error)[:300]}")
    return found


def trial(choice: Choice) -> Iterator[Attempt]:
    """Try that many strings; `--only NUMBER` tries one of them again, alone."""
    numbers = [number for number in range(choice.count) if not choice.names or str(number) in choice.names]

    def attempts(start: int) -> list[Attempt]:
        batch = {hostile(choice.seed, number): number for number in numbers[start : start + BATCH]}
        found = problems(list(batch))
        return [
            Attempt(str(number), "; ".join((repr(text), *found[text])) if found[text] else None)
            for text, number in batch.items()
        ]

    yield from in_workers(Work(attempts, attempts), range(0, len(numbers), BATCH), batch=3)
