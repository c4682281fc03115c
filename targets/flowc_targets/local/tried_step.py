"""Running one step alone, as a process that has the terminal; what it writes goes into a folder, and may be kept."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flowc.errors import FlowError, StoreError
from flowc.protocol import PLAN_FILE, env_names
from flowc.protocol.plan import Plan
from flowc.shim.fork_server import BOOT
from flowc.shim.graph_info import record_graph
from flowc.shim.task_inputs import predecessor
from flowc.store import approvals, open_store
from flowc.store.documents import FAILED, MANIFEST
from flowc.store.file_store import FileStore
from flowc.store.layered_store import OWN_FOLDER
from flowc.store.run_layout import RunLayout, index_text, place_text
from flowc_compiler.diagnostics import FlowcError, suggest
from flowc_targets.base.process_pool import signal_name
from flowc_targets.base.scratch import scratch_folder
from flowc_targets.local.options import ResumeOptions
from flowc_targets.local.resumption import Replay, find_origin
from flowc_targets.local.run_record import RunRecord, new_run_id, raise_unusable
from flowc_targets.local.run_report import unsupported_locally
from flowc_targets.local.schedule import Schedule, TaskKey
from flowc_targets.local.task_environment import (
    check_params,
    check_variables,
    environment_of_tasks,
    schedule_variables,
    step_variables,
    with_values,
)
from flowc_targets.local.tried_inputs import find_inputs, write_layer
from flowc_targets.package.code_package import local_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from pathlib import Path

    from flowc.store import Store
    from flowc_compiler.ir import Flow, Step
    from flowc_compiler.source import SourceFile
    from flowc_targets.local.options import RunOptions
    from flowc_targets.local.tried_inputs import TaskInputs, TryOptions


@dataclass(frozen=True, slots=True)
class TriedStep:
    """How it went. Values can be read while the block of `try_step` lasts."""

    layout: RunLayout
    folder: str
    """Of its layered store."""
    task: str
    """Step and index, as the command line names them."""
    exit_code: int
    seconds: float
    manifest: Mapping[str, Any] | None
    """What it has committed; `None` where it has failed."""
    set_before_failure: Mapping[str, Any]
    """References to the artifacts that an attempt has set which failed."""
    inherited: Mapping[str, Any]
    """References to the artifacts that it began with."""
    failure: Mapping[str, Any] | None = None
    """The record of why it has failed."""
    kept: str | None = None
    """The pathspec of the run, where it stays."""

    @property
    def artifacts(self) -> dict[str, Any]:
        """References to what the step itself has set."""
        found = self.manifest["artifacts"] if self.manifest is not None else self.set_before_failure
        return {name: ref for name, ref in found.items() if ref["hash"] != self.inherited.get(name, {}).get("hash")}


@contextlib.contextmanager
def try_step(
    flow: Flow, source: SourceFile, options: RunOptions, tried: TryOptions, say: Callable[[str], None]
) -> Generator[TriedStep]:
    """Run a step of a compiled flow; the block gets how it went. `say` takes a line for people.

    Raises FlowcError: FC601 for the root, FC602 for no such run, FC608 for no such step, FC614 for a step that cannot
    run alone, and what is wrong with parameters.
    """
    step = tried_step(flow, tried.step)
    plan = local_plan(flow, source, options.include)
    _check_given(flow, plan, tried)
    inputs = find_inputs(Plan(plan), tried, options.root)
    params = _parameters(flow, inputs, options)
    plan = local_plan(with_values(flow, params), source, options.include)
    run_id = new_run_id()
    with scratch_folder("flowc-try-") as scratch:
        options = replace(options, params=params)
        _announce(flow, step, inputs, say)
        _note_unnamed(flow, source, tried, say)
        trial = _Trial(flow, source, options, tried, inputs, scratch, run_id)
        trial.prepare(plan, step)
        result = trial.run(step)
        if tried.keep:
            result = replace(result, kept=trial.keep(Plan(plan), result))
        yield result


def tried_step(flow: Flow, name: str) -> Step:
    """The step to try. Raises FlowcError: FC608 for no such step, FC614 for a member of a gang."""
    steps = {step.name: step for step in flow.steps if not step.virtual}
    step = steps.get(name)
    if step is None:
        help_ = suggest(name, steps, f"its steps are {', '.join(steps)}").help
        raise FlowcError.of("FC608", f"flow {flow.name} has no step `{name}`", help=help_, span=flow.span)
    if any(flow.by_name[parent].kind == "parallel" for parent in step.parents):
        message = f"step `{name}` is a gang, whose members wait for each other: one of them cannot run alone"
        raise FlowcError.of("FC614", message, help="run the flow: `flowc run` starts all members", span=step.span)
    return step


def arguments_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a step of a pipeline, as the plan's entry of the step has them; none for another step."""
    call: dict[str, Any] = entry.get("call") or {}
    arguments: dict[str, Any] = call.get("arguments", {})
    return arguments


def _check_given(flow: Flow, plan: Mapping[str, Any], tried: TryOptions) -> None:
    """Check what was given against the step. Raises FlowcError with FC505 and FC614."""
    entry = plan["steps"][tried.step]
    joins = flow.by_name[tried.step].kind == "join"
    of_pipeline = flow.is_of_pipeline(flow.by_name[tried.step])
    arguments = arguments_of(entry)
    for value in tried.given:
        if value.step is not None and value.step not in flow.by_name:
            help_ = suggest(value.step, flow.by_name, "write STEP.NAME=VALUE").help
            raise FlowcError.of("FC608", f"flow {flow.name} has no step `{value.step}`", help=help_)
        if value.number is not None and not (joins and entry["closes_kind"] != "branch"):
            message = (
                f"--artifact {value.number}.{value.name}: step `{tried.step}` does not join the items of a foreach"
            )
            raise FlowcError.of("FC505", message, help="write NAME=VALUE, or STEP.NAME=VALUE for an input of a join")
        plain = value.step is None and value.number is None
        if plain and of_pipeline and value.name not in arguments:
            known = f"its arguments are {', '.join(arguments)}" if arguments else "it has none"
            raise FlowcError.of("FC505", f"step `{tried.step}` has no argument `{value.name}`", help=known)
    in_foreach = entry["depth"] > entry["loops"]
    if tried.item is not None and (not in_foreach or of_pipeline):
        help_ = "write --artifact ARGUMENT=VALUE" if of_pipeline else "leave it out"
        raise FlowcError.of("FC505", f"--input: step `{tried.step}` has no item that it could be", help=help_)
    if tried.alone and in_foreach and tried.item is None and not of_pipeline:
        message = f"step `{tried.step}` runs for an item of a foreach, and there is none without a run"
        raise FlowcError.of("FC614", message, help="give the item: --input VALUE")

    if tried.alone:
        _check_arguments(plan, tried, arguments)


def _check_arguments(plan: Mapping[str, Any], tried: TryOptions, arguments: Mapping[str, Any]) -> None:
    """Check that nothing of a pipeline's step comes from a run where there is none. Raises FlowcError with FC614."""
    given = {value.name for value in tried.given if value.step is None}
    known = {(value.step, value.name) for value in tried.given if value.step == plan["start"]}
    missing = [name for name, value in arguments.items() if name not in given and not known.issuperset(_results(value))]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        message = f"step `{tried.step}` gets {names} from other steps, and nothing has run them"
        help_ = f"give the values: {' '.join(f'--artifact {name}=VALUE' for name in missing)}"
        raise FlowcError.of("FC614", message, help=help_)


def _results(value: object) -> Iterator[tuple[str, str]]:
    """The steps, and their outputs, that an argument is made of, as the plan has it."""
    waiting: list[Any] = [value]
    while waiting:
        item = whole = waiting.pop()
        if isinstance(item, list):
            waiting += whole
        elif isinstance(item, dict):
            part: dict[str, Any] = whole
            if "output" in part:
                yield part["output"][0], part["output"][1]
            elif "item" in part:
                yield part["item"], ""
            waiting += [inner for key, inner in part.items() if key not in {"literal", "python", "output", "item"}]


def _parameters(flow: Flow, inputs: TaskInputs, options: RunOptions) -> Mapping[str, str]:
    """The texts of parameters: those given, and for a start step those of the run that was named.

    Raises FlowcError with FC302 to FC304 and FC308.
    """
    if inputs.origin is None:
        check_params(flow, options.params)
        return options.params
    texts = dict(options.params)
    if inputs.step.name == flow.start:
        names = {parameter.name for parameter in flow.parameters if not parameter.fixed}
        record = inputs.origin.read_json(f"{inputs.origin.prefix}/run.json") or {}
        texts = {name: text for name, text in record.get("parameters", {}).items() if name in names} | texts
    chosen = tuple(parameter for parameter in flow.parameters if parameter.name in texts)
    check_params(flow.model_copy(update={"parameters": chosen}), texts)
    return texts


def _note_unnamed(flow: Flow, source: SourceFile, tried: TryOptions, say: Callable[[str], None]) -> None:
    """Note artifacts that were given, and whose names the file does not have."""
    words = set(re.findall(r"\w+", source.text))
    names = sorted({value.name for value in tried.given} - words)
    if names and flow.frontend != "pipeline":
        say(f"--artifact: {source.name} has the name {', '.join(names)} nowhere")


def _announce(flow: Flow, step: Step, inputs: TaskInputs, say: Callable[[str], None]) -> None:
    """Say which task runs, on what, and which decorators do nothing here."""
    on = f"with the inputs of run {inputs.origin.run}" if inputs.origin is not None else "without a run"
    say(f"{flow.name}/{place_text(step.name, inputs.path)} {on}")
    specs = {"@retry": step.specs.retry, "@catch": step.specs.catch, "@timeout": step.specs.timeout}
    found = [name for name, spec in specs.items() if spec is not None]
    for note in unsupported_locally(flow.model_copy(update={"steps": (step,)})):
        say(note)
    if found:
        say(f"{' and '.join(found)} {'does' if len(found) == 1 else 'do'} nothing for a step that is tried")


class _Trial:
    """One task, and the folder that its plan and all that it writes are in."""

    def __init__(
        self,
        flow: Flow,
        source: SourceFile,
        options: RunOptions,
        tried: TryOptions,
        inputs: TaskInputs,
        scratch: Path,
        run_id: str,
    ) -> None:
        self.flow = flow
        self.source = source
        self.options = options
        self.tried = tried
        self.inputs = inputs
        self.scratch = scratch
        self.run_id = run_id
        self.own = FileStore(str(scratch / OWN_FOLDER))
        self.root = ""
        self.layout = RunLayout(self.own, flow.name, run_id)
        self.answer: dict[str, Any] = {}
        """What a person has chosen, as the store has it."""

    def prepare(self, plan: dict[str, Any], step: Step) -> None:
        """Write what the task reads. Raises FlowcError for a value that cannot be stored, and for variables."""
        check_variables(self.flow.model_copy(update={"steps": (step,)}))
        try:
            base = open_store(self.options.root).url
            self.answer = self._answer(step)
            arguments = arguments_of(plan["steps"][step.name])
            given = [value for value in self.tried.given if value.step is not None or value.name not in arguments]
            self.root = write_layer(self.scratch, Plan(plan), self.inputs, self.run_id, base, given, self.tried.item)
            for value in self.tried.given:
                if value.step is None and value.name in arguments:
                    arguments[value.name] = {"stored": value.store(self.own, self.flow.name)}
        except StoreError as error:
            raise_unusable(self.options.root, error)
        except FlowError as error:
            raise FlowcError.of(
                "FC505", f"a value cannot be stored: {error}", help="give it as JSON or a pickle"
            ) from None
        entry = plan["steps"][step.name]
        entry.update(retries=0, timeout=None)
        entry.pop("catch", None)
        plan["anew"] = self._anew()
        (self.scratch / PLAN_FILE).write_text(json.dumps(plan), encoding="utf-8")

    def _answer(self, step: Step) -> dict[str, Any]:
        """What a person has chosen: now, or in the run with the inputs. Raises FlowcError with FC614."""
        asks, origin = step.specs.approval, self.inputs.origin
        if asks is None:
            return {}
        given = self.options.approvals.get(step.name)
        if given is not None:
            return {"choice": given, "by": approvals.this_person(), "via": "option"}
        found = approvals.read_answer(origin, step.name, self.inputs.path) if origin is not None else None
        if found is None:
            choices = " or ".join(asks.choices) if asks.choices else "what that person writes"
            message = f"step `{step.name}` asks a person, whose choice is not known"
            raise FlowcError.of("FC614", message, help=f"give it by --approve: {choices}", span=step.span)
        return {name: value for name, value in found.items() if name != "version"}

    def _anew(self) -> list[str]:
        """The parameters that the run does not have, or that were given anew."""
        kept: Mapping[str, Any] = {}
        if self.inputs.origin is not None:
            kept = self.inputs.origin.kept_parameters() or {}
        return [
            item.attribute
            for item in (*self.flow.run_parameters,)
            if item.attribute not in kept or item.name in self.options.params
        ]

    def run(self, step: Step) -> TriedStep:
        """Run the task to its end."""
        environment = step.specs.environment
        options = replace(self.options, post_mortem=self.tried.post_mortem)
        env = environment_of_tasks(self.source, options, self.scratch / PLAN_FILE, self.root, self.run_id)
        env.update(step_variables(environment) if environment is not None else {})
        env |= schedule_variables(self.flow, self.inputs.origin.scheduled() if self.inputs.origin is not None else "")
        env[env_names.CACHE] = "off"  # to try a step is to run it
        if self.answer:
            env[env_names.ANSWER] = self.answer.pop("choice")
            env[env_names.ANSWERED] = json.dumps(self.answer)
        index = index_text(self.inputs.path)
        command = [self.options.python, "-c", BOOT, "task", "--step", step.name, "--index", index]
        command += ["--attempt", str(self.tried.attempt)]
        begun = time.monotonic()
        code = run_in_foreground(command, env)
        seconds = time.monotonic() - begun
        folder = self.layout.folder(step.name, self.inputs.path, self.tried.attempt)
        manifest = self.layout.read_json(f"{folder}/{MANIFEST}")
        failed = self.layout.read_json(f"{folder}/{FAILED}") or {}
        if manifest is not None:
            seconds = manifest["created"] - manifest["started"]
        elif code <= 0:
            how = f"was killed by {signal_name(-code)}" if code else "ended before the step did"
            self.record_end("TaskKilled" if code else "TaskVanished", f"the task's process {how}")
            code = 1
        task = step.name if not self.inputs.path else f"{step.name}/{index}"
        before = self._inherited(step)
        failure = self.layout.failure(step.name, self.inputs.path, self.tried.attempt)
        place = str(self.scratch)
        return TriedStep(
            self.layout, place, task, code, seconds, manifest, failed.get("artifacts", {}), before, failure
        )

    def record_end(self, kind: str, message: str) -> None:
        """Record a failure that the task could not record itself."""
        self.layout.record_failure(self.tried.step, self.inputs.path, self.tried.attempt, kind, message)

    def _inherited(self, step: Step) -> Mapping[str, Any]:
        """What the task has begun with; for a join what was there before its inputs, which it may have taken over."""
        plan_step, path = self.inputs.step, self.inputs.path
        if self.flow.is_of_pipeline(step) or (step.name == self.flow.start and not any(path)):
            return {}
        layout = RunLayout(open_store(self.root), self.flow.name, self.run_id)
        plan = Plan(json.loads((self.scratch / PLAN_FILE).read_text(encoding="utf-8")))
        joins = plan_step.kind == "join"
        before = layout.manifest(plan_step.closes or "", path) if joins else predecessor(layout, plan, plan_step, path)
        found: Mapping[str, Any] = before["artifacts"]
        return found

    def keep(self, plan: Plan, result: TriedStep) -> str:
        """Store the task as a run of its own, which has taken over what comes before. Returns its pathspec.

        Raises FlowcError with FC601.
        """
        origin = self.inputs.origin
        record = RunRecord(self.flow, self.options, self.run_id, origin.run if origin is not None else None, ())
        done = 0
        try:
            if origin is not None:
                done = self._take_over(record, origin.run)
            elif not self.own.exists(f"{record.layout.prefix}/graph.json"):
                record_graph(record.layout, plan)
            self._publish(record.layout.store, record.layout.prefix)
        except StoreError as error:
            raise_unusable(self.options.root, error)
        whole = result.manifest is not None and self.tried.step == self.flow.end
        status = "successful" if whole else "interrupted" if result.manifest is not None else "failed"
        record.end(status, done + (result.manifest is not None))  # type: ignore[arg-type]
        return record.layout.prefix

    def _take_over(self, record: RunRecord, run: str) -> int:
        """Take over what the run has finished: not the task that was tried, nor what follows from it."""
        origin = find_origin(self.flow, self.source, self.options, ResumeOptions(run))
        origin.begin(record.layout)
        own = TaskKey(self.tried.step, self.inputs.path)
        replay = Replay(origin, Schedule(self.flow), record.layout, self.options.max_num_splits, own)
        if replay.run(lambda: True):
            record.taken_over(replay.reused)
        return replay.reused.total()

    def _publish(self, store: Store, prefix: str) -> None:
        """Copy what the task has written: values first, its manifest last."""
        values = list(self.own.keys(f"{self.flow.name}/data/"))
        place = f"{prefix}/{self.tried.step}/{index_text(self.inputs.path)}/"
        written = sorted(self.own.keys(place), key=lambda key: key.endswith(f"/{MANIFEST}"))
        graph = [key for key in self.own.keys(f"{prefix}/") if key.count("/") == 2]
        for key in values:
            if not store.exists(key):
                store.write(key, [self.own.read(key)])
        for key in (*graph, *written):
            store.write(key, [self.own.read(key)])


def run_in_foreground(command: list[str], env: Mapping[str, str]) -> int:
    """Run a program that has this process's input and output; negative for a signal. It gets signals in our place."""
    child = subprocess.Popen(command, env=dict(env))

    def forward(number: int, frame: object) -> None:
        del frame
        if number != signal.SIGINT:  # the terminal sends that to both
            child.send_signal(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, forward) for number in numbers}
    try:
        return child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if child.poll() is None:
            child.kill()
            child.wait()
