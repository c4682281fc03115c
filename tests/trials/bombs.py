"""Bombs for the evaluator: small files that would take all time or memory if they were run or evaluated without bounds.

Each is checked by `flowc check` in a process of its own, with limits that stop it where flowc's own do not.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.trials.trial import Attempt, Choice, Outcome, in_a_process

EXPRESSIONS = {
    "tower": "10 ** 10 ** 10",
    "power": "7 ** 10 ** 7",
    "power_of_three": "pow(3, 10 ** 8)",
    "power_modulo": "pow(3, 10 ** 4000, 10 ** 4000 + 1)",
    "shift": "1 << 10 ** 10",
    "shift_variable": "(lambda n: 1 << n)(10 ** 9)",
    "negative_power": "2.0 ** -10 ** 9",
    "round_far": "round(1, -10 ** 10)",
    "round_near": "round(12345, -10 ** 7)",
    "digits": "int('9' * 99999)",
    "bin": "bin(1 << 4000) * 99999",
    "repeat_text": "'x' * 10 ** 10",
    "repeat_list": "[0] * 10 ** 9",
    "repeat_repeated": "[[0] * 99999] * 99999",
    "repeat_tuple": "((0,) * 99999) * 99999",
    "repeat_bytes": "b'x' * 10 ** 11",
    "bytes_of": "bytes(10 ** 10)",
    "range_list": "list(range(10 ** 9))",
    "range_long": "list(range(10 ** 30))",
    "range_sum": "sum(range(10 ** 15))",
    "range_max": "max(range(10 ** 15))",
    "range_min_key": "min(range(10 ** 9), key=lambda n: -n)",
    "range_sorted": "sorted(range(10 ** 10))",
    "range_set": "set(range(10 ** 9))",
    "range_dict": "dict.fromkeys(range(10 ** 9))",
    "range_any": "any(n < 0 for n in range(10 ** 12))",
    "range_all": "all(range(1, 10 ** 12))",
    "range_in": "0.5 in range(10 ** 12)",
    "range_count": "range(10 ** 12).count(0.5)",
    "range_index": "range(10 ** 12).index(0.5)",
    "range_reversed": "list(reversed(range(10 ** 12)))",
    "range_zip": "list(zip(range(10 ** 12), range(10 ** 12)))",
    "range_map": "list(map(str, range(10 ** 12)))",
    "range_filter": "list(filter(None, range(10 ** 12)))",
    "range_enumerate": "list(enumerate(range(10 ** 12)))",
    "range_unpacked": "[*range(10 ** 12)]",
    "range_tuple": "tuple(range(10 ** 12))",
    "range_join": "','.join(map(str, range(10 ** 9)))",
    "lists_of_lists": "[list(range(99999)) for _ in range(99999)]",
    "lists_of_sets": "[set(range(99999)) for _ in range(99999)]",
    "lists_of_dicts": "[{n: n for n in range(9999)} for _ in range(9999)]",
    "lists_of_texts": "['\\U0001F600' * 99999 + str(n) for n in range(99999)]",
    "lists_of_numbers": "[(1 << 4000) + n for n in range(99999)]",
    "lists_of_tuples": "[(n, n, n) for n in range(99999) for m in range(99999)]",
    "lists_of_bytes": "[b'x' * 99999 + bytes([n % 256]) for n in range(99999)]",
    "list_of_iterators": "[map(str, range(99999)) for _ in range(99999)]",
    "dict_of_lists": "{n: list(range(99999)) for n in range(99999)}",
    "set_of_tuples": "{tuple(range(n)) for n in range(9999)}",
    "product": "len([(a, b, c) for a in range(9999) for b in range(9999) for c in range(9999)])",
    "equal_hashes": "{n * (2 ** 61 - 1) for n in range(99999)}",
    "equal_hashes_of_keys": "{n * (2 ** 61 - 1): n for n in range(99999)}",
    "equal_hashes_of_a_set": "set([n * (2 ** 61 - 1) for n in range(99999)])",
    "equal_hashes_of_a_dict": "dict([(n * (2 ** 61 - 1), n) for n in range(99999)])",
    "equal_hashes_of_tuples": "{tuple(-1 - ((n >> k) & 1) for k in range(14)) for n in range(16384)}",
    "equal_hashes_of_a_range": "set(range(0, 99999 * (2 ** 61 - 1), 2 ** 61 - 1))",
    "equal_hashes_of_a_zip": "dict(zip(range(0, 99999 * (2 ** 61 - 1), 2 ** 61 - 1), range(99999)))",
    "equal_hashes_updated": "{1}.union(range(0, 99999 * (2 ** 61 - 1), 2 ** 61 - 1))",
    "find_back": "('a' * 99999).rfind('b' + 'a' * 49999)",
    "split_back": "('a' * 99999).rsplit('b' + 'a' * 49999)",
    "strip_many": "('x' * 99999).strip('y' * 99999 + 'x')",
    "width": "'%999999999d' % 1",
    "width_star": "'%*d' % (999999999, 1)",
    "width_format": "'{:>999999999}'.format(1)",
    "width_nested": "'{:>{}}'.format(1, 999999999)",
    "width_text": "f'{1:>999999999}'",
    "width_variable": "(lambda w: f'{1:>{w}}')(999999999)",
    "width_function": "format(1, '999999999')",
    "width_precision": "'%.999999999f' % 1.0",
    "width_precision_format": "f'{1.0:.99999999f}'",
    "width_justify": "'x'.ljust(10 ** 10)",
    "width_center": "'x'.center(10 ** 10)",
    "width_zeros": "'x'.zfill(10 ** 10)",
    "width_tabs": "('\\t' * 9999).expandtabs(10 ** 9)",
    "replace": "('x' * 99999).replace('x', 'y' * 99999)",
    "replace_empty": "('x' * 99999).replace('', 'y' * 99999)",
    "join": "('x' * 99999).join(['y'] * 99999)",
    "join_text": "('x' * 99999).join('y' * 99999)",
    "split_all": "[('x ' * 49999).split() for _ in range(9999)]",
    "format_fields": "('{0}' * 9999).format('x' * 99999)",
    "format_percent": "('%s' * 9999) % (('x' * 99999,) * 9999)",
    "format_names": "('%(a)s' * 9999) % {'a': 'x' * 99999}",
    "format_names_repr": "('%(a)r' * 9999) % {'a': ['x' * 99999]}",
    "format_names_brackets": "('%(a(b(c)))s' * 9999) % {'a(b(c))': 'x' * 99999}",
    "format_names_cut": "('%(a).3r' * 9999) % {'a': [1] * 99999}",
    "format_bytes": "(b'%(a)s' * 9999) % {b'a': b'x' * 99999}",
    "format_keywords": "('{a}' * 9999).format(a='x' * 99999)",
    "format_entries": "('{0[0]}' * 9999).format(['x' * 99999])",
    "format_cut": "('{0!r:.3}' * 9999).format([1] * 99999)",
    "widths": "('%99999d' * 9999) % ((1,) * 9999)",
    "widths_format": "('{:99999}' * 9999).format(*([1] * 9999))",
    "widths_precision": "('{:.99999f}' * 9999).format(*([1.0] * 9999))",
    "width_nested_text": "'{:>{}}'.format(1, '999999999')",
    "text_of_numbers": "str([[1 << 4090] * 99999] * 9)",
    "text_of_wide_texts": "str(['\\U0001F600' * 99999] * 999)",
    "text_of_escapes": "repr(['\\U0010ffff' * 99999] * 900)",
    "text_of_ascii": "ascii(['\\U0001F600' * 99999] * 900)",
    "text_of_a_field": "(lambda v: f'{v!r}')(['\\U0001F600' * 99999] * 999)",
    "text_of_a_command": "shlex.join(['\\U0001F600' * 99999] * 999)",
    "text_of_a_path": "os.path.join(*['\\U0001F600' * 99999] * 999)",
    "join_bytes": "(b'x' * 99999).join([b'y'] * 9999)",
    "replace_bytes": "(b'x' * 99999).replace(b'x', b'y' * 99999)",
    "find_far": "[('a' * 49999 + 'b') in ('a' * 99999) for _ in range(9999)]",
    "find_near": "('ab' * 25000 + 'c') in ('ab' * 49999)",
    "strip_all": "[('x' * 99999).strip('x') for _ in range(9999)]",
    "translate": "[('x' * 99999).upper() for _ in range(99999)]",
    "encode": "[('x' * 99999).encode() for _ in range(99999)]",
    "itertools_product": "list(__import__('itertools').product(range(999), repeat=9))",
    "permutations": "list(itertools.permutations(range(30)))",
    "combinations": "list(itertools.combinations(range(99), 40))",
    "product_repeat": "list(itertools.product(range(99), repeat=10 ** 6))",
    "product_last": "max(itertools.product(range(99), repeat=5))",
    "accumulate": "list(itertools.accumulate([10 ** 999] * 9999, lambda a, b: a * b))",
    "accumulate_text": "list(itertools.accumulate(['x' * 9999] * 9999))",
    "accumulate_initial": "list(itertools.accumulate(['x'] * 99999, initial='y' * 99999))",
    "combinations_wide": "list(itertools.combinations(range(9999), 9990))",
    "permutations_wide": "list(itertools.permutations(range(9999)))",
    "product_wide": "list(itertools.product(*[[0, 1]] * 16, *[[0]] * 90000))",
    "zip_longest_wide": "list(itertools.zip_longest(range(99999), *[[0]] * 99999))",
    "chain_arguments": "list(itertools.chain(*[[0] * 99999] * 999))",
    "sum_of_long_tuples": "sum([(0,) * 99999] * 999, ())",
    "chain": "list(itertools.chain.from_iterable([range(99999)] * 99999))",
    "islice": "list(itertools.islice(range(10 ** 15), 10 ** 14, None))",
    "zip_longest": "list(itertools.zip_longest([], range(10 ** 9)))",
    "reduce": "functools.reduce(lambda a, b: a * b, range(1, 99999))",
    "reduce_text": "functools.reduce(lambda a, b: a + a, range(99999), 'x')",
    "lcm": "math.lcm(*range(1, 99999))",
    "gcd": "[math.gcd(3 ** 2500, 5 ** 1700) for _ in range(99999)]",
    "json_loads": "json.loads('[' * 50000 + ']' * 50000)",
    "json_dumps": "[json.dumps(list(range(9999))) for _ in range(9999)]",
    "json_indent": "json.dumps(list(range(999)), indent=10 ** 8)",
    "deepcopy": "[copy.deepcopy(list(range(9999))) for _ in range(9999)]",
    "sum_of_lists": "sum([[n] for n in range(49999)], [])",
    "sum_of_tuples": "sum(((n,) for n in range(49999)), ())",
    "calls": "(lambda f: f(f, 50))(lambda f, n: 1 if n == 0 else f(f, n - 1) + f(f, n - 1))",
    "calls_deep": "(lambda f: f(f, 99999))(lambda f, n: 1 if n == 0 else f(f, n - 1))",
    "calls_endless": "(lambda f: f(f))(lambda f: f(f))",
    "conditions": "[n for n in range(99999) if all(n % m for m in range(2, n))]",
    "slices": "[list(range(99999))[n:] for n in range(99999)]",
    "slices_of_text": "[('x' * 99999)[n:] for n in range(99999)]",
    "reversed_slices": "[list(range(99999))[::-1] for n in range(9999)]",
    "compare_ranges": "[list(range(99999)) == list(range(99999)) for _ in range(9999)]",
    "repr_of_numbers": "[repr((1 << 4000) + n) for n in range(99999)]",
    "sorted_tuples": "sorted((n % 7, n) for n in range(99999))",
    "sorted_key": "sorted(range(99999), key=lambda n: str(n)[::-1])",
    "divmod": "[divmod(1 << 4000, 3) for _ in range(99999)]",
    "complex_power": "(1 + 1j) ** 10 ** 9",
    "accents_of_a_host": "urllib.parse.urlsplit('http://a' + '\\u0300\\u0316' * 49000)",
    "lcm_of_long_numbers": "math.lcm(*[(1 << 4000) + n for n in range(999)])",
    "pattern_of_brackets": "pathlib.Path('a' * 9999).match('[' * 99999)",
    "timedelta": "[datetime.timedelta(days=n) for n in range(99999)]",
}
"""Expressions, each a bomb or near one."""

_MEMBER = "class Color(str, enum.Enum):\n    A = 'a'\nx = Color.A\n"
_DATACLASS = "@dataclasses.dataclass\nclass D:\n    a: object\nx = 0\n"
STATEMENTS = {
    "loop": "for i in range(99999):\n    for j in range(99999):\n        x = j\n",
    "loop_endless": "while True:\n    x = 1\n",
    "loop_endless_of_nothing": "while True:\n    pass\n",
    "loop_growing": "x = [0]\nfor i in x:\n    x.append(i)\n",
    "doubling_text": "x = 'x'\nfor i in range(999):\n    x = x + x\n",
    "doubling_list": "x = [0]\nfor i in range(999):\n    x = x + x\n",
    "doubling_in_place": "x = [0]\nfor i in range(999):\n    x += x\n",
    "doubling_number": "x = 3\nfor i in range(999):\n    x = x * x\n",
    "doubling_nest": "x = 0\nfor i in range(99):\n    x = [x, x]\nx = str(x)\n",
    "doubling_nest_equal": "x = y = 0\nfor i in range(99):\n    x = [x, x]\n    y = [y, y]\nx = x == y\n",
    "doubling_nest_less": "x = y = 0\nfor i in range(99):\n    x = (x, x)\n    y = (y, y)\nx = x < y\n",
    "doubling_nest_hash": "x = ()\nfor i in range(99):\n    x = (x, x)\nx = hash(x)\n",
    "doubling_nest_key": "x = ()\nfor i in range(99):\n    x = (x, x)\nx = {x: 1}\n",
    "doubling_nest_in": "x = y = 0\nfor i in range(99):\n    x = [x, x]\n    y = [y, y]\nx = x in [y]\n",
    "doubling_nest_sorted": "x = y = 0\nfor i in range(99):\n    x = (x, x)\n    y = (y, y)\nx = sorted([x, y])\n",
    "doubling_nest_text": "x = 0\nfor i in range(99):\n    x = {'a': x, 'b': x}\nx = f'{x}'\n",
    "doubling_nest_copied": "x = 0\nfor i in range(99):\n    x = [x, x]\nx = copy.deepcopy(x)\n",
    "doubling_nest_json": "x = 0\nfor i in range(99):\n    x = [x, x]\nx = json.dumps(x)\n",
    "doubling_nest_of_tuples": "x = 0\nfor i in range(99):\n    x = (x, x)\nx = [x]\ny = x\n",
    "doubling_nest_of_members": f"{_MEMBER}for i in range(99):\n    x = [x, x]\ny = ','.join(x)\n",
    "doubling_nest_of_members_sorted": f"{_MEMBER}for i in range(99):\n    x = (x, x)\nx = sorted([x, x])\n",
    "doubling_nest_of_places": "x = __file__\nfor i in range(99):\n    x = [x, x]\ny = str(x)\n",
    "doubling_nest_of_a_dataclass": f"{_DATACLASS}for i in range(99):\n    x = (x, x)\nx = dataclasses.asdict(D(x))\n",
    "deep_members": f"{_MEMBER}for i in range(9999):\n    x = [x]\nx = sorted([x])\n",
    "doubling_nest_given": "x = 0\nfor i in range(99):\n    x = [x, x]\n",
    "deep_list": "x = []\nfor i in range(9999):\n    x = [x]\n",
    "deep_list_compared": "x = y = []\nfor i in range(9999):\n    x = [x]\n    y = [y]\nx = x == y\n",
    "deep_tuple_hashed": "x = ()\nfor i in range(9999):\n    x = (x,)\nx = hash(x)\n",
    "list_in_itself": "x = []\nx.append(x)\nx = str(x) + str(x == x)\n",
    "list_in_itself_equal": "x = []\ny = []\nx.append(y)\ny.append(x)\nx = x == y\n",
    "sorted_again": "x = list(range(99999))\nfor i in range(99999):\n    y = sorted(x)\n",
    "sort_again": "x = list(range(99999))\nfor i in range(99999):\n    x.sort(key=lambda n: -n)\n",
    "sum_again": "x = list(range(99999))\nfor i in range(99999):\n    y = sum(x)\n",
    "max_again": "x = list(range(99999))\nfor i in range(99999):\n    y = max(x)\n",
    "in_again": "x = list(range(99999))\nfor i in range(99999):\n    y = -1 in x\n",
    "not_in_again": "x = tuple(range(99999))\nfor i in range(99999):\n    y = -1 not in x\n",
    "in_text_again": "x = 'x' * 99999\nfor i in range(99999):\n    y = 'y' in x\n",
    "equal_again": "x = list(range(99999))\ny = list(range(99999))\nfor i in range(99999):\n    z = x == y\n",
    "equal_texts_again": "x = 'x' * 99999\ny = 'x' * 99998 + 'x'\nfor i in range(99999):\n    z = x == y\n",
    "less_again": "x = list(range(99999))\ny = list(range(99999))\nfor i in range(99999):\n    z = x < y\n",
    "equal_sets_again": "x = set(range(99999))\ny = set(range(99999))\nfor i in range(99999):\n    z = x == y\n",
    "equal_dicts_again": "x = {n: n for n in range(9999)}\ny = dict(x)\nfor i in range(99999):\n    z = x == y\n",
    "subset_again": "x = set(range(99999))\nfor i in range(99999):\n    z = x <= x\n",
    "union_again": "x = set(range(99999))\nfor i in range(99999):\n    z = x | x\n",
    "intersect_again": "x = set(range(99999))\nfor i in range(99999):\n    z = x & x\n",
    "merge_again": "x = {n: n for n in range(9999)}\nfor i in range(99999):\n    z = x | x\n",
    "unpack_again": "x = {n: n for n in range(9999)}\nfor i in range(99999):\n    z = {**x}\n",
    "copy_again": "x = list(range(99999))\nfor i in range(99999):\n    z = x[:]\n",
    "list_again": "x = list(range(99999))\nfor i in range(99999):\n    z = list(x)\n",
    "add_again": "x = list(range(49999))\nfor i in range(99999):\n    z = x + x\n",
    "star_again": "x = list(range(99999))\nfor i in range(99999):\n    z = [*x]\n",
    "star_call_again": "x = list(range(9999))\nfor i in range(99999):\n    z = max(*x)\n",
    "append_again": "x = []\nfor i in range(99999):\n    x.append(list(range(9999)))\n",
    "insert_again": "x = list(range(49999))\nfor i in range(49999):\n    x.insert(0, i)\n",
    "pop_again": "x = list(range(99999))\nfor i in range(99999):\n    x.pop(0)\n",
    "delete_again": "x = list(range(99999))\nfor i in range(99999):\n    del x[0]\n",
    "slice_again": "x = list(range(99999))\nfor i in range(99999):\n    x[0:1] = [1]\n",
    "remove_again": "x = list(range(99999))\nfor i in range(99999):\n    x.remove(99999 - i)\n",
    "index_again": "x = list(range(99999))\nfor i in range(99999):\n    y = x.index(99998)\n",
    "count_again": "x = list(range(99999))\nfor i in range(99999):\n    y = x.count(-1)\n",
    "reverse_again": "x = list(range(99999))\nfor i in range(99999):\n    x.reverse()\n",
    "extend_again": "x = []\nfor i in range(99999):\n    x.extend(range(99999))\n",
    "update_again": "x = {}\ny = {n: n for n in range(9999)}\nfor i in range(99999):\n    x.update(y)\n",
    "replace_again": "x = 'x' * 99999\nfor i in range(99999):\n    y = x.replace('y', 'z')\n",
    "text_again": "x = list(range(9999))\nfor i in range(99999):\n    y = str(x)\n",
    "number_text_again": "x = 1 << 4000\nfor i in range(99999):\n    y = str(x)\n",
    "number_again": "x = 1 << 4000\nfor i in range(99999):\n    y = x * x % 7\n",
    "f_text_again": "x = 'x' * 99999\nfor i in range(99999):\n    y = f'{x}{i}'\n",
    "join_again": "x = ['x'] * 9999\nfor i in range(99999):\n    y = ','.join(x)\n",
    "split_again": "x = 'x,' * 9999\nfor i in range(99999):\n    y = x.split(',')\n",
    "zip_again": "x = list(range(9999))\nfor i in range(99999):\n    y = list(zip(x, x))\n",
    "map_again": "x = list(range(999))\nfor i in range(99999):\n    y = list(map(str, x))\n",
    "reversed_again": "x = list(range(99999))\nfor i in range(99999):\n    y = list(reversed(x))\n",
    "equal_hashes_again": "x = {}\nfor i in range(49999):\n    x[i * (2 ** 61 - 1)] = i\n",
    "equal_hashes_added": "x = set()\nfor i in range(49999):\n    x.add(i * (2 ** 61 - 1))\n",
    "calls_again": "def f(n):\n    return [n] * 9999\nfor i in range(99999):\n    y = f(i)\n",
    "calls_twice": "def f(n):\n    return 1 if n == 0 else f(n - 1) + f(n - 1)\nx = f(40)\n",
    "generator": "def f():\n    while True:\n        yield 1\nx = list(f())\n",
    "generator_next": "def f():\n    while True:\n        yield 1\nx = next(f())\n",
    "class_again": "class C:\n    pass\nfor i in range(99999):\n    c = C()\n    c.x = list(range(9999))\n",
    "errors": "for i in range(99999):\n    try:\n        1 // 0\n    except ZeroDivisionError:\n        x = [0]\n",
    "targets": "for i in range(99999):\n    a, *b = range(9999)\n",
    "match": "x = list(range(9999))\nfor i in range(99999):\n    match x:\n        case [*y]:\n            pass\n",
    "slice_of_itself": "x = [0]\nwhile True:\n    x[len(x) :] = x\n",
    "slice_in_itself": "x = [0]\nwhile True:\n    x[0:0] = x\n",
    "many_members": "class C(enum.Enum):\n" + "".join(f"    A{n} = {n}\n" for n in range(9999)) + "x = list(C)\n",
    "many_autos": "class C(enum.Enum):\n" + "".join(f"    A{n} = enum.auto()\n" for n in range(9999)) + "x = [C]\n",
    "many_tuples": "class C(enum.Enum):\n" + "".join(f"    A{n} = ({n},)\n" for n in range(9999)) + "x = [C]\n",
    "many_names": "".join(f"x{n} = list(range(99999))\n" for n in range(999)),
    "many_texts": "".join(f"x{n} = 'x' * {99999 - n}\n" for n in range(9999)),
}
"""Statements that are or make a bomb."""

_DEEP: dict[str, tuple[Callable[[int], str], int]] = {
    "calls_nested": (lambda n: "f(" * n + "1" + ")" * n, 1000),
    "sums": (lambda n: "+".join(["1"] * n), 3000),
    "brackets": (lambda n: "[" * n + "]" * n, 3000),
    "brackets_of_90": (lambda n: "[" * n + "]" * n, 90),
    "parentheses": (lambda n: "(" * n + "1" + ")" * n, 300),
    "nots": (lambda n: "not " * n + "x", 3000),
    "minuses": (lambda n: "-" * n + "1", 3000),
    "attributes": (lambda n: "x" + ".a" * n, 3000),
    "entries": (lambda n: "x" + "[0]" * n, 3000),
    "calls_in_a_row": (lambda n: "f" + "()" * n, 3000),
    "choices": (lambda n: "1 if x else " * n + "1", 3000),
    "lambdas": (lambda n: "lambda: " * n + "1", 3000),
    "powers": (lambda n: "**".join(["1"] * n), 3000),
    "ands": (lambda n: " and ".join(["1"] * n), 9999),
    "comparisons": (lambda n: " < ".join(["1"] * n), 9999),
    "texts": (lambda n: " ".join(["'x'"] * n), 9999),
    "list_of_many": (lambda n: "[" + "1," * n + "]", 99999),
    "dict_of_many": (lambda n: "{" + ",".join(f"{i}: {i}" for i in range(n)) + "}", 49999),
    "comprehensions": (lambda n: "[" * n + "1" + " for _ in [1]]" * n, 60),
    "number": (lambda n: "9" * n, 99999),
    "walruses": (lambda n: "(x := " * n + "1" + ")" * n, 150),
    "accents": (lambda n: "x" + "\u0300\u0316" * n, 99999),
    "f_texts": (lambda n: "f'{x}" * 1 + "{x}" * n + "'", 9999),
}
"""Code that is deep or long by itself: how it is written, and how deep."""


class Bomb(NamedTuple):
    """A file, and what else is on the command line."""

    name: str
    files: dict[str, str]
    options: tuple[str, ...] = ()


_MODULES = (
    "copy", "dataclasses", "datetime", "enum", "functools", "itertools", "json", "math", "os", "pathlib", "shlex",
    "urllib.parse",
)  # fmt: skip
_IMPORTS = "".join(f"import {name}\n" for name in _MODULES) + "\n"
_PIPELINE = "from flowc import pipeline, step\n\n\n@step\ndef work(x: object) -> object:\n    return x\n\n\n"
_CLASS = "from flowc import FlowSpec, resources, step\n\n\n"
_STEPS = "    @step\n    def start(self):\n        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n"


def _indented(text: str, by: int = 4) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())


def in_a_pipeline(code: str) -> str:
    """A pipeline whose body executes the code and gives `x` to a step."""
    return f"{_IMPORTS}{_PIPELINE}@pipeline\ndef p():\n    x = f = 1\n{_indented(code)}    work(x)\n"


def in_a_module(code: str) -> str:
    """A class flow with the code before it, and a decorator that needs its `x`."""
    flow = f"class F(FlowSpec):\n{_STEPS.replace('    @step', '    @resources(memory=x)' + chr(10) + '    @step', 1)}"
    return f"{_IMPORTS}{_CLASS}x = f = 1\n{code}\n\n{flow}"


def in_a_class(code: str) -> str:
    """A class flow with the code in its body."""
    return f"{_IMPORTS}{_CLASS}class F(FlowSpec):\n    x = f = 1\n{_indented(code)}\n{_STEPS}"


def in_a_step(code: str) -> str:
    """A class flow with the code in a step, which nothing evaluates."""
    steps = _STEPS.replace("        self.next(self.end)", f"{_indented(code, 8)}        self.next(self.end)", 1)
    return f"{_IMPORTS}{_CLASS}class F(FlowSpec):\n{steps}"


PLACES = {"pipeline": in_a_pipeline, "module": in_a_module, "class": in_a_class, "step": in_a_step}


def bombs() -> Iterator[Bomb]:
    """All bombs in all places."""
    codes = {name: f"x = {text}\n" for name, text in EXPRESSIONS.items()} | STATEMENTS
    codes |= {name: f"x = {write(depth)}\n" for name, (write, depth) in _DEEP.items()}
    for name, code in codes.items():
        for place, write in PLACES.items():
            if place != "step" or name in _DEEP:
                yield Bomb(f"{name}.{place}", {"flow.py": write(code)})
    yield from _inputs()
    many = "".join(f"    @resources(memory=max([{n}] + list(range(99999))))\n{_step(n)}" for n in range(200))
    yield Bomb("many_decorators.class", {"flow.py": f"{_CLASS}class F(FlowSpec):\n{many}{_STEPS}"})
    modules = {
        f"m{n}.py": "x = 1\nfor i in range(9999):\n    for j in range(9999):\n        x = j\n" for n in range(40)
    }
    imports = "".join(f"from m{n} import x as x{n}\n" for n in range(40))
    yield Bomb("many_modules.module", {"flow.py": imports + in_a_module("x = x0\n"), **modules})


def _step(number: int) -> str:
    return f"    @step\n    def s{number}(self):\n        self.next(self.end)\n\n"


def _inputs() -> Iterator[Bomb]:
    """Bombs in what a file reads, and on the command line."""
    config = (
        "from flowc import Config, FlowSpec, JSONType, Parameter, step\n\n\nclass F(FlowSpec):\n    c = Config('c', "
    )
    plain = (
        "{plain})\n    rows = Parameter('rows', type=JSONType, default='[1]')\n"
        "    n = Parameter('n', type=int, default=1)\n"
    )
    yaml = f"{config}{plain.format(plain='default=' + repr('c.yaml') + ', parser=' + repr('yaml.safe_load'))}\n{_STEPS}"
    toml = yaml.replace("c.yaml", "c.toml").replace("yaml.safe_load", "tomllib.loads")
    as_json = f"{config}{plain.format(plain='default=' + repr('c.json'))}\n{_STEPS}"
    aliases = "k0: &k0 [x]\n" + "".join(f"k{n}: &k{n} [{','.join([f'*k{n - 1}'] * 9)}]\n" for n in range(1, 9))
    merges = "k0: &k0 {a: 1}\n" + "".join(
        f"k{n}: &k{n} {{<<: [{','.join([f'*k{n - 1}'] * 99)}]}}\n" for n in range(1, 30)
    )
    for name, text in {
        "aliases": aliases, "merges": merges, "itself": "a: &a\n  b: *a\n", "deep": "[" * 5000 + "]" * 5000,
        "deep_lines": "".join(f"{' ' * n}a:\n" for n in range(1500)), "many": "- 1\n" * 99999, "number": "9" * 99999,
        "tag": "!!python/object/apply:os.system ['true']\n", "text": f"a: {'x' * 9_999_999}\n",
        "base_60": f"a: 1{':1' * 400_000}\n",
        "base_60_float": f"a: 1{':1' * 400_000}.5\n", "hex": "a: 0x" + "f" * 900_000,
        "keys": "".join(f"{n * (2**61 - 1)}: 1\n" for n in range(30_000)), "tags": "a: !!bool maybe\nb: !!int ''\n",
    }.items():  # fmt: skip
        yield Bomb(f"yaml_{name}.config", {"flow.py": yaml, "c.yaml": text})
    dots = ".".join("a" * 60_000)
    for name, text in {"dots": f"{dots} = 1", "table": f"[{dots}]", "hex": f"a = 0x{'f' * 99_000}"}.items():
        yield Bomb(f"toml_{name}.config", {"flow.py": toml, "c.toml": text})
        yield Bomb(f"toml_{name}.settings", {"flow.py": as_json, "c.json": "{}", "flowc.toml": text})
    for name, text in {
        "deep": "[" * 99999 + "]" * 99999, "deep_open": "[" * 99999, "many": f"[{'1,' * 999999}1]",
        "number": "9" * 99999, "exponent": "1e999999999", "text": f'"{"x" * 9_999_999}"',
        "keys": "{" + ",".join(f'"{n}":{n}' for n in range(199_999)) + "}",
    }.items():  # fmt: skip
        yield Bomb(f"json_{name}.config", {"flow.py": as_json, "c.json": text})
        if len(text) < 120_000:
            yield Bomb(f"json_{name}.parameter", {"flow.py": as_json, "c.json": "{}"}, ("-p", f"rows={text}"))
    for name, value in {"digits": "9" * 400, "more_digits": "9" * 99999, "exponent": "1e400"}.items():
        yield Bomb(f"{name}.parameter", {"flow.py": as_json, "c.json": "{}"}, ("-p", f"n={value}"))


def check(bomb: Bomb) -> Outcome:
    """Check a bomb's file in a process of its own."""
    command = [sys.executable, "-m", "flowc_cli", "check", "flow.py", *bomb.options]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "project").mkdir()
        for name, text in bomb.files.items():
            (Path(folder) / "project" / name).write_text(text, encoding="utf-8")
        return in_a_process(lambda: os.execv(sys.executable, command), Path(folder) / "project")


def trial(choice: Choice) -> Iterator[Attempt]:
    """Check all bombs, or that many random ones."""
    found = [bomb for bomb in bombs() if choice.allows(bomb.name)]
    random.Random(choice.seed).shuffle(found)
    for bomb in found[: choice.count]:
        outcome = check(bomb).slowed(choice.slowdown)
        took = f"({outcome.seconds:.1f} s, {outcome.megabytes:.0f} MB): {outcome.last[:100]}"
        yield Attempt(bomb.name, outcome.problem and f"{outcome.problem} {took}")
