"""Loops in random pipelines, and other Python that is done when they are compiled."""

from __future__ import annotations

from tests.pipelines.calls import Calls
from tests.pipelines.page import Region, Variable


class Loops(Calls):
    """Writes statements that flowc has to evaluate: loops, comprehensions, f-strings, tuples, constants."""

    def write_waiting(self, region: Region) -> None:
        """The seed's shape: calls in a loop, and one that is to wait for them all by their names."""
        name, names, identity = self.fresh("i"), self.fresh("names"), self.fresh("part")
        self.use("inc")
        self.use("add")
        source = self.any_of(["range(3)", "[5, 2]", f"range({region.known[0]})"])
        self.line(region, f"{names} = []")
        self.line(region, f"for {name} in {source}:")
        self.line(region, f'    _ = inc({self.number(region)}, {name}, id=f"{identity}_{{{name}}}")')
        self.line(region, f'    {names}.append(f"{identity}_{{{name}}}")')
        self.bind(region, "int", f'add({self.number(region)}, 2, after={names}, id="after_{identity}")')

    def write_pairs(self, region: Region) -> None:
        """Two names in a loop, and a dict of results."""
        key, value, found = self.fresh("k"), self.fresh("i"), self.fresh("found")
        ways = ["enumerate([4, 9])", "{1: 2, 3: 4}.items()", "zip([1, 2], (3, 4))", "[(5, 6), (7, 8)]", "[[1, 2]]"]
        identity = self.fresh("pair")
        self.use("add")
        self.use("table")
        self.line(region, f"{found} = {{}}")
        self.line(region, f"for {key}, {value} in {self.any_of(ways)}:")
        self.line(region, f'    {found}[f"key{{{key}}}"] = add({key}, {value}, id=f"{identity}-{{{key}}}-{{{value}}}")')
        self.bind(region, "int", self.call(region, "table", [found]))

    def write_dict_comprehension(self, region: Region) -> None:
        name, identity = self.fresh("i"), self.fresh("entry")
        self.use("inc")
        call = f'inc({self.number(region)}, {name}, id=f"{identity}_{{{name}}}")'
        value = f'{{f"k{{{name}}}": {call} for {name} in range(2)}}'
        self.bind(region, "int", self.call(region, "table", [value]))

    def write_text(self, region: Region) -> None:
        """Strings that are known."""
        known = region.known[0]
        ways = [
            f'f"<{{{known}}}>"',
            '"a" + "b"',
            '"-".join(["x", "y"])',
            f'"%s" % ({known},)',
            f"str({known})",
            '"ab"[0]',
        ]
        self.bind(region, "str", self.call(region, "label", [self.number(region), f"prefix={self.any_of(ways)}"]))

    def write_sums(self, region: Region) -> None:
        """Numbers that are known."""
        known = region.known[0]
        ways = [f"{known} + 1", f"{known} * 2 - 1", f"len([1, {known}])", f"max({known}, 2)", f"sum([1, 2, {known}])",
                f"3 if {known} > 1 else 4", "OFFSET", "LIMITS[1]", f"{known} % 2", "-OFFSET"]  # fmt: skip
        self.bind(region, "int", self.call(region, "inc", [self.number(region), self.any_of(ways)]))

    def write_tuple(self, region: Region) -> None:
        """Several variables at once, and one that is used again for another value."""
        first, second = self.fresh("v"), self.fresh("v")
        self.line(
            region, f"{first}, {second} = {self.call(region, 'inc', [self.number(region)])}, {self.result(region)}"
        )
        self.line(region, f"{second} = {self.call(region, 'add', [first, second])}")
        region.variables += [Variable(first, "int"), Variable(second, "int")]

    def write_copy(self, region: Region) -> None:
        """A step with other options."""
        name = self.fresh("copy")
        self.use("inc")
        identity = f', id="inc_at_{self.fresh("n")}"' if region.explicit else ""
        if self.chance(2):
            self.line(region, f"{name} = inc.with_options(enable_cache=False)")
            self.bind(region, "int", f"{name}({self.number(region)}{identity})")
        else:
            self.bind(region, "int", f"inc.with_options(enable_cache=True)(x={self.number(region)}{identity})")
