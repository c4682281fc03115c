"""Writes random pipelines as users write them: the text of a file that flowc compiles and `eager` runs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.pipelines.maps import Maps
from tests.pipelines.page import Region, Variable
from tests.pipelines.stepfile import FLOWC, FLOWC_RETRY, HEAD, STEPS, ZENML, ZENML_RETRY

if TYPE_CHECKING:
    from collections.abc import Callable


class Writer(Maps):
    """One file: `text`."""

    def __init__(self, pick: Callable[[int], int], *, failing: bool = False) -> None:
        super().__init__(pick)
        self._failing = failing
        self.text = self._file()

    def _file(self) -> str:
        region = Region([Variable("seed", "int")])
        self.lines = []
        self.line(region, "base = inc(seed)")
        self.use("inc")
        region.variables.append(Variable("base", "int"))
        self.statements(region, 2 + self.pick(6))
        if self._failing:
            self.line(region, f"{self.call(region, 'broken', [self.number(region)])}")
        body = self.lines
        zenml = self.chance(3)
        steps = [STEPS[name] for name in self.functions]
        if zenml:
            steps = [step.replace(FLOWC_RETRY, ZENML_RETRY) for step in steps]
        parts = [HEAD.format(imports=ZENML if zenml else FLOWC), *steps, *self.extra]
        decorator = self.any_of(["@pipeline", "@pipeline(enable_cache=False)", "@pipeline()"])
        width = self.any_of(["width", "width: int"])
        head = f"\n\n{decorator}\ndef main(seed: int, {width}, flag: bool = True, word: str = 'w'):\n"
        call = self.any_of(
            ["main(3, width=2)", "main(seed=4, width=3, flag=False)", "main(5, 1, word='v')", "main(2, 0)"]
        )
        guard = self.chance(2)
        end = f'\n\nif __name__ == "__main__":\n    {call}\n' if guard else f"\n\n{call}\n"
        return "\n".join(parts) + head + "\n".join(body) + end

    def statements(self, region: Region, count: int, depth: int = 0) -> None:
        for _ in range(count):
            self._statement(region, depth)

    def _statement(self, region: Region, depth: int) -> None:
        simple = [
            self.write_call, self.write_call, self.write_load, self.write_handles, self.write_reduce,
            self.write_outputs, self.write_dict, self.write_nested, self.write_show, self.write_loop,
            self.write_waiting, self.write_pairs, self.write_dict_comprehension,
            self.write_text, self.write_sums, self.write_tuple, self.write_copy,
        ]  # fmt: skip
        maps = [
            self.write_map, self.write_map, self.write_chain, self.write_chain, self.write_zip,
            self.write_product, self.write_map_outputs, self.write_map_expand,
        ]  # fmt: skip
        outer = [self.write_flaky, self.write_inner, self.write_helper, self.write_known, self.write_after]
        kinds: list[Callable[[Region], None]] = list(simple)
        if region.maps:
            kinds += maps
        if not region.explicit:
            kinds += outer
        if depth < 2:
            kinds += [partial(self.write_switch, depth=depth)] * 2
        if region.maps and depth == 0:
            kinds += [self.write_map_pipeline] * 2
            kinds += [self.write_map_of_maps, self.write_map_nothing, self.write_map_whole]
        kinds[self.pick(len(kinds))](region)

    def write_switch(self, region: Region, depth: int) -> None:
        """An `if` on a result. A variable that every arm gives a value, and one that some arms change."""
        first, name = self.result(region), self.fresh("v")
        outer = self.any_of([variable.name for variable in self.seen(region, "int")] + [""])
        outer = "" if outer in {"seed", "x", "k", "base"} else outer
        tests = self._tests(first)
        arms = 1 + self.pick(2)
        words = ["if", *["elif"] * (arms - 1)]
        for word in words:
            self.line(region, f"{word} {self.any_of(tests)}:")
            self._arm(region, name, outer, depth)
        if self.chance(4):
            return
        self.line(region, "else:")
        if self.chance(4):
            self.line(region, "    pass")
            return
        self._arm(region, name, outer, depth)
        region.variables.append(Variable(name, "int"))

    def _tests(self, first: str) -> list[str]:
        return [
            f"{first} > 50", f"{first} == 3", f"{first}", f"not {first}", f"{first} > 10 and {first} < 500",
            f"20 <= {first}",
            f"{first} in (1, 10, 19)", f"{first} != 10 or {first} > 3",
        ]  # fmt: skip

    def _arm(self, region: Region, name: str, outer: str, depth: int) -> None:
        inside = Region(list(region.variables), region.indent + 1, explicit=True, maps=region.maps, known=region.known)
        self.statements(inside, self.pick(3), depth + 1)
        value = self.any_of([self.number(inside), self.call(inside, "inc", [self.number(inside)]), "7"])
        self.line(inside, f"{name} = {value}")
        if outer and self.chance(2):
            self.line(inside, f"{outer} = {self.call(inside, 'inc', [outer])}")
