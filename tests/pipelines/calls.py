"""Calls of steps in random pipelines, but for maps."""

from __future__ import annotations

from tests.pipelines.page import Page, Region, Variable


class Calls(Page):
    """Writes statements that call steps."""

    def write_load(self, region: Region) -> None:
        argument = self.any_of(["", "0", "1", "2", "n=4"])
        self.bind(region, "list", self.call(region, "load", [argument] if argument else []))

    def write_call(self, region: Region) -> None:
        a, b = self.number(region), self.number(region)
        way = self.pick(7)
        calls = [
            lambda: self.call(region, "inc", [a]),
            lambda: self.call(region, "inc", [f"x={a}", f"by={b}"]),
            lambda: self.call(region, "add", [a, b]),
            lambda: self.call(region, "add", [f"b={a}", f"a={b}"]),
            lambda: self.call(region, "single", [a]),
            lambda: self.call(region, "inc", [a, f"by={region.known[0]}" if not region.explicit else "by=2"]),
            lambda: self.call(region, "add", [a, a]),
        ]
        self.bind(region, "int", calls[way]())

    def write_handles(self, region: Region) -> None:
        name, a = self.fresh("i"), self.number(region)
        if region.explicit:
            identity = f"inc_at_{self.fresh('n')}"
            value = f'[inc({a}, {name}, id=f"{identity}_{{{name}}}") for {name} in range(2)]'
            self.use("inc")
            self.bind(region, "handles", value)
            return
        source = self.any_of(["range(3)", "range(1, 6, 2)", "[4, 5]", f"range({region.known[0]} + 1)", "(7, 8, 9)"])
        condition = self.any_of(["", "", f" if {name} != 1"])
        self.bind(region, "handles", f"[{self._call_named_in_loop(a, name)} for {name} in {source}{condition}]")

    def _call_named_in_loop(self, a: str, name: str) -> str:
        self.use("inc")
        if self.chance(2):
            return f"inc({a}, by={name})"
        return f'inc({a}, {name}, id=f"inc-{self.fresh("n")}-{{{name}}}")'

    def write_loop(self, region: Region) -> None:
        """A loop that goes on with what its last turn gave, and keeps each."""
        result, kept, name = self.fresh("v"), self.fresh("v"), self.fresh("i")
        start = self.result(region)
        self.use("add")
        identity = self.fresh("turn")
        source = self.any_of(["range(2)", "[3, 1]", "range(3)"])
        self.line(region, f"{result} = {start}")
        self.line(region, f"{kept} = []")
        self.line(region, f"for {name} in {source}:")
        self.line(region, f'    {result} = add({result}, {name}, id=f"{identity}_{{{name}}}")')
        self.line(region, f"    {kept}.append({result})")
        region.variables += [Variable(result, "int"), Variable(kept, "handles")]

    def write_reduce(self, region: Region) -> None:
        options = [*self.seen(region, "mapped"), *self.seen(region, "handles"), *self.seen(region, "list")]
        if not options:
            self.write_handles(region)
            options = self.seen(region, "handles")
        chosen = options[self.pick(len(options))]
        value = chosen.name
        if chosen.kind == "handles":
            value = self.any_of([value, f"{value}[1:]", f"[*{value}, {self.number(region)}]", f"{value}[::-1]"])
        self.bind(region, "int", self.call(region, "total", [value]))

    def write_outputs(self, region: Region) -> None:
        a = self.number(region)
        first, second = self.fresh("v"), self.fresh("v")
        way = self.pick(3)
        if way == 0:
            self.line(region, f"{first}, {second} = {self.call(region, 'two', [a])}")
            region.variables += [Variable(first, "int"), Variable(second, "str")]
        elif way == 1:
            self.line(region, f"{first}, {second} = {self.call(region, 'named', [a])}")
            region.variables += [Variable(first, "int"), Variable(second, "int")]
        else:
            both = self.fresh("v")
            self.line(region, f"{both} = {self.call(region, 'named', [a, 'y=' + self.number(region)])}")
            self.line(region, f"{first} = {both}[1]")
            region.variables += [Variable(first, "int")]

    def write_dict(self, region: Region) -> None:
        ways = [f'{{"a": {self.number(region)}, "bb": {self.number(region)}}}', f"dict(a={self.number(region)}, c=4)"]
        self.bind(region, "int", self.call(region, "table", [self.any_of(ways)]))

    def write_nested(self, region: Region) -> None:
        """Values inside of values."""
        a, b = self.number(region), self.number(region)
        strings = [variable.name for variable in self.seen(region, "str")] or ["'s'"]
        mapped = [variable.name for kind in ("mapped", "mapped lists") for variable in self.seen(region, kind)] or [
            "[]"
        ]
        values = [
            f"[{a}, [{b}, 'x']]", f"({a}, {b}, None)", f"{{'k': [{a}], 'm': {{'n': {b}}}}}",
            f"[{a}, {self.any_of(strings)}]",
            f"{{'all': {self.any_of(mapped)}, 'one': {b}}}", self.any_of(strings), f"[({a}, 1.5), True]",
        ]  # fmt: skip
        self.bind(region, "int", self.call(region, "nested", [self.any_of(values)]))

    def write_show(self, region: Region) -> None:
        values = [variable.name for variable in region.variables]
        self.line(region, self.call(region, "show", [self.any_of(values)]))

    def write_flaky(self, region: Region) -> None:
        self.bind(region, "int", self.call(region, "flaky", [self.number(region), f'"{self.fresh("mark")}"']))

    def write_after(self, region: Region) -> None:
        waits = [
            variable.name
            for variable in region.variables
            if variable.name not in {"seed", "x", "k"} and variable.kind != "handles"
        ]
        names = [f'"{name}"' for name in self.named] or waits[:1]
        handles = [variable.name for variable in self.seen(region, "handles")]
        if not waits:
            return
        options = [*waits, *names, f"[{self.any_of(waits)}, {self.any_of(names)}]", *handles]
        self.use("add")
        self.bind(region, "int", f"add({self.number(region)}, 1, after={self.any_of(options)})")

    def write_known(self, region: Region) -> None:
        """An `if` on what is known when the pipeline is compiled."""
        condition = self.any_of([f"{region.known[0]} > 1", *region.known[1:]])
        name = self.fresh("v")
        self.line(region, f"if {condition}:")
        self.line(region, f"    {name} = {self.call(region, 'inc', [self.number(region)])}")
        self.line(region, "else:")
        self.line(region, f"    {name} = {self.call(region, 'add', [self.number(region), '1'])}")
        region.variables.append(Variable(name, "int"))

    def write_inner(self, region: Region) -> None:
        name = self.fresh("inner")
        a = self.number(region)
        with self.function(name, "@pipeline") as inside:
            self.statements(inside, 1 + self.pick(2), depth=1)
            self.line(inside, f"return {self.result(inside)}")
        self.bind(region, "int", f"{name}({a}, k={1 + self.pick(3)})")

    def write_helper(self, region: Region) -> None:
        name = self.fresh("helper")
        with self.function(name, "") as inside:
            inside.maps = False
            self.statements(inside, 1, depth=2)
            self.line(inside, f"return {self.result(inside)}")
        self.bind(region, "int", f"{name}({self.number(region)}, {self.pick(4)})")
