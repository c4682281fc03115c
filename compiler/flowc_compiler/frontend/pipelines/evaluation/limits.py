"""How much of a pipeline's body is evaluated: flowc never spends a machine's memory or minutes on a flow file."""

from __future__ import annotations

MOST_OPERATIONS = 1_000_000
"""Expressions and statements that are evaluated, each turn of a loop anew."""
MOST_NODES = 10_000
"""Calls of steps, maps and `if`s on results."""
LONGEST = 100_000
"""Entries of a list, tuple, set or dict, and characters of a string, that are computed."""
HEAVIEST = 1_000_000
"""Entries of a value that is written out, those of lists in lists counted each time."""
DEEPEST_TREE = 120
"""How deeply what stands for a result may be nested: an entry of an entry, or what an `if` after an `if` chose."""
MOST_BITS = 4096
"""Bits of a whole number that is computed."""
DEEPEST_CALLS = 60
"""How deeply functions may call one another."""
DEEPEST_VALUE = 50
"""How deeply lists and dicts may be nested in an argument of a step."""
