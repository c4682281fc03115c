import collections
import enum
import json

import numpy as np

from metaflow import FlowSpec, step

Point = collections.namedtuple("Point", "x y")


class ValuesFlow(FlowSpec):
    """What is stored, and what is not."""

    @step
    def start(self):
        self.function = lambda x: x
        self.bound = self.helper
        self.builtin = len
        self.kind = dict
        self.odd_floats = [float("inf"), float("-inf"), -0.0]
        self.big = -(2**80)
        self.flags = [True, 1, 1.0]
        self.surrogate = "\ud800"
        self.zero = "a\x00b"
        self.nested = {"t": (1, [2, {3}]), 4: None, None: b"\xff"}
        self.array = np.arange(12, dtype="float32").reshape(3, 4)[:, ::2]
        self.scalar = np.int16(3)
        self.records = np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])
        self.error = ValueError("kept", 1)
        self.ordered = collections.OrderedDict([("z", 1), ("a", 2)])
        self.counter = collections.Counter("abca")
        self.default = collections.defaultdict(list, k=[1])
        self.ellipsis = ...
        self.a_slice = slice(1, None, 2)
        self.a_type = type(None)
        shared = [1]
        self.twice = [shared, shared]
        self.loop = [1]
        self.loop.append(len(self.loop))
        self._private = "propagates"
        self.__mangled = "too"
        self.with_ümlaut = 1
        self.http = json.dumps({"a": 1})
        self.next(self.middle)

    def helper(self):
        return "helper"

    @step
    def middle(self):
        self.gone = [hasattr(self, "function"), hasattr(self, "bound"), self.helper(), self.builtin([1])]
        self.private = [self._private, self.__mangled]
        self.twice[0].append(2)
        self.aliased = self.twice[0] is self.twice[1]
        self.array[0, 0] = 99
        self.default["new"].append(1)
        self.counter["a"] += 1
        alias = self.nested
        alias["added"] = 1
        self.next(self.end)

    @step
    def end(self):
        self.seen = [self.twice, self.array.tolist(), dict(self.default), self.counter["a"], self.nested["added"]]
        self.kept = getattr(self, "never", "default"), hasattr(self, "_private")


if __name__ == "__main__":
    ValuesFlow()
