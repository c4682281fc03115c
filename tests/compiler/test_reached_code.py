"""The digests of the code that steps can reach: which edits change them, and which leave them as they are."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import compile_file
from flowc_compiler.passes.caching import apply_cache
from flowc_targets.package.code_package import PodDefaults, local_plan, package_files

if TYPE_CHECKING:
    from collections.abc import Mapping

FLOW = '''
import random
from functools import partial

import helpers
import tools.text as text
from flowc import FlowSpec, Parameter, resources, step
from shapes import Base, make
from tools import *

SEEN = 3
OTHER = [1, 2]
double = partial(helpers.scale, factor=2)


def local(x):
    """Doc."""
    return helpers.clean(x)


def noted(function):
    def inner(self):
        return function(self)
    return inner


class Work(FlowSpec):
    lr = Parameter("lr", default=0.1)
    epochs: int = Parameter("epochs", default=5)
    table = {"a": 1}

    def fit(self):
        return local(self.x) + SEEN

    def idle(self):
        return 1

    @step
    def start(self):
        self.x = 1
        self.next(self.a, self.b)

    @noted
    @resources(cpu=1)
    @step
    def a(self):
        self.y = self.fit()
        self.next(self.join)

    @step
    def b(self):
        self.y = make("square").area() + text.length("x") + double(3)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.z = getattr(helpers, "picked")() + starred(1)
        self.next(self.end)

    @step
    def end(self):
        import lazy
        lazy.run()


if __name__ == "__main__":
    Work()
'''
FILES = {
    "helpers.py": """
        LIMIT = 3
        REGISTRY = {}

        def register(function):
            REGISTRY[function.__name__] = function
            return function

        def clean(x):
            return min(x, LIMIT)

        def scale(x, factor):
            return x * factor

        def unused(x):
            return x

        def picked():
            return 1

        @register
        def plugin():
            return 1
    """,
    "shapes.py": """
        class Base:
            def area(self):
                return 0

        class Square(Base):
            def area(self):
                return 4

        def make(kind):
            return next(item for item in Base.__subclasses__() if item.__name__.lower() == kind)()
    """,
    "tools/__init__.py": """
        from tools.stars import starred
    """,
    "tools/stars.py": """
        def starred(x):
            return x
        def unstarred(x):
            return x
    """,
    "tools/text.py": """
        def length(value):
            return len(value)
        def other(value):
            return value
    """,
    "lazy.py": """
        import deep
        def run():
            return deep.value()
    """,
    "deep.py": """
        def value():
            return 1
        def more():
            return 2
    """,
}
ALL = {"start", "a", "b", "join", "end"}
Edit = tuple[str, str, str, set[str]]
R = "\n            return"
EDITS: dict[str, Edit] = {
    "comment": ("flow.py", "self.x = 1", "self.x = 1  # one", set()),
    "moved_lines": ("flow.py", "SEEN = 3", "\n\nSEEN = 3\n", set()),
    "quotes": ("flow.py", '"square"', "'square'", set()),
    "brackets": ("flow.py", "return local(self.x) + SEEN", "return (local(self.x)\n                + SEEN)", set()),
    "docstring": ("flow.py", '"""Doc."""', '"""Another."""', set()),
    "own_step": ("flow.py", "self.x = 1", "self.x = 2", {"start"}),
    "resources": ("flow.py", "cpu=1", "cpu=2", set()),
    "own_decorator": ("flow.py", "return function(self)", "return function(self) or 1", {"a"}),
    "helper_method": ("flow.py", "+ SEEN", "- SEEN", {"a"}),
    "idle_method": ("flow.py", "return 1\n", "return 2\n", set()),
    "constant": ("flow.py", "SEEN = 3", "SEEN = 4", {"a"}),
    "idle_constant": ("flow.py", "OTHER = [1, 2]", "OTHER = [1, 2, 3]", set()),
    "class_data": ("flow.py", '{"a": 1}', '{"a": 2}', ALL),
    "parameter_default": ("flow.py", "default=0.1", "default=0.2", set()),
    "default_of_an_annotated_parameter": ("flow.py", "default=5", "default=6", set()),
    "a_partial": ("flow.py", "factor=2", "factor=3", {"b"}),
    "unused_import_of_python": ("flow.py", "import random", "import random\nimport json", set()),
    "statement": ("flow.py", "SEEN = 3", "random.seed(1)\nSEEN = 3", ALL),
    "statement_in_a_module": ("helpers.py", "LIMIT = 3", "LIMIT = 3\nprint(LIMIT)", ALL),
    "through_a_module": ("helpers.py", "return min(x, LIMIT)", "return max(x, LIMIT)", {"a"}),
    "constant_of_a_module": ("helpers.py", "LIMIT = 3", "LIMIT = 4", {"a"}),
    "used_by_a_variable": ("helpers.py", "return x * factor", "return factor * x", {"b"}),
    "not_reached_in_a_module": ("helpers.py", f"unused(x):{R} x", f"unused(x):{R} -x", set()),
    "new_function": ("helpers.py", "def unused(x):", "def fresh():\n            pass\n\n        def unused(x):", set()),
    "by_getattr": ("helpers.py", f"picked():{R} 1", f"picked():{R} 2", {"join"}),
    "registered": ("helpers.py", f"def plugin():{R} 1", f"def plugin():{R} 2", ALL),
    "subclass": ("shapes.py", "return 4", "return 5", {"b"}),
    "function_of_a_package": ("tools/text.py", "return len(value)", "return len(value) + 1", {"b"}),
    "neighbor_in_a_package": ("tools/text.py", "return value", "return value + 1", set()),
    "star_import": ("tools/stars.py", f" starred(x):{R} x", f" starred(x):{R} 1", {"join"}),
    "beside_a_star_import": ("tools/stars.py", f"unstarred(x):{R} x", f"unstarred(x):{R} 1", set()),
    "imported_in_a_step": ("deep.py", "return 1", "return 3", {"end"}),
    "beside_that": ("deep.py", "return 2", "return 3", set()),
    "statement_in_a_lazy_module": ("deep.py", "def value", "print(1)\n        def value", {"end"}),
    "computed_getattr": ("flow.py", 'getattr(helpers, "picked")', "getattr(helpers, 'pi' + 'cked')", {"join"}),
    "image": ("flow.py", "@resources(cpu=1)", "@resources(cpu=1)\n    @kubernetes(image='x')", set()),
}  # fmt: skip


def digests(folder: Path, change: Edit | None = None) -> Mapping[str, tuple[str, str]]:
    """By step, the digests of its code and of its environment."""
    for name, text in {"flow.py": FLOW, **FILES}.items():
        if change is not None and change[0] == name:
            assert text.count(change[1]) >= 1, "the edit is of nothing"
            text = text.replace(change[1], change[2], 1)  # noqa: PLW2901
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).replace("resources, step", "kubernetes, resources, step"))
    found = compile_file(folder / "flow.py")
    plan = local_plan(apply_cache(found.flow, cache=True, sink=DiagnosticSink()), found.source)
    return {name: (step["cache"]["code"], step["cache"]["environment"]) for name, step in plan["steps"].items()}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_the_steps_that_reach_it(name: str, tmp_path: Path) -> None:
    before = digests(tmp_path / "before")
    after = digests(tmp_path / "after", EDITS[name])
    assert {step for step in before if before[step][0] != after[step][0]} == EDITS[name][3]


def test_the_environment_is_that_of_the_step(tmp_path: Path) -> None:
    before, after = digests(tmp_path / "before"), digests(tmp_path / "after", EDITS["image"])
    assert {step for step in before if before[step][1] != after[step][1]} == {"a"}


def test_variables_of_all_pods_are_part_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(SMALL.format(used="1").replace("import a, b, sys", ""))
    found = compile_file(tmp_path / "flow.py")
    flow = apply_cache(found.flow, cache=True, sink=DiagnosticSink())

    def environment(**env: str) -> str:
        files = package_files(flow, found.source, pods=PodDefaults(env=env))
        return str(json.loads(files["plan.json"])["steps"]["start"]["cache"]["environment"])

    assert environment(MODE="a") == environment(MODE="a", FLOWC_CACHE="off")
    assert len({environment(), environment(MODE="a"), environment(MODE="b")}) == 3


def test_code_that_may_reach_all_has_all(tmp_path: Path) -> None:
    """With a computed getattr, a change of what no step names counts for that step."""
    escaping = EDITS["computed_getattr"]
    first = digests(tmp_path / "first", escaping)
    FILES["deep.py"], kept = FILES["deep.py"].replace("return 2", "return 4"), FILES["deep.py"]
    try:
        second = digests(tmp_path / "second", escaping)
    finally:
        FILES["deep.py"] = kept
    assert {step for step in first if first[step] != second[step]} == {"join"}


SMALL = """
from flowc import FlowSpec, step
import a, b, sys

class Work(FlowSpec):
    @step
    def start(self):
        self.z = {used}
        self.next(self.end)

    @step
    def end(self):
        pass
"""
PLUGIN = "\ndef register(f):\n    {keep}\n    return f\n@register\ndef plugin():\n    return 1\n"
DATACLASS = "import dataclasses\n@dataclasses.dataclass\nclass Own:\n    x: int = 0\n{more}MADE = Own(x=1)\n"
F, G, F2 = "def f():\n    return 1\n", "def g():\n    return 2\n", "def f():\n    return 2\n"
RUN = "    def run(self):\n        return 1\n"
CHANGED = ("return 1", "return 2")
# What the step uses, the module `a`, an edit of it, and whether the step's digest changes.
EXECUTED: dict[str, tuple[str, str, tuple[str, str], bool]] = {
    "a_name_that_is_bound_again": ("a.X", "X = 1\nX = 2\n", ("X = 1\nX = 2", "X = 2\nX = 1"), True),
    "a_function_that_is_defined_again": ("a.f()", F + F2, (F + F2, F2 + F), True),
    "made_of_a_name_that_is_bound_again": (
        "a.Y", "X = 1\nY = X + 1\nX = 5\n", ("Y = X + 1\nX = 5", "X = 5\nY = X + 1"), True
    ),
    "statements": ("a.X", "X = []\nX.append(1)\nX.append(2)\n", ("1)\nX.append(2)", "2)\nX.append(1)"), True),
    "a_copy_before_a_statement": (
        "a.Y", "X = [0]\nY = list(X)\nX.append(1)\n", ("Y = list(X)\nX.append(1)", "X.append(1)\nY = list(X)"), True
    ),
    "a_default_before_a_statement": (
        "a.f()", "X = [0]\ndef f(n=len(X)):\n    return n\nX.append(1)\n",
        ("def f(n=len(X)):\n    return n\nX.append(1)", "X.append(1)\ndef f(n=len(X)):\n    return n"), True,
    ),
    "functions": ("a.f()", F + G, (F + G, G + F), False),
    "constants": ("a.X", "X = 1\nY = 2\n", ("X = 1\nY = 2\n", "Y = 2\nX = 1\n"), False),
    "a_text_for_a_number": ("a.X", "X = 'int 1'\n", ("'int 1'", "1"), True),
    "a_base_that_notes_classes": (
        "a.KEPT",
        "KEPT = {}\nclass Base:\n    def __init_subclass__(cls):\n        KEPT[0] = cls\nclass Own(Base):\n" + RUN,
        CHANGED, True,
    ),
    "a_metaclass": (
        "a.KEPT",
        "KEPT = {}\nclass Meta(type):\n    def __init__(cls, *_):\n        KEPT[0] = cls\n"
        "class Own(metaclass=Meta):\n" + RUN, CHANGED, True,
    ),
    "a_metaclass_of_python": ("1", "import abc\nclass Own(metaclass=abc.ABCMeta):\n" + RUN, CHANGED, False),
    "a_statement_in_a_class": ("1", "import os\nclass Own:\n    os.environ['A'] = 'x'\n", ("'x'", "'y'"), True),
    "a_decorator_that_calls_another": (
        "a.KEPT", "KEPT = []\ndef note(f):\n    KEPT.append(f)" + PLUGIN.format(keep="note(f)"), CHANGED, True
    ),
    "a_decorator_with_a_class": (
        "a.Kept.all", "class Kept:\n    all = []" + PLUGIN.format(keep="Kept.all.append(f)"), CHANGED, True
    ),
    "a_decorator_with_an_attribute": (
        "a.register.all", PLUGIN.format(keep="register.all.append(f)").replace("@", "register.all = []\n@"), CHANGED,
        True,
    ),
    "a_decorator_that_keeps_nothing": ("1", "import time" + PLUGIN.format(keep="time.time()"), CHANGED, False),
    "a_dataclass": ("1", DATACLASS.format(more=""), ("x=1", "x=2"), False),
    "a_dataclass_that_is_used": ("a.MADE", DATACLASS.format(more=""), ("x=1", "x=2"), True),
    "a_dataclass_that_runs_code": (
        "1", DATACLASS.format(more="    def __post_init__(self):\n        print(self.x)\n"), ("x=1", "x=2"), True
    ),
    "a_named_tuple": (
        "1", "from typing import NamedTuple\nclass Own(NamedTuple):\n    x: int = 0\nMADE = Own(x=1)\n",
        ("x=1", "x=2"), False,
    ),
    "a_method_of_a_class": (
        "1", "class Own:\n    x = 0\n    @classmethod\n    def make(cls):\n        return cls()\nMADE = Own.make()\n",
        ("x = 0", "x = 1"), True,
    ),
    "a_docstring_that_a_base_may_read": (
        "a.Own", 'import pydantic\nclass Own(pydantic.BaseModel):\n    """one"""\n', ("one", "two"), True
    ),
    "a_docstring_of_a_class": ("a.Own", 'class Own:\n    """one"""\n', ("one", "two"), False),
    "an_import_of_a_local_module": ("1", "X = 1\n", ("X = 1\n", "import b\nX = 1\n"), False),
    "globals_of_a_function": ("a.g.__globals__['f']()", F + G, CHANGED, True),
    "another_name_of_import_module": (
        "a.load('b')", "from importlib import import_module as load\nX = 1\n", ("X = 1", "X = 2"), True
    ),
}  # fmt: skip


def small_digest(folder: Path, used: str, module: str, other: str = G) -> str:
    """The digest of the code of the step `start`, with the modules `a` and `b`."""
    folder.mkdir()
    for name, text in {"flow.py": SMALL.format(used=used), "a.py": module, "b.py": other}.items():
        (folder / name).write_text(text)
    found = compile_file(folder / "flow.py")
    plan = local_plan(apply_cache(found.flow, cache=True, sink=DiagnosticSink()), found.source)
    return str(plan["steps"]["start"]["cache"]["code"])


@pytest.mark.parametrize("name", EXECUTED)
def test_what_executing_a_module_does_counts(name: str, tmp_path: Path) -> None:
    used, module, (old, new), changes = EXECUTED[name]
    assert old in module, "the edit is of nothing"
    before = small_digest(tmp_path / "before", used, module)
    assert (small_digest(tmp_path / "after", used, module.replace(old, new, 1)) != before) == changes


@pytest.mark.parametrize("used", ["(a.X, b.X)", "(a.f(), b.f())"])
def test_modules_that_change_places_are_others(used: str, tmp_path: Path) -> None:
    one, two = "X = 1\n" + F, "X = 2\n" + F2
    assert small_digest(tmp_path / "before", used, one, two) != small_digest(tmp_path / "after", used, two, one)


def test_the_work_is_linear_and_not_recursive(tmp_path: Path) -> None:
    lines = ["from flowc import FlowSpec, step"]
    lines += [f"def f{at}(x):\n    return f{at + 1}(x)" for at in range(3000)]
    lines += ["def f3000(x):\n    return f0(x)", "class Deep(FlowSpec):", "    @step", "    def start(self):"]
    lines += [
        "        self.x = f0(1)",
        "        self.next(self.end)",
        "    @step",
        "    def end(self):",
        "        pass",
    ]
    (tmp_path / "flow.py").write_text("\n".join(lines))
    found = compile_file(tmp_path / "flow.py")
    plan = local_plan(apply_cache(found.flow, cache=True, sink=DiagnosticSink()), found.source)
    assert plan["steps"]["start"]["cache"]["code"] != plan["steps"]["end"]["cache"]["code"]
