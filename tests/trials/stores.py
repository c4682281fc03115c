"""Damage to the files of a finished run, one at a time: whoever reads them gets the right values, or an error with the
file's name. A resumed and a new run mend what they need.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from flowc.client import Run
from flowc.errors import CorruptArtifact, FlowError, MissingInput, NotFound
from tests.trials.sample_runs import FLOW, TASKS, Values, call, make, read_values, write_flow, wrong_final
from tests.trials.trial import Attempt, Choice
from tests.trials.workers import Work, in_workers


class Damage(NamedTuple):
    """What was done to a store."""

    name: str
    files: tuple[str, ...]
    """The keys of the files that are no longer what they were."""
    gone: bool = False
    """Whether a file is gone, which for some is as if it had never been written."""


class _Broken(NamedTuple):
    root: Path
    run: str
    random: random.Random

    def files(self) -> list[str]:
        """The keys of the run's files and its values."""
        data, run = f"{FLOW}/data/", f"{FLOW}/{self.run}/"
        keys = (path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())
        return sorted(key for key in keys if key.startswith((data, run)))

    def pick(self) -> str:
        """One of these, so that all kinds of files are as frequent."""
        kinds: dict[str, list[str]] = {}
        for key in self.files():
            kinds.setdefault("data" if "/data/" in key else key.rpartition("/")[2], []).append(key)
        return self.random.choice(kinds[self.random.choice(sorted(kinds))])

    def pair(self) -> tuple[str, str]:
        """Two files of one kind."""
        one = self.pick()
        kind = "/data/" if "/data/" in one else one.rpartition("/")[2]
        others = [key for key in self.files() if kind in key and key != one]
        return one, self.random.choice(others or [one])

    def change(self, change: Callable[[bytearray], object]) -> Damage:
        """Change the bytes of one file."""
        key = self.pick()
        data = bytearray((self.root / key).read_bytes())
        before = bytes(data)
        change(data)
        (self.root / key).write_bytes(data)
        return Damage("", (key,) if before != bytes(data) else ())


def _flip(store: _Broken) -> Damage:
    def change(data: bytearray) -> None:
        if data:
            data[store.random.randrange(len(data))] ^= 1 << store.random.randrange(8)

    return store.change(change)


def _truncate(store: _Broken) -> Damage:
    return store.change(lambda data: data.__delitem__(slice(store.random.randrange(len(data) + 1), None)))


def _empty(store: _Broken) -> Damage:
    return store.change(bytearray.clear)


def _append(store: _Broken) -> Damage:
    return store.change(lambda data: data.extend(store.random.randbytes(9)))


def _zeros(store: _Broken) -> Damage:
    def change(data: bytearray) -> None:
        start = store.random.randrange(len(data) + 1)
        data[start : start + 512] = bytes(len(data[start : start + 512]))

    return store.change(change)


def _insert(store: _Broken) -> Damage:
    def change(data: bytearray) -> None:
        at = store.random.randrange(len(data) + 1)
        data[at:at] = store.random.randbytes(3)

    return store.change(change)


def _digit(store: _Broken) -> Damage:
    """A digit becomes another, which JSON does not mind."""

    def change(data: bytearray) -> None:
        places = [at for at, byte in enumerate(data) if chr(byte).isdigit()]
        if places:
            data[store.random.choice(places)] = ord(store.random.choice("0123456789"))

    return store.change(change)


def _delete(store: _Broken) -> Damage:
    key = store.pick()
    (store.root / key).unlink()
    return Damage("", (key,), gone=True)


def _swap(store: _Broken) -> Damage:
    one, other = store.pair()
    first, second = (store.root / one).read_bytes(), (store.root / other).read_bytes()
    (store.root / one).write_bytes(second)
    (store.root / other).write_bytes(first)
    return Damage("", (one, other) if first != second else ())


def _copy(store: _Broken) -> Damage:
    one, other = store.pair()
    changed = (store.root / one).read_bytes() != (store.root / other).read_bytes()
    (store.root / other).write_bytes((store.root / one).read_bytes())
    return Damage("", (other,) if changed else ())


def _replace(store: _Broken) -> Damage:
    """Another file of any kind, or other JSON."""
    key = store.pick()
    texts = [b"[]", b"null", b"{}", b"3", b'{"version":2}', b"[" * 9999, b'{"version":1,"artifacts":{}}', b"\xff\xfe"]
    texts += [(store.root / store.pick()).read_bytes()]
    before, after = (store.root / key).read_bytes(), store.random.choice(texts)
    (store.root / key).write_bytes(after)
    return Damage("", (key,) if before != after else ())


def _sealed(root: Path, key: str, change: Callable[[dict[str, object]], object]) -> None:
    """Change a document, and give it the digest that it then has."""
    document = json.loads((root / key).read_bytes())
    document.pop("digest", None)
    change(document)
    text = json.dumps(document, separators=(",", ":")).encode()
    digest = hashlib.sha256(text).hexdigest().encode()
    (root / key).write_bytes(text[:-1] + b',"digest":"' + digest + b'"}')


def _count(store: _Broken) -> Damage:
    """Another number of items, in a manifest with the right digest."""
    key = f"{FLOW}/{store.run}/fan/-/0/manifest.json"
    count: object = store.random.choice([0, 1, 5, 7, -1, 10**9, -(10**30), "6", None, 2.5, [], True])

    def change(document: dict[str, object]) -> None:
        foreach = document["foreach"]
        assert isinstance(foreach, dict)
        foreach["count"] = count

    _sealed(store.root, key, change)
    return Damage("", (key,))


def _origin(store: _Broken) -> Damage:
    """A run that resumes itself."""
    key = f"{FLOW}/{store.run}/run.json"
    (store.root / f"{FLOW}/{store.run}/resumed.json").unlink(missing_ok=True)
    _sealed(store.root, key, lambda document: document.update(origin=store.run, rerun=[]))
    return Damage("", (key,))


DAMAGES: dict[str, Callable[[_Broken], Damage]] = {
    "flip": _flip, "truncate": _truncate, "empty": _empty, "append": _append, "zeros": _zeros, "insert": _insert,
    "digit": _digit, "delete": _delete, "swap": _swap, "copy": _copy, "replace": _replace, "count": _count,
    "origin": _origin,
}  # fmt: skip
"""Ways to damage a store."""


def trial(choice: Choice) -> Iterator[Attempt]:
    """Damage copies of a finished run, and of one that stopped before its last join."""
    with tempfile.TemporaryDirectory() as name:
        stores = list(_stores(Path(name)))

        def attempt(number: int) -> list[Attempt]:
            source = random.Random(f"{choice.seed} {number}")
            kind = source.choice(sorted(DAMAGES))
            label = f"{number}-{kind}"
            folder = Path(name) / str(os.getpid())
            folder.mkdir(exist_ok=True)
            write_flow(folder)
            root, run_id, values = stores[number % 2]
            return [_attempt(folder, label, root, run_id, values, source, kind)] if choice.allows(label) else []

        yield from in_workers(Work(attempt, attempt), range(choice.count), batch=20)


def _stores(folder: Path) -> Iterator[tuple[Path, str, Values]]:
    """What is damaged: a root, its run, and the values in it."""
    write_flow(folder)
    for case, environment in (("finished", {}), ("stopped", {"STOP": "1"})):
        root = folder / case
        ended, run = make(folder, str(root), "run", "flow.py", **environment)
        assert run is not None, ended.output
        assert ended.code == len(environment), ended.output
        yield root, run.id, dict(read_values(run))


def _attempt(
    folder: Path, label: str, pristine: Path, run: str, values: Values, source: random.Random, kind: str
) -> Attempt:
    root = folder / "damaged"
    shutil.copytree(pristine, root)
    try:
        damage = DAMAGES[kind](_Broken(root, run, source))._replace(name=kind)
        problem = (
            _read(root, run, values, damage)
            or _shown(folder, root, run, damage)
            or _resumed(folder, root, run, damage)
            or (_run_anew(folder, root) if any("/data/" in file for file in damage.files) else None)
        )
        text = None if problem is None else f"{kind} of {', '.join(damage.files)}: {problem}"
        return Attempt(label, text)
    finally:
        shutil.rmtree(root)


def _read(root: Path, run: str, values: Values, damage: Damage) -> str | None:
    """What is wrong with what the client gives."""
    try:
        found = dict(read_values(Run(f"{FLOW}/{run}", root=str(root))))
    except Exception as error:
        return _bad_error(error, damage)
    for key, value in found.items():
        if isinstance(value, Exception) and not isinstance(values.get(key), type(value)):
            problem = _bad_error(value, damage)
            if problem:
                return f"{'/'.join(key)}: {problem}"
        elif not isinstance(value, Exception) and value != values[key]:
            return f"{'/'.join(key)} is {str(value)[:60]}"
    # A task without a manifest is one that was killed, and a failed one may have set nothing: neither has artifacts.
    ends = ("manifest.json", "failed.json")
    gone = {tuple(file.split("/")[2:4]) for file in damage.files if damage.gone and file.endswith(ends)}
    lost = [
        key
        for key in values
        if key not in found
        and not isinstance(found.get((*key[:2], "*")), Exception)
        and (key[0], key[1] if TASKS[key[0]] > 1 else "-") not in gone
    ]
    return f"{'/'.join(lost[0])} is not there" if lost else None


def _bad_error(error: Exception, damage: Damage) -> str | None:
    """What is wrong with an error."""
    if damage.gone and isinstance(error, (NotFound, MissingInput, KeyError)):
        return None
    text = f"{type(error).__name__}: {error}"
    if not isinstance(error, CorruptArtifact):
        return text
    return None if any(file in text for file in damage.files) else f"does not name the file: {text}"


def _shown(folder: Path, root: Path, run: str, damage: Damage) -> str | None:
    for command in ("show", "status", "logs", "fsck"):
        ended = call(folder, command, f"{FLOW}/{run}", "--root", str(root))
        raised = command != "logs" and "Traceback (most recent call last)" in ended.output  # a log may have one
        if ended.code not in (0, 1, 2) or raised:
            return f"{command}: {ended.code}, {ended.last}"
        if command == "fsck":
            if _is_detectable(damage) and ended.code != 1:
                return f"fsck does not find it: {ended.last}"
            if not damage.files and ended.code:
                return f"fsck: {ended.last}"
    return None


def _is_detectable(damage: Damage) -> bool:
    """Whether the files alone show it: logs have no digest, and another document may stand where one is for people."""
    if damage.name in ("origin", "replace") or damage.gone:
        return any("/data/" in file or (file.endswith("manifest.json") and not damage.gone) for file in damage.files)
    return any("/data/" in file or file.endswith(".json") for file in damage.files)


def _resumed(folder: Path, root: Path, run: str, damage: Damage) -> str | None:
    """What is wrong with a run that resumes the damaged one."""
    ended, resumed = make(folder, str(root), "resume", "flow.py", "--origin-run-id", run)
    if ended.code not in (0, 1, 2):
        return f"resume: {ended.code}, {ended.last}"
    if ended.code:
        named = any(file in ended.output for file in damage.files) or (damage.gone and ended.code == 2)
        return None if named else f"resume does not name the file: {ended.last}"
    return _final("resume", resumed)


def _run_anew(folder: Path, root: Path) -> str | None:
    """What is wrong with a new run: it stores what is damaged anew."""
    ended, run = make(folder, str(root), "run", "flow.py")
    return f"run: {ended.code}, {ended.last}" if ended.code else _final("run", run)


def _final(what: str, run: Run | None) -> str | None:
    if run is None:
        return f"{what}: there is no new run"
    try:
        problem = wrong_final(run)
    except FlowError as error:
        problem = str(error)
    return f"{what}: {problem}" if problem else None
