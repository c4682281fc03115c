"""The cache: a task whose code, environment and inputs are as an earlier task's is not run, but takes what that left.

Below the key of code and environment are the shapes, each a list of what some task has read, and the results, each
under the digest of a shape and the values that were read. An equal value gives an equal digest, wherever it comes from.
Whoever looks a task up asks for the result of each shape with the values of now: one list, and one read a shape.
"""

from __future__ import annotations

import json
import os
import sys

from flowc.errors import CorruptArtifact, FlowError, MissingInput, ParameterError, StoreError
from flowc.protocol import env_names
from flowc.shim.argument_values import Values
from flowc.shim.cache_inputs import CacheInputs, UnknownReadError, digest_of, part_of_code
from flowc.shim.join import step_tolerates
from flowc.shim.read_trace import by_artifact, end_trace
from flowc.store import artifacts
from flowc.store.documents import wall_time
from flowc.store.run_layout import cache_folder, parse_index, place_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping

    from flowc.protocol.plan import Plan, PlanStep
    from flowc.shim.read_trace import ReadTrace
    from flowc.shim.task_identity import Task
    from flowc.shim.task_state import TaskState
    from flowc.store.documents import Document

VERSION = 1
"""Raised when entries of the cache mean something else: older ones are not found then."""
OFF = "off"
_TAKEN = ("foreach", "choice", "metadata", "arguments")
"""Parts of a manifest, beside artifacts, that a task takes over from the one that ran."""
MOST_SHAPES = 16
"""Shapes of one key that are looked at, and written."""
SHORT = 16
"""Digits of a digest in a manifest, where it is for people to compare."""


_shapes: Dict[str, Dict[str, List[List[Any]]]] = {}
"""The shapes that this process has read, by the folder of their key and their names, which are digests of them."""


class TaskCache:
    """What the cache knows of one task."""

    def __init__(self, state: TaskState, task: Task, environment: Mapping[str, str] | None = None) -> None:
        """`environment` is that of the task, by default of this process."""
        self._state = state
        self._task = task
        self._spec: Dict[str, Any] = state.step.cache or {}
        self._parts = key_parts(state.step, os.environ if environment is None else environment)
        self.key = digest_of(self._parts)
        name = str((state.step.call or {}).get("function") or state.step.name)  # several steps may call one function
        self._folder = cache_folder(state.plan.flow, name, self.key)
        self._inputs = CacheInputs(state, task, environment)
        self._shapes = _shapes.setdefault(self._folder, {})

    def find(self) -> Document | None:
        """The manifest of the task, made of a result that the cache has; `None` where the task has to run."""
        store = self._state.layout.store
        names = sorted(store.children(f"{self._folder}/reads"))[:MOST_SHAPES]
        for name in names:
            entry = self._entry(name.partition(".")[0])
            if entry is not None:
                return self._manifest(entry)
        return None

    def _entry(self, name: str) -> Document | None:
        """The result of a shape with the values of now, if it is sound and young enough."""
        shape = self._shape(name)
        if shape is None:
            return None
        try:
            digests = self._inputs.digests(shape)
        except UnknownReadError:
            return None
        entry = self._read(self._result_key(name, digests))
        if entry is None or self._is_over(entry) or not self._is_sound(entry):
            return None
        entry["reads"] = [[read, digest[:SHORT]] for read, digest in zip(shape, digests)]
        return entry

    def _shape(self, name: str) -> List[List[Any]] | None:
        if name not in self._shapes:
            document = self._read(f"{self._folder}/reads/{name}.json")
            shape: Any = document.get("reads") if document is not None else None
            if not isinstance(shape, list) or digest_of(shape) != name:
                return None
            self._shapes[name] = shape
        return self._shapes[name]

    def _read(self, key: str) -> Document | None:
        """A document of the cache; one that is damaged is none, and the next task writes it anew."""
        layout = self._state.layout
        try:
            return layout.read_json(key)
        except CorruptArtifact as error:
            _say(f"{place_text(self._task.step, self._task.path)} is not taken from the cache: {error}")
            return None

    def _result_key(self, name: str, digests: List[str]) -> str:
        return f"{self._folder}/results/{digest_of([name, digests])}.json"

    def _is_over(self, entry: Document) -> bool:
        ttl = self._spec.get("ttl")
        return ttl is not None and wall_time() - float(entry.get("created", 0)) > ttl

    def _is_sound(self, entry: Document) -> bool:
        """Whether a result is whole, goes on in a way that the flow knows, and its values are there, and stay."""
        from flowc.shim.takeover import agrees

        layout, step = self._state.layout, self._state.step
        refs: Dict[str, Any] = {"artifacts": entry.get("artifacts"), "parameters": {}, "foreach": entry.get("foreach")}
        try:
            if not isinstance(refs["artifacts"], dict) or not agrees(step, entry):
                return False
            for name, ref in artifacts.referenced(refs):
                _check_value(layout.store, layout.flow, name, ref)
            if entry.get("foreach"):
                artifacts.check_items(layout.store, layout.flow, "items", entry["foreach"])
        except (CorruptArtifact, MissingInput) as error:
            _say(f"{place_text(step.name, self._task.path)} is not taken from the cache: {error}")
            return False
        return True

    def _manifest(self, entry: Document) -> Document:
        from flowc.shim.task_results import manifest_head

        gone = frozenset(entry.get("deleted", ()))
        inherited = {name: ref for name, ref in self._inputs.inherited.items() if name not in gone}
        manifest = manifest_head(self._state, self._task)
        for name in _TAKEN:
            if name in entry:
                manifest[name] = entry[name]
        manifest["artifacts"] = {**inherited, **entry["artifacts"]}
        manifest["cached"] = {name: entry[name] for name in ("run", "step", "index", "attempt", "created")}
        manifest["cache"] = {"key": self._parts, "reads": entry["reads"]}
        return manifest

    def recorded(self, trace: ReadTrace) -> Document:
        """What the manifest of a task that ran says of what it has read, for people and for the next."""
        if self._state.failed:
            trace.give_up("items of a foreach that have failed")
        reads = trace.end()
        for name in sorted(self._always()):
            reads.append(tuple(json.loads(name)))
        count = len(self._state.inputs or ())
        shape = self._kept(by_artifact(list(dict.fromkeys(reads)), count))
        record: Document = {"key": self._parts}
        try:
            digests = self._inputs.digests(shape)
        except UnknownReadError as error:
            trace.untraced = trace.untraced or str(error)
            digests = [""] * len(shape)
        record["reads"] = [[read, digest[:SHORT]] for read, digest in zip(shape, digests)]
        if trace.untraced:
            record["untraced"] = trace.untraced
        self._traced = (shape, digests)
        return record

    def _always(self) -> List[str]:
        """What is read whatever the code does: the arguments of a pipeline's step, and that a join has inputs."""
        step = self._state.step
        reads: List[Any] = [["join"]] if self._state.inputs is not None else []
        arguments: Dict[str, Any] = (step.call or {}).get("arguments") or {}
        reads += [["argument", name] for name in arguments]
        reads += [["fan"]] if step.fan is not None else []
        reads += [["tests"]] if step.tests else []
        return [json.dumps(read) for read in reads]

    def _kept(self, shape: List[List[Any]]) -> List[List[Any]]:
        """The reads that count."""
        ignored = frozenset(self._spec.get("ignore", ()))
        kept: List[List[Any]] = []
        for kind, *rest in shape:
            if kind == "code":
                part = part_of_code(self._state.plan, rest[0])
                if part is None or ["code", part] in kept:
                    continue
                rest[:] = [part]
            if kind == "merge" and ignored:
                rest[0] = sorted({*rest[0], *ignored})
            names = {rest[0], f"current.{rest[0]}"} if rest and isinstance(rest[0], str) else {kind}
            if not names & ignored:
                kept.append(json.loads(json.dumps([kind, *rest])))
        return kept

    def keep(self, manifest: Document) -> None:
        """Put what a task has left into the cache, once it is committed. What is wrong is said, and fails no task."""
        if "untraced" in manifest["cache"] or manifest.get("caught"):
            return
        shape, digests = self._traced
        name, layout = digest_of(shape), self._state.layout
        inherited = self._inputs.inherited
        known = manifest["artifacts"]
        entry: Document = {
            **{part: manifest[part] for part in ("flow", "run", "step", "index", "attempt")},
            **{part: manifest[part] for part in _TAKEN if part in manifest},
            "version": VERSION,
            "created": wall_time(),
            "artifacts": {each: ref for each, ref in known.items() if each in self.written},
            "deleted": [each for each in inherited if each not in known],
        }
        try:
            if name not in self._shapes:
                layout.write_json(f"{self._folder}/reads/{name}.json", {"version": VERSION, "reads": shape})
            layout.write_json(self._result_key(name, digests), entry)
        except (StoreError, OSError) as error:
            _say(f"{place_text(self._task.step, self._task.path)} is not kept in the cache: {error}")

    written: frozenset[str] = frozenset()
    """The names of artifacts that are the task's own, and not only passed on."""


def key_parts(step: PlanStep, environment: Mapping[str, str]) -> Dict[str, str]:
    """What the key of a step is made of, beside what its tasks read: each a digest, or a short text."""
    spec: Dict[str, Any] = step.cache or {}
    ignored = frozenset(spec.get("ignore", ()))
    given = {
        name: environment.get(source, default)
        for name, (source, default) in step.from_task.items()
        if name not in ignored
    }
    return {
        "format": str(VERSION),
        "code": spec.get("code", ""),
        "graph": spec.get("graph", ""),
        "environment": spec.get("environment", ""),
        "variables": digest_of(given)[:SHORT] if given else "",
        "version": spec.get("version", ""),
        "python": ".".join(map(str, sys.version_info[:2])),
    }


def look_up(state: TaskState, task: Task, environment: Mapping[str, str] | None = None) -> Document | None:
    """The manifest of a task that need not run, of which nothing is written yet; without the user's code.

    Raises StoreError, and ProtocolError.
    """
    if is_off(task.step, environment) or is_fallback(state, task) or not prepared(state, task):
        return None
    if state.step.lenient or step_tolerates(state):
        from flowc.shim.failed_items import has_failures

        if has_failures(state):
            return None
    return TaskCache(state, task, environment).find()


def take_cached(state: TaskState, task: Task, environment: Mapping[str, str] | None = None) -> Document | None:
    """Commit what the cache has for a task, and return its manifest; `None` where the task has to run."""
    found = look_up(state, task, environment)
    if found is not None:
        commit_cached(state, task, found)
    return found


def commit_cached(state: TaskState, task: Task, manifest: Document) -> None:
    """Commit what the cache has for a task, with what the engine needs to go on."""
    from flowc.shim.task_results import write_labelled_outputs
    from flowc.shim.task_runner import record_flow

    record_flow(state)
    write_labelled_outputs(state, task, manifest)
    state.layout.commit(task.step, task.path, task.attempt, manifest)


def is_cached(state: TaskState, task: Task) -> bool:
    """Whether the cache has the result of a task, which is committed then."""
    found = take_cached(state, task)
    if found is not None:
        say_cached(task, found)
    return found is not None


def take_before_packages(plan: Plan, task: Task) -> bool:
    """Whether the cache has the result of a task whose packages are not installed yet."""
    from flowc.shim.task_state import TaskState
    from flowc.store import open_store
    from flowc.store.run_layout import RunLayout

    try:
        step = plan.step(task.step)
        resumes = os.environ.get(env_names.ORIGIN_RUN_ID) and not os.environ.get(env_names.REPLAYED)
        if step.cache is None or resumes or len(task.path) != step.depth:
            return False
        layout = RunLayout(open_store(task.root), plan.flow, task.run, remember=True)
        return is_cached(TaskState(layout, plan, step, task.path), task)
    except FlowError:
        return False  # the task says what is wrong


def prepared(state: TaskState, task: Task) -> bool:
    """Fill in what a task starts with, as far as that takes no code of the user's; false where it does."""
    from flowc.shim.join import input_states
    from flowc.shim.task_inputs import predecessor

    plan, step, layout, path = state.plan, state.step, state.layout, state.path
    first = step.name == plan.start and not (step.loops and path[-1])
    if plan.anew or (first and not _chosen(state, task)):
        return False
    if first or plan.is_of_pipeline(step):
        return True
    if step.kind != "join":
        manifest = predecessor(layout, plan, step, path)
        state.parameters, state.inherited = dict(manifest["parameters"]), dict(manifest["artifacts"])
        return True
    opener = layout.manifest(step.closes or "", path)
    state.parameters = dict(opener["parameters"])
    input_states(state, opener["foreach"]["count"] if step.closes_kind != "branch" else 0)
    return True


def _chosen(state: TaskState, task: Task) -> bool:
    """Choose the run's parameters, unless one of them takes the user's code; false then."""
    from flowc.shim.task_inputs import chosen_parameters

    plan = state.plan
    if plan.pipeline:
        from flowc.shim.pipeline_task import declared_parameters

        values = Values(state)
        values.load = _needs_code
        declared: Dict[str, Any] = dict(declared_parameters(plan, values))
    else:
        if plan.plain is None:
            return False
        entries = {entry["attribute"]: entry for entry in plan.parameters}
        declared = {name: _PlainParameter(entries[name], plain) for name, plain in plan.plain.items()}
    try:
        state.parameters = chosen_parameters(declared, state, task)
    except (_NeedsCodeError, ParameterError):
        return False  # the task itself says what is wrong
    return True


class _PlainParameter:
    """A parameter of a class flow whose value takes no code: text, or a default that the compiler knows."""

    def __init__(self, entry: Dict[str, Any], plain: Dict[str, Any]) -> None:
        self.name: str = entry["name"]
        self._entry = entry
        self._plain = plain

    def value(self, flow_name: str) -> Any:
        """As `flowc.flow_parameters.Declaration.value`."""
        from flowc.shim.argument_values import literal
        from flowc.shim.loaded_plan import given_text
        from flowc.type_conversion import convert

        del flow_name
        text = given_text(self.name, self._entry)
        if text is None and "default" not in self._plain:
            raise ParameterError(f"parameter {self.name!r} is required: give it as -p {self.name}=...")
        value = literal(self._plain["default"]) if text is None else convert(self.name, self._entry["type"], text)
        separator = self._plain.get("separator")
        return value.split(separator) if separator and isinstance(value, str) and value else value


class _NeedsCodeError(FlowError):
    """A value is of the user's code."""


def _needs_code() -> Any:
    raise _NeedsCodeError("the user's code is needed")


def begin_cached(state: TaskState, task: Task) -> bool:
    """Trace a task that runs; its state has what it starts from.

    Or commit what the cache has for it, of a first task whose parameters took the user's code; true then.
    """
    from flowc.shim.read_trace import begin_trace

    if os.environ.get(env_names.CACHE) == OFF or is_fallback(state, task):
        return False
    state.cache = TaskCache(state, task)
    late = state.step.name == state.plan.start and not state.plan.pipeline and state.plan.plain is None
    found = state.cache.find() if late and not is_off(task.step) else None
    if found is not None:
        commit_cached(state, task, found)
        say_cached(task, found)
        return True
    begin_trace()
    return False


def is_off(step: str, environment: Mapping[str, str] | None = None) -> bool:
    """Whether nothing is taken from the cache: not here, or not for a step that a resumed run is to run again."""
    given = os.environ if environment is None else environment
    return given.get(env_names.CACHE) == OFF or step in given.get(env_names.RERUN_STEPS, "").split(",")


def is_fallback(state: TaskState, task: Task) -> bool:
    """Whether an attempt only stores what `@catch` makes of the failures before it."""
    return task.attempt - task.first > state.step.retries


def trace_end(state: TaskState, manifest: Document, written: Mapping[str, Any]) -> None:
    """Note in the manifest of a task what it has read; `written` has its own artifacts."""
    trace = end_trace()
    if state.cache is not None and trace is not None:
        manifest["cache"] = state.cache.recorded(trace)
        state.cache.written = frozenset(written)


def _check_value(store: Any, flow: str, name: str, ref: Dict[str, Any]) -> None:
    """Whether a value is there; in a folder also whether it has its bytes. Raises CorruptArtifact."""
    if "inline" in ref:
        return
    if not store.remote:
        artifacts.check_stored(store, flow, name, ref)
        return
    from flowc.store.reused_values import reuse

    key = artifacts.data_key(flow, ref["hash"])
    if not reuse(store, flow, key, int(ref["size"])):
        raise CorruptArtifact(f"artifact {name!r}: {store.location(key)} is gone from the store")


def cached_from(manifest: Document) -> str:
    """Where the task ran that a manifest was taken from, in words."""
    origin = manifest["cached"]
    return f"run {origin['run']}, task {place_text(origin['step'], parse_index(origin['index']))}"


def say_cached(task: Task, manifest: Document) -> None:
    """Say in the task's log where its result is from."""
    place = place_text(task.step, task.path)
    _say(f"task {place} is taken from the cache ({cached_from(manifest)}), and not run: its log is there")


def _say(text: str) -> None:
    sys.stderr.write(f"flowc: {text}\n")
