"""Expressions on the results of steps in a pipeline's body, next to the same body executed by plain Python.

Each row is a helper of the pipeline, so that rows of a group share a run and no names. In plain Python a result is a
value, and has no `load`.
"""

from __future__ import annotations

import textwrap

from tests.variants.variant import Variant

_HEAD = """
import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Optional

from flowc import pipeline, step, unmapped


@dataclass
class Split:
    train: list
    test: list
    score: float = 0.95
    name: str = "run"
    meta: dict = field(default_factory=lambda: {"k": 5, "rows": [1, 2]})
    items: tuple = ("a", "b")
    result: int = 7


class Pair(NamedTuple):
    left: int
    right: int


@step
def split():
    return Split([0, 1, 2], [9, 8])


@step
def pair() -> Pair:
    return Pair(3, 4)


@step
def number(n: int = 3) -> int:
    return n


@step
def numbers(n=3) -> list:
    return list(range(1, n + 1))


@step
def text() -> str:
    return "hello"


@step
def mapping() -> dict:
    return {"k": 5, "b": [1, 2, 3]}


@step
def nothing() -> Optional[int]:
    return None


@step
async def doubled(x):
    await asyncio.sleep(0)
    return x * 2


@step
def pairs() -> list:
    return [(1, "x"), (2, "y")]


@step
def show(name, x=None, y=None):
    kind = type(x).__name__.replace("MappedResults", "list")  # which is one
    print("RESULT", name, kind, repr(x), repr(y))


@pipeline
def inner(x, y=0):
    return doubled(x + 1)

"""
_GROUPS: dict[str, dict[str, str]] = {
    "attributes": {
        "attribute": "show(N, split().train)",
        "two_attributes": "s = split()\nshow(N, s.train, s.test)",
        "of_attribute": "show(N, split().meta['k'])",
        "by_name": "show(N, getattr(split(), 'name'), getattr(split(), 'no', 'default'))",
        "deep": "show(N, split().meta['rows'][1] + 1)",
        "named_tuple": "show(N, pair().left, pair()[1])",
        "attribute_like_a_method": "show(N, split().result, split().items)",
        "in_list": "s = split()\nshow(N, [s.score, s.name], {'a': s.meta, 'b': (s.score,)})",
        "of_entry": "show(N, pairs()[0][1])",
    },
    "arithmetic": {
        "add": "show(N, number() + 1, 1 + number())",
        "subtract": "show(N, number() - 5, 5 - number())",
        "multiply": "show(N, number() * 2.5, numbers() * 2)",
        "divide": "show(N, number() / 2, number() // 2)",
        "modulo_power": "show(N, number() % 2, 2 ** number())",
        "shifts": "show(N, 1 << number(), 9 >> number())",
        "bits": "show(N, number() & 2 | 8, number() ^ 1)",
        "of_two": "show(N, number(4) - number(1) - number(1), number(2) * number(3) + number(4))",
        "precedence": "a = number()\nshow(N, a - (a - 1), -a ** 2)",
        "unary": "show(N, -number(), ~number())",
        "positive": "show(N, +number(), not number())",
        "lists": "show(N, numbers() + [9], [0] + numbers())",
        "tuples": "show(N, (number(),) + (2,), [number()] * 2)",
        "texts": "show(N, text() + '!', 'oh ' + text())",
        "text_times": "show(N, text() * 2, 'a' * number())",
        "sets": "show(N, sorted({1, 2} - {number(2)}), {1} | {number()} == {1, 3})",
        "dicts": "show(N, mapping() | {'c': 1}, {'k': 0} | mapping())",
        "augmented": "x = number()\nx += 1\nx *= 2\nshow(N, x)",
        "augmented_list": "xs = [1]\nxs += numbers()\nshow(N, xs)",
        "running_sum": "x = 0\nfor i in range(30):\n    x = x + number(i)\nshow(N, x)",
    },
    "texts": {
        "f_string": "show(N, f'{number()} {text()}')",
        "format_spec": "show(N, f'{split().score:.1f}|{number():>4}|{text():^9}')",
        "conversions": "show(N, f'{text()!r} {text()!s} {text()!a}')",
        "nested_spec": "show(N, f'{split().score:.{number(1)}f}')",
        "self_documenting": "a = number()\nshow(N, f'{a=} {a + 1=}')",
        "constants_around": "show(N, f'{{}}{number()}{1}')",
        "percent": "show(N, '%s-%05d' % (text(), number()))",
        "format_method": "show(N, '{}/{x}'.format(number(), x=text()))",
        "join": "show(N, '-'.join([text(), 'b']), ','.join(pairs()[0][1:]))",
        "methods": "show(N, text().upper(), text().split('l'))",
        "replace": "show(N, text().replace('l', 'L', 1), text().startswith('he'))",
        "id_and_value": "show(f'{N}{1}', f'{N}{number()}')",
    },
    "entries": {
        "index": "show(N, numbers()[0], numbers()[-1])",
        "key": "show(N, mapping()['k'])",
        "slice": "show(N, numbers()[1:], numbers()[::-1])",
        "slice_of_text": "show(N, text()[1:3])",
        "slice_by_results": "show(N, numbers(5)[number(1):number(3)])",
        "index_by_result": "show(N, numbers()[number(1)], ['a', 'b', 'c'][number(2)])",
        "known_dict_by_result": "show(N, {3: 'x'}[number()], {1: 2}.get(number(), 'no'))",
        "tuple_key": "show(N, {(1, 2): 'x'}[(number(1), 2)])",
        "get": "show(N, mapping().get('no', 4), mapping().get('k'))",
        "unpacked": "a, b, c = numbers()\nshow(N, a + b * c)",
        "star": "show(N, [0, *numbers(), 9, *pairs()[0]], (*numbers(2), 1))",
        "double_star": "show(N, {'z': 1, **mapping(), 'k': number()}, {**mapping()})",
        "star_of_known": "show(N, [*[number()], *range(2)], {**{'a': number()}})",
        "contains": "show(N, 'k' in mapping(), 9 not in numbers())",
        "views": "show(N, list(mapping().items()), list(mapping().keys()))",
        "count": "show(N, numbers().count(1), numbers().index(2))",
    },
    "functions": {
        "len": "show(N, len(numbers()), len([number(), number()]))",
        "conversions": "show(N, str(number()), float(number()))",
        "int_of_text": "show(N, int('12' + str(number())), bool(nothing()))",
        "round": "show(N, round(split().score, 1), abs(-number()))",
        "sums": "show(N, sum(numbers()), sum([number(), number(1)]))",
        "sum_of_generator": "show(N, sum(number(i) for i in range(3)), max(number(i) for i in (2, 5)))",
        "extremes": "show(N, max(numbers()), min(number(), 2))",
        "sorted": "show(N, sorted(numbers(), reverse=True), sorted([number(2), number(1)]))",
        "containers": "show(N, tuple(numbers()), sorted(set(numbers())))",
        "list_of_pairs": "show(N, list(enumerate(numbers())), list(zip(numbers(), 'abc')))",
        "reversed": "show(N, list(reversed(numbers())), dict(pairs()))",
        "any_all": "show(N, any(numbers()), all([number(), nothing()]))",
        "isinstance": "show(N, isinstance(number(), int), isinstance(text(), (int, list)))",
        "divmod_repr": "show(N, divmod(number(), 2), repr(text()))",
    },
    "conditions": {
        "compared": "show(N, number() > 2, number() == 4)",
        "chained": "show(N, 1 < number() < 3, 1 < number() <= 3)",
        "and_or": "a, b = number(), text()\nshow(N, a and b, nothing() or 'else')",
        "and_or_known": "show(N, [] or number(), number() and 0)",
        "not_evaluated": "a, b = nothing(), number()\nshow(N, a and a + 1, b or a.x)",
        "is_none": "show(N, nothing() is None, number() is not None)",
        "conditional": "show(N, 'yes' if number() > 2 else 'no', text() if nothing() else number())",
        "conditional_of_conditional": "a = number()\nshow(N, 'x' if a > 5 else 'y' if a > 2 else 'z')",
        "conditional_not_evaluated": "a = nothing()\nshow(N, 0 if a is None else a + 1)",
        "if_of_values": "a = number()\nif a > 2:\n    b = a + 1\nelse:\n    b = 0\nshow(N, b)",
        "if_with_calls": "s = split()\nif s.score > 0.9 and len(s.train) == 3:\n    x = number(1)\nelse:\n"
        "    x = number(2)\n"
        "show(N, x + 1)",
        "elif": "n = number()\nif n * 2 > 9:\n    show(N, 1)\nelif n % 2:\n    show(N, 2)\nelse:\n    show(N, 3)",
        "if_not": "if not numbers()[3:]:\n    show(N, 'empty')",
        "if_none": "v = nothing()\nif v is not None:\n    show(N, v + 1)\nelse:\n    show(N, 'none')",
        "early_return": "v = number()\nif v is None:\n    return\nshow(N, v + 1)",
        "changed_in_arm": "xs = [1]\nif number() > 2:\n    xs.append(2)\nshow(N, xs)",
    },
    "consumers": {
        "map": "show.map(x=split().train, name=unmapped(N))",
        "map_of_slice": "show.map(x=numbers()[1:], name=unmapped(N))",
        "map_of_range": "show.map(x=range(number()), name=unmapped(N))",
        "map_of_sum": "show(N, doubled.map(numbers() + [7]))",
        "map_beside": "s = split()\nshow.map(x=s.train, y=unmapped(s.score * 2), name=unmapped(N))",
        "map_and_again": "s = split()\nshow.map(x=s.test, name=unmapped(N))\nshow(N, s.name)",
        "map_computed": "show(N, [doubled.map(numbers())[0], len(doubled.map(numbers()))])",
        "map_over_computed": "d = doubled.map(numbers())\nshow(N, sum(d), d[-1])",
        "partial": "p = partial(show, N, y=number() * 2)\np(text()[0])",
        "nested_pipeline": "show(N, inner(number() + 1))",
        "nested_pipeline_returns": "show(N, inner(number()) - 1)",
        "pipeline_map": "show(N, inner.map(split().test))",
        "async_step": "show(N, doubled(doubled(number()) + 1))",
        "after": "a = text()\nshow(N, number() + 1, after=a)",
        "keywords": "show(**{'name': N, 'x': number() + 1})",
    },
    "loops": {
        "for": "for x in numbers():\n    show(N, x)",
        "for_range": "for i in range(number()):\n    show(N, i * 2)",
        "for_range_len": "xs = numbers()\nfor i in range(len(xs)):\n    show(N, xs[i])",
        "for_enumerate": "for i, x in enumerate(split().test):\n    show(N, i, x)",
        "for_zip": "for x, y in zip(numbers(2), ['a', 'b']):\n    show(N, x, y)",
        "for_items": "for k, v in mapping().items():\n    show(N, k, v)",
        "for_keys": "for k in mapping():\n    show(N, k)",
        "for_characters": "for c in text():\n    show(N, c)",
        "append": "found = []\nfor x in numbers():\n    found.append(doubled(x))\nshow(N, found, len(found))",
        "append_to_more": "found = [0]\nfor x in numbers():\n    found.append(doubled(x + 1))\nshow(N, found)",
        "append_some": "found = []\nfor x in numbers():\n    y = doubled(x)\n    if y > 2:\n"
        "        found.append(y)\nshow(N, found)",
        "append_two": "found = []\nfor x in numbers(2):\n    found.append(doubled(x))\n    found.append(x)\n"
        "show(N, found)",
        "extend": "found = []\nfor x in numbers(2):\n    found.extend([doubled(x), x])\nshow(N, found)",
        "append_to_two": "a, b = [], []\nfor x in numbers(2):\n    a.append(doubled(x))\n    b.append(x)\n"
        "show(N, a, b)",
        "chain": "for x in numbers(2):\n    y = doubled(x)\n    z = doubled(y + 1)\n    show(N, y, z)",
        "nested": "for x in numbers(2):\n    for y in numbers(2):\n        show(N, x, y)",
        "nested_known": "for x in numbers(2):\n    for y in (1, 2):\n        show(N, x * y)",
        "nested_of_item": "for x in numbers(2):\n    for y in range(x):\n        show(N, x, y)",
        "if_inside": "for x in numbers():\n    if x % 2:\n        show(N, x)\n    else:\n        show(N, 0, x)",
        "continue": "for x in numbers():\n    if x == 2:\n        continue\n    show(N, x)",
        "else": "for x in numbers(1):\n    show(N, x)\nelse:\n    show(N, 'else')",
        "empty": "found = []\nfor x in numbers(0):\n    found.append(doubled(x))\nshow(N, found)",
        "comprehension": "show(N, [doubled(x + 1) for x in numbers()])",
        "dict_comprehension": "show(N, {x * 2: doubled(x) for x in numbers(2)}, {doubled(x) for x in numbers(2)})",
        "generator": "show(N, sum(doubled(x) for x in numbers()))",
        "over_mapped": "for x in doubled.map(numbers()):\n    show(N, x)",
        "in_arm": "if number() > 2:\n    found = []\n    for x in numbers(2):\n"
        "        found.append(doubled(x))\nelse:\n"
        "    found = [0]\nshow(N, found)",
    },
    "loaded": {
        "load": "show(N, number().load() + 1)",
        "load_in_if": "a = number()\nif a.load() > 2:\n    show(N, 'large')\nelse:\n    show(N, 'small')",
        "load_in_for": "for x in numbers().load():\n    show(N, x)",
        "load_in_range": "for i in range(number().load()):\n    show(N, i)",
        "load_in_text": "show(N, f'{number().load()}', len(numbers().load()))",
        "load_argument": "show(N, numbers().load())",
        "load_appended": "found = []\nfor x in numbers().load():\n    found.append(doubled(x).load())\nshow(N, found)",
        "load_of_entry": "a, b = pairs().load()\nshow(N, a, b[1])",
        "load_of_map": "show(N, doubled.map(numbers()).load())",
        "submitted": "f = number.submit(4)\nshow(N, f.load() * 2, f.result().load())",
        "load_choice": "show(N, 'a' if number().load() > 2 else 'b')",
        "load_comprehension": "show(N, [doubled(x) for x in numbers().load()])",
    },
}


def _file(rows: dict[str, str]) -> str:
    helpers = (
        f"def row_{name}():\n{textwrap.indent(f'N = {name!r}{chr(10)}{body}', '    ')}\n\n\n"
        for name, body in rows.items()
    )
    calls = "\n".join(f"    row_{name}()" for name in rows)
    return f"{_HEAD}\n{''.join(helpers)}@pipeline\ndef main():\n{calls}\n"


def _plain(text: str) -> str:
    """The file as plain Python runs it: results are values, and a call is made when it is met."""
    return text.replace(".load()", "").replace(".submit(", "(").replace(".result()", "")


def _variant(group: str, rows: dict[str, str]) -> Variant:
    flow = _file(rows)
    reference = f"{_plain(flow)}\n\nmain.entrypoint()\n"
    files = {"flow.py": f"{flow}\n\nif __name__ == '__main__':\n    main()\n", "reference.py": reference}
    return Variant(group, files, oracle="python", reference="reference.py")


ROWS = sum(map(len, _GROUPS.values()))
VARIANTS = tuple(_variant(group, rows) for group, rows in _GROUPS.items())
