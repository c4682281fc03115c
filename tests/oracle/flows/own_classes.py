import collections
import dataclasses
import enum

from metaflow import FlowSpec, catch, step

Point = collections.namedtuple("Point", "x y")


class Color(enum.Enum):
    RED = 1


class Refused(Exception):
    def __init__(self, code, detail):
        super().__init__(code, detail)
        self.code = code


class Unprintable(Exception):
    def __str__(self):
        return f"unprintable {self.args[0]!r}"


@dataclasses.dataclass
class Record:
    name: str
    parts: list = dataclasses.field(default_factory=list)


class Weird:
    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        return Weird, (self.value + 1,)

    def __eq__(self, other):
        raise RuntimeError("never compare")


class ClassesFlow(FlowSpec):
    """Values of classes that the flow's own file defines."""

    DEFAULT = Record("constant")

    @step
    def start(self):
        self.point = Point(1, 2)
        self.color = Color.RED
        self.record = Record("r", [Point(3, 4)])
        self.weird = Weird(1)
        self.refused = Refused(3, "no")
        self.records = [Record("a"), Record("b")]
        self.next(self.child, foreach="records")

    @catch(var="failure", print_exception=False)
    @step
    def child(self):
        self.record.parts.append(self.input.name)
        self.told = [str(self.point), str(self.color), str(self.record), self.weird.value, self.refused.code, self.DEFAULT.name]
        self.same = [self.color is Color.RED, isinstance(self.record, Record), type(self.input).__name__]
        if self.index == 1:
            raise Unprintable(self.input)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.told = [each.told for each in inputs]
        self.failures = [each.failure.exception if each.failure else None for each in inputs]
        self.kinds = [each.failure.type.rpartition(".")[2] if each.failure else None for each in inputs]
        self.merge_artifacts(inputs, exclude=["record", "weird", "failure", "same"])
        self.next(self.end)

    @step
    def end(self):
        self.last = [self.point.x, self.color.name, self.refused.args]


if __name__ == "__main__":
    ClassesFlow()
