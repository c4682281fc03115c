"""Artifacts: what was only read has not changed; a foreach over anything; names that are taken; failed attempts.

Metaflow compares pickles, and so reports a conflict at random where tasks only read a set; and it cannot store
iterators. Those variants say what is right: docs/metaflow.md has the differences.
"""

from __future__ import annotations

from tests.variants.variant import Variant

_HEAD = '''
import array, collections, csv, enum, itertools
from metaflow import FlowSpec, Parameter, catch, retry, step
from metaflow.exception import UnhandledInMergeArtifactsException

class Color(enum.Enum):
    RED = 1
    GREEN = 2
    BLUE = 3

class Held:
    def __init__(self, words, kind="kind"):
        self.words, self.kind = words, kind
    def __repr__(self):
        return f"Held({shown(self.words)}, {self.kind})"

class Words(set):
    pass

class Once:
    def __init__(self, n): self.n = n
    def __iter__(self): return iter(range(self.n))

class Numbered:
    def __getitem__(self, i):
        if i > 2: raise IndexError(i)
        return i * 10

def words():
    return {f"word-{i}" for i in range(30)}

def shown(value):
    """A value without the order of sets."""
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(map(shown, value))) + "}"
    if isinstance(value, dict):
        return str([(shown(k), shown(v)) for k, v in value.items()])
    return str(list(map(shown, value))) if isinstance(value, (list, tuple)) else repr(value)
'''


def _file(**steps: str) -> dict[str, str]:
    """A flow of steps, each a body of statements; `join` and `both` take inputs."""
    lines = [_HEAD, "class F(FlowSpec):"]
    for name, body in steps.items():
        decorator, _, code = body.rpartition("@@")
        lines += [f"    {decorator.strip()}", "    @step"] if decorator else ["    @step"]
        lines.append(f"    def {name}(self{', inputs' if name == 'join' else ''}):")
        lines += [f"        {line}" for line in code.strip().splitlines()]
    return {"flow.py": "\n".join([*lines, "", 'if __name__ == "__main__":', "    F()", ""])}


_SETS = {
    "set": "words()",
    "frozenset": "frozenset(words())",
    "list_of_sets": "[words(), words()]",
    "dict_of_sets": "{'a': words(), 'b': 1}",
    "dict_by_frozensets": "{frozenset(words()): 1}",
    "sets_of_frozensets": "{frozenset({str(i), str(i + 1)}) for i in range(9)}",
    "tuples": "{(f'w{i}', i) for i in range(20)}",
    "enums": "set(Color)",
    "object": "Held(words())",
    "objects_in_a_dict": "{'x': [Held(frozenset(words())), Held(set(Color))]}",
    "subclass": "Words(words())",
    "object_with_its_own_names": "Held(['words', 'kind'], 'words')",
}
"""Values whose pickles differ from task to task."""

_READ = """
print("RESULT read", shown(self.value) == shown(make()))
self.again = self.value
"""
_MERGE = 'self.merge_artifacts(inputs)\nprint("RESULT merged", shown(self.value) == shown(make()) == shown(self.again))'


def _made(files: dict[str, str], value: str) -> dict[str, str]:
    head = files["flow.py"].replace("class F(FlowSpec)", f"def make():\n    return {value}\n\nclass F(FlowSpec)")
    return {"flow.py": head}


def _read_only(name: str, value: str) -> list[Variant]:
    foreach = _file(
        start="self.value = make()\nself.items = [1, 2]\nself.next(self.one, foreach='items')",
        one=f"{_READ}\nself.next(self.join)",
        join=f"{_MERGE}\nself.next(self.end)",
        end='print("RESULT end", shown(self.value) == shown(make()))',
    )
    branch = _file(
        start="self.value = make()\nself.next(self.one, self.two)",
        one=f"{_READ}\nself.next(self.join)",
        two=f"{_READ}\nself.next(self.join)",
        join=f"self.mine = inputs.one.value\n{_MERGE}\nself.next(self.end)",
        end='print("RESULT end", shown(self.mine) == shown(self.value) == shown(make()))',
    )
    right = ("RESULT end True", "RESULT merged True", "RESULT read True", "RESULT read True")
    return [
        Variant(f"read_{name}_in_a_{kind}", _made(files, value), expected=right)
        for kind, files in (("foreach", foreach), ("branch", branch))
    ]


_CHANGES = {
    "set_add": ("words()", "self.value.add('more')"),
    "set_in_a_list": ("[{1, 2}]", "self.value[0].add(3)"),
    "list_append": ("[1, 2]", "self.value.append(3)"),
    "dict_entry": ("{'a': 1}", "self.value['b'] = 2"),
    "object_attribute": ("Held([1])", "self.value.kind = 'other'"),
    "set_of_an_object": ("Held({1})", "self.value.words.add(2)"),
    "array": ("array.array('i', range(5000))", "self.value[4000] = -1"),
    "bytearray": ("bytearray(9000)", "self.value[8000] = 1"),
    "another_object": ("frozenset({1})", "self.value = frozenset({1, 2})"),
}
"""What one branch changes, in place or not."""


def _changed(name: str, value: str, change: str) -> Variant:
    files = _file(
        start="self.value = make()\nself.next(self.one, self.two)",
        one=f"{change}\nself.next(self.join)",
        two='print("RESULT two", shown(self.value) == shown(make()))\nself.next(self.join)',
        join="""
try:
    self.merge_artifacts(inputs)
except UnhandledInMergeArtifactsException as error:
    print("RESULT conflict", error.artifact_names)
self.value = inputs.one.value
self.next(self.end)
""",
        end='print("RESULT end", shown(self.value) == shown(make()))',
    )
    return Variant(f"changed_{name}", _made(files, value))


_ITERABLES: dict[str, tuple[str, list[str] | None]] = {
    "list": ("[3, 1, 2]", None),
    "tuple": ("(3, 1)", None),
    "range": ("range(3)", None),
    "set": ("{3, 1, 2}", None),
    "frozenset": ("frozenset([1, 2])", None),
    "str": ("'abc'", None),
    "bytes": ("b'ab'", None),
    "bytearray": ("bytearray(b'ab')", None),
    "array": ("array.array('i', [4, 5])", None),
    "deque": ("collections.deque([1, 2])", None),
    "dict_by_number": ("{0: 'x', 1: 'y'}", None),
    "dict_by_number_in_another_order": ("{1: 'y', 0: 'x'}", None),
    "iterable": ("Once(3)", None),
    "numbered": ("Numbered()", None),
    "list_of_lists": ("[[1], [2, 3]]", None),
    "list_of_none": ("[None, None]", None),
    "dict": ("{'a': 1, 'b': 2}", ["'a'", "'b'"]),
    "keys": ("{'a': 1, 'b': 2}.keys()", ["'a'", "'b'"]),
    "values": ("{'a': 1, 'b': 2}.values()", ["1", "2"]),
    "items": ("{'a': 1, 'b': 2}.items()", ["('a', 1)", "('b', 2)"]),
    "ordered_keys": ("collections.OrderedDict(a=1).keys()", ["'a'"]),
    "generator": ("(2 * i for i in range(3))", ["0", "2", "4"]),
    "map": ("map(str, [1, 2])", ["'1'", "'2'"]),
    "filter": ("filter(None, [1, 0, 2])", ["1", "2"]),
    "zip": ("zip('ab', [1, 2])", ["('a', 1)", "('b', 2)"]),
    "enumerate": ("enumerate('ab')", ["(0, 'a')", "(1, 'b')"]),
    "iterator": ("iter([1, 2])", ["1", "2"]),
    "reversed": ("reversed([1, 2])", ["2", "1"]),
    "chain": ("itertools.chain([1], [2])", ["1", "2"]),
    "islice": ("itertools.islice(itertools.count(), 2)", ["0", "1"]),
    "csv": ("csv.reader(['a,b', 'c,d'])", ["['a', 'b']", "['c', 'd']"]),
    "memoryview": ("memoryview(b'ab')", ["97", "98"]),
    "counter": ("collections.Counter('aab')", ["'a'", "'b'"]),
}
"""What a foreach goes over, and its items where Metaflow cannot go over it."""


def _iterated(name: str, value: str, items: list[str] | None) -> Variant:
    files = _file(
        start="self.things = make()\nself.next(self.one, foreach='things')",
        one='print("RESULT item", self.index, repr(self.input))\nself.next(self.join)',
        join='print("RESULT joined", len(list(inputs)))\nself.next(self.end)',
        end="pass",
    )
    right = None
    if items is not None:
        lines = [f"RESULT item {number} {item}" for number, item in enumerate(items)]
        right = (*lines, f"RESULT joined {len(items)}")
    return Variant(f"foreach_{name}", _made(files, value), expected=right)


def _linear(start: str, end: str = "pass") -> dict[str, str]:
    return _file(start=f"{start}\nself.next(self.end)", end=end)


def _with_member(member: str) -> dict[str, str]:
    text = _linear("pass", 'print("RESULT", getattr(self, "source", None), self.input)')["flow.py"]
    return {"flow.py": text.replace("class F(FlowSpec):", f"class F(FlowSpec):\n    {member}")}


_NAMES = (
    *(Variant(f"parameter_{name}", _with_member(f"{name} = Parameter('x', default='y')"), refused="FC305")
      for name in ("input", "index", "next", "foreach_stack", "merge_artifacts")),
    Variant("constant_next", _with_member("next = 1"), refused="FC305"),
    *(Variant(f"artifact_{name}", _linear(f"self.{name} = 1"), refused="FC305")
      for name in ("input", "index", "next", "script_name")),
    Variant("artifact_like_the_step", _linear("self.start = 1", 'print("RESULT", callable(self.start))')),
    Variant("frames_of_foreach", _file(
        start="self.things = ['a', 2.5, None, [*range(9)], {'k': 'v' * 99}]\nself.next(self.one, foreach='things')",
        one="print('RESULT', [tuple(frame) for frame in self._foreach_stack])\nself.next(self.join)",
        join="print('RESULT', self._foreach_stack, inputs[0]._foreach_stack[0].var)\nself.next(self.end)",
        end="print('RESULT', self._foreach_stack)",
    )),
    Variant("artifact_like_a_method", _linear("self.foreach_stack = 1", 'print("RESULT", self.foreach_stack != 1)')),
    Variant("lambda_is_dropped", _linear("self.f = lambda: 1", 'print("RESULT", hasattr(self, "f"))')),
    Variant("function_is_dropped", _linear("self.f = words", 'print("RESULT", hasattr(self, "f"))')),
    Variant("class_is_kept", _linear("self.f = Held", 'print("RESULT", self.f.__name__)')),
    Variant("builtin_is_kept", _linear("self.f = len", 'print("RESULT", self.f([1]))')),
    Variant("parameter_called_input", _with_member("source = Parameter('input', default='y')")),
)  # fmt: skip

_FAILED = (
    Variant("failed_attempt_is_no_input", _file(
        start="self.words = {1}\nself.next(self.work)",
        work="""
@retry(times=1, minutes_between_retries=0)@@
from metaflow import current
print("RESULT attempt", current.retry_count, hasattr(self, "half"), shown(self.words))
if current.retry_count == 0:
    self.half = 1
    self.words.add(2)
    raise ValueError("not yet")
self.next(self.end)
""",
        end='print("RESULT end", hasattr(self, "half"), shown(self.words))',
    )),
    Variant("caught_attempt_keeps_what_it_set", _file(
        start="self.words = {1}\nself.next(self.work)",
        work="@catch(var='failure')@@\nself.half = 1\nself.words.add(2)\nraise ValueError('no')\nself.next(self.end)",
        end='print("RESULT end", self.half, shown(self.words), self.failure is not None)',
    )),
)  # fmt: skip

VARIANTS = (
    *(variant for name, value in _SETS.items() for variant in _read_only(name, value)),
    *(_changed(name, *change) for name, change in _CHANGES.items()),
    *(_iterated(name, *iterable) for name, iterable in _ITERABLES.items()),
    *_NAMES,
    *_FAILED,
)
