"""Maps in random pipelines."""

from __future__ import annotations

from tests.pipelines.loops import Loops
from tests.pipelines.page import Region, Variable


class Maps(Loops):
    """Writes statements that map steps over lists and over what maps gave."""

    def mappable(self, region: Region) -> Variable:
        """A variable that can be mapped over."""
        lists = [*self.seen(region, "list"), *self.seen(region, "handles")]
        if not lists or self.chance(4):
            self.write_load(region)
            return region.variables[-1]
        return lists[self.pick(len(lists))]

    def mapped(self, region: Region) -> Variable:
        mapped = self.seen(region, "mapped")
        if not mapped:
            self.write_map(region)
            return region.variables[-1]
        return mapped[self.pick(len(mapped))]

    def write_map(self, region: Region) -> None:
        source = self.mappable(region)
        function = self.copy(region, self.any_of(["inc", "single", "inc"]))
        second = (
            self.any_of(["", f", by=unmapped({self.number(region)})", ", by=2"]) if function.startswith("inc") else ""
        )
        value = self.any_of([source.name, source.name, f"x={source.name}"])
        self.bind(region, "mapped", f"{function}.map({value}{second})", source.name)

    def write_chain(self, region: Region) -> None:
        mapped = self.mapped(region)
        function = self.copy(region, "inc")
        second = self.any_of(["", f", by=unmapped({self.number(region)})", f", {mapped.name}"])
        self.bind(region, "mapped", f"{function}.map({mapped.name}{second})", mapped.source)

    def write_zip(self, region: Region) -> None:
        mapped = self.mapped(region)
        same = [item.name for item in self.seen(region, "mapped") if item.source == mapped.source]
        other = self.any_of([*same, mapped.source])
        function = self.copy(region, "add")
        self.bind(region, "mapped", f"{function}.map({mapped.name}, b={other})", mapped.source)

    def write_product(self, region: Region) -> None:
        first, second = self.mappable(region).name, self.mappable(region).name
        function = self.copy(region, "add")
        text = self.any_of([f"{function}.product({first}, {second})", f"{function}.product(b={first}, a={second})"])
        name = self.bind(region, "mapped", text)
        region.variables[-1] = Variable(name, "mapped", name)

    def write_map_outputs(self, region: Region) -> None:
        source = self.mappable(region)
        function = self.copy(region, "named")
        first, second = self.fresh("v"), self.fresh("v")
        self.line(region, f"{first}, {second} = {function}.map({source.name}).unpack()")
        region.variables += [Variable(first, "mapped", source.name), Variable(second, "mapped", source.name)]

    def write_map_expand(self, region: Region) -> None:
        """A map of lists, and over these again: a list is an item."""
        source = self.mappable(region)
        function, last = self.copy(region, "expand"), self.copy(region, "total")
        name = self.bind(region, "mapped lists", f"{function}.map({source.name})", source.name)
        if self.chance(2):
            self.bind(region, "mapped", f"{last}.map({name})", source.name)

    def write_map_pipeline(self, region: Region) -> None:
        name, source = self.fresh("each"), self.mappable(region)
        with self.function(name, "@pipeline", explicit=True) as inside:
            self.statements(inside, 1 + self.pick(3), depth=1)
            if self.chance(2):
                self.write_map_expand_one(inside)
            # What a mapped pipeline gives is what one of its steps gives.
            self.line(inside, f"return {self.call(inside, 'inc', [self.result(inside)])}")
        second = self.any_of(["", ", k=unmapped(3)", ", k=1", f", k=unmapped({self.number(region)})"])
        self.bind(region, "mapped", f"{name}.map({source.name}{second})", source.name)

    def write_map_expand_one(self, region: Region) -> None:
        """A foreach inside of a foreach."""
        items = self.bind(region, "list", self.call(region, "expand", ["x"]))
        inner = self.copy(region, "inc")
        name = self.bind(region, "mapped", f"{inner}.map({items})", items)
        self.bind(region, "int", self.call(region, "total", [name]))

    def write_map_of_maps(self, region: Region) -> None:
        """A mapped pipeline that gives what it mapped: a list of lists."""
        name, source = self.fresh("lists"), self.mappable(region)
        with self.function(name, "@pipeline", explicit=True) as inside:
            items = self.bind(inside, "list", self.call(inside, "expand", ["x"]))
            self.line(inside, f"return {self.copy(inside, 'inc')}.map({items}, by=k)")
        result = self.bind(region, "mapped lists", f"{name}.map({source.name})", source.name)
        if self.chance(2):
            self.bind(region, "mapped", f"{self.copy(region, 'total')}.map({result})", source.name)
        else:
            self.bind(region, "int", self.call(region, "nested", [result]))

    def write_map_nothing(self, region: Region) -> None:
        """A map and a mapped pipeline whose results nothing reads."""
        source = self.mappable(region)
        if self.chance(2):
            self.line(region, f"{self.copy(region, 'inc')}.map({source.name})")
            return
        name = self.fresh("silent")
        with self.function(name, "@pipeline", explicit=True) as inside:
            self.line(inside, self.call(inside, "show", [self.any_of(["x", "k"])]))
            self.line(inside, self.call(inside, "inc", ["x", "k"]))
        self.line(region, f"{name}.map({source.name})")

    def write_map_whole(self, region: Region) -> None:
        """A mapped result that every item is given whole."""
        mapped, source = self.mapped(region), self.mappable(region)
        name = self.fresh("whole")
        with self.function(name, "@pipeline", explicit=True) as inside:
            inside.variables = [Variable("x", "int"), Variable("k", "list")]
            total = self.bind(inside, "int", self.call(inside, "total", ["k"]))
            self.line(inside, f"return {self.call(inside, 'add', ['x', total])}")
        self.bind(region, "mapped", f"{name}.map({source.name}, unmapped({mapped.name}))", source.name)
