"""A value that was only read has not changed, even if it is pickled to other bytes; one that was written to has."""

from __future__ import annotations

import enum
import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from flowc.store import artifacts, open_store
from flowc.store.equal_values import value_digest
from tests.conftest import REPOSITORY
from tests.runtime.shim import Shim, runtime_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Holder:
    """An object with attributes."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class Words(set[str]):
    """A set with attributes."""


class Color(enum.Enum):
    """Elements whose hash is that of their name."""

    RED = 1
    GREEN = 2
    BLUE = 3


def words(count: int = 40) -> set[str]:
    """Strings, whose order in a set depends on the process."""
    return {f"word-{i}" for i in range(count)}


def _words_with_attribute() -> Words:
    found = Words(words())
    found.language = "en"  # type: ignore[attr-defined]
    return found


def _node() -> Holder:
    node = Holder(name="node")
    vars(node)["around"] = {node}
    return node


VALUES: dict[str, Callable[[], Any]] = {
    "set": words,
    "frozenset": lambda: frozenset(words()),
    "sets_of_sets": lambda: {frozenset({f"{i}", f"{i + 1}"}) for i in range(20)},
    "list_of_sets": lambda: [words(), words(3)],
    "dict_of_sets": lambda: {"a": words(), "b": frozenset(words())},
    "dict_by_sets": lambda: {frozenset(words()): 1},
    "tuples": lambda: {(f"w{i}", i, None) for i in range(30)},
    "mixed": lambda: {1, "one", 2.5, None, b"x", (1, "z"), "two", "three"},
    "enums": lambda: set(Color),
    "object": lambda: Holder(words=words(), other=frozenset(words())),
    "object_in_list": lambda: [Holder(words=words()), {"k": Holder(more=words(5))}],
    "objects_in_set": lambda: {Holder(number=i) for i in range(20)},
    "shared": lambda: [words()] * 2,
    "subclass": _words_with_attribute,
    "string_like_an_attribute": lambda: Holder(kind="kind", mode=["kind", "mode"]),
    "cycle": _node,
}


@pytest.mark.parametrize("name", VALUES)
def test_a_loaded_value_has_the_digest_of_the_stored_one(name: str) -> None:
    value = VALUES[name]()
    digest = value_digest(value)
    assert digest is not None
    assert value_digest(pickle.loads(pickle.dumps(value, 5))) == digest


@pytest.mark.process
def test_digests_do_not_depend_on_the_process() -> None:
    code = """if True:
        from tests.runtime.test_unchanged import VALUES
        from flowc.store.equal_values import value_digest
        print(*[f"{name}={value_digest(make())}" for name, make in VALUES.items()])
    """
    answers = set[str]()
    for seed in ("1", "2", "3"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), runtime_folder()])}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        answers.add(done.stdout)
    (answer,) = answers
    assert "None" not in answer


CHANGES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "set_add": (words, lambda v: v.add("more")),
    "set_remove": (words, lambda v: v.remove("word-3")),
    "set_of_other_type": (lambda: {1, "a"}, lambda v: (v.discard(1), v.add(True))),
    "in_a_list": (lambda: [words()], lambda v: v[0].add("more")),
    "list_append": (lambda: [1, 2], lambda v: v.append(3)),
    "list_order": (lambda: [frozenset(words()), 1], lambda v: v.reverse()),
    "dict_order": (lambda: {"a": words(), "b": 1}, lambda v: v.update(a=v.pop("a"))),
    "dict_entry": (lambda: {"a": words()}, lambda v: v.update(b=1)),
    "attribute": (lambda: Holder(words=words(), n=1), lambda v: setattr(v, "n", 2)),
    "attribute_of_a_set": (_words_with_attribute, lambda v: setattr(v, "language", "de")),
    "deep": (lambda: Holder(inner=Holder(words=words())), lambda v: v.inner.words.clear()),
    "sets_no_longer_shared": (lambda: [words()] * 2, lambda v: v.__setitem__(1, set(v[0]))),
    "kind_of_set": (lambda: [words()], lambda v: v.__setitem__(0, frozenset(v[0]))),
    "bytearray": (lambda: Holder(data=bytearray(9000), words=words()), lambda v: v.data.__setitem__(8000, 1)),
    "object_in_a_set": (lambda: [found := Holder(n=1), {found}], lambda v: setattr(v[0], "n", 2)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_written_to_in_place_has_changed(tmp_path: Path, name: str) -> None:
    make, change = CHANGES[name]
    store = open_store(str(tmp_path))
    ref = artifacts.save(store, "F", "a", make())
    value = artifacts.load(store, "F", "a", ref)
    assert artifacts.save(store, "F", "a", value, ref) is ref
    change(value)
    changed = artifacts.save(store, "F", "a", value, ref)
    assert not artifacts.same(changed, ref)
    assert value_digest(artifacts.load(store, "F", "a", changed)) == value_digest(value)


@pytest.mark.parametrize("name", VALUES)
def test_what_was_read_has_not_changed(tmp_path: Path, name: str) -> None:
    store = open_store(str(tmp_path))
    ref = artifacts.save(store, "F", "a", VALUES[name]())
    for _ in range(3):
        value = artifacts.load(store, "F", "a", ref)
        assert artifacts.save(store, "F", "a", value, ref) is ref


def test_an_array_that_was_written_to_has_changed(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    store = open_store(str(tmp_path))
    for make in (lambda: numpy.zeros(10_000), lambda: Holder(array=numpy.zeros(10_000), words=words())):
        ref = artifacts.save(store, "F", "a", make())
        value = artifacts.load(store, "F", "a", ref)
        assert artifacts.save(store, "F", "a", value, ref) is ref
        getattr(value, "array", value)[9_999] = 1
        assert artifacts.save(store, "F", "a", value, ref)["hash"] != ref["hash"]


@pytest.mark.process
def test_joins_merge_what_tasks_of_other_hash_seeds_only_read(tmp_path: Path) -> None:
    shim = Shim(
        tmp_path,
        """
        from flowc import FlowSpec, step

        class Words:
            def __init__(self, words):
                self.words, self.kind = words, "words"

        class F(FlowSpec):
            @step
            def start(self):
                self.words = {f"word-{i}" for i in range(50)}
                self.held = [Words(frozenset(self.words))]
                self.items = [1, 2]
                self.next(self.one, foreach="items")

            @step
            def one(self):
                assert "word-1" in self.words and "word-1" in self.held[0].words
                self.again = self.words
                self.equal = {w for w in sorted(self.words, reverse=bool(self.index))}
                self.next(self.join)

            @step
            def join(self, inputs):
                assert len({id(i.words) for i in inputs}) == 2
                self.of_input = inputs[0].held
                self.merge_artifacts(inputs)
                self.next(self.end)

            @step
            def end(self):
                print(len(self.words), self.again == self.words == self.equal == self.of_input[0].words)
        """,
    )
    seeds = {"start": "0", "one/0": "1", "one/1": "2", "join": "3", "end": "4"}
    printed = ""
    for name, seed in seeds.items():
        step, _, index = name.partition("/")
        printed = shim.task(step, index, PYTHONHASHSEED=seed)
    assert printed == "50 True\n"
    refs = shim.layout.manifest("end", ())["artifacts"]
    assert refs["again"] == refs["words"] == shim.layout.manifest("start", ())["artifacts"]["words"]
    assert refs["of_input"] == shim.layout.manifest("start", ())["artifacts"]["held"]
