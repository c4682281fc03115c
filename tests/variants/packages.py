"""Where a flow's code comes from: packages, folders above, `sys.path`, names of the standard library, scripts.

The oracle is plain Python with the project's folder on its path: `reference` has the same code as the flow, and prints
what the flow's two steps print.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from tests.variants.variant import Variant

_FLOW = """
from flowc import FlowSpec, step


class F(FlowSpec):
    @step
    def start(self):
        print("RESULT start", answer())
        self.next(self.end)

    @step
    def end(self):
        print("RESULT end", answer())
"""
_REFERENCE = """
print("RESULT start", answer())
print("RESULT end", answer())
"""
_VALUE = "def value():\n    return __name__\n"
_INIT = "inits = []\n"
_RUN = """
import subprocess
import sys


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


"""


def _variant(
    name: str, code: str, files: Mapping[str, str], flow: str = "flow.py", *, module: str = "", folder: str = "."
) -> Variant:
    """A flow with some code, which defines `answer`. `module` is its name for Python where it is no script."""
    place = flow.rpartition("/")[0]
    reference = f"{place}/reference_.py" if place else "reference_.py"
    all_files = {**files, flow: f"{code}\n{_FLOW}", reference: f"{code}\n{_REFERENCE}"}
    if module:
        asked = f"{module.rpartition('.')[0]}.reference_"
        all_files["ask.py"] = f"import runpy\n\nrunpy.run_module({asked!r}, run_name='__main__')\n"
    return Variant(name, all_files, flow, folder, oracle="python", reference="ask.py" if module else reference)


def _answer(expression: str, head: str = "") -> str:
    return f"{head}\n\n\ndef answer():\n    return {expression}\n"


def _folders() -> Iterator[Variant]:
    """Packages beside the flow, with and without `__init__.py`."""
    forms = {
        "from_package": ("from pkg import mod", "mod.value()"),
        "dotted": ("import pkg.mod", "pkg.mod.value()"),
        "as_name": ("import pkg.mod as other", "other.value()"),
        "from_module": ("from pkg.mod import value", "value()"),
        "in_function": ("def other():\n    import pkg.mod\n    return pkg.mod.value()", "other()"),
        "by_literal": ("import importlib\nmod = importlib.import_module('pkg.mod')", "mod.value()"),
        "in_try": ("try:\n    import pkg.mod as mod\nexcept ImportError:\n    mod = None", "mod.value()"),
    }
    for (name, (head, expression)), regular in product(forms.items(), (False, True)):
        files = {"pkg/mod.py": _VALUE} | ({"pkg/__init__.py": _INIT} if regular else {})
        yield _variant(f"folder_{name}_{'init' if regular else 'bare'}", _answer(expression, head), files)
    deep = {"pkg/sub/mod.py": _VALUE, "pkg/sub/deep/__init__.py": "from ..mod import value\n"}
    yield _variant("bare_in_bare", _answer("mod.value()", "from pkg.sub import mod"), deep)
    yield _variant("init_in_bare", _answer("value()", "from pkg.sub.deep import value"), deep)
    yield _variant("bare_in_init", _answer("mod.value()", "from pkg.sub import mod"), {**deep, "pkg/__init__.py": ""})
    relative = {
        "pkg/a.py": "from . import b\nfrom .sub.c import value as c\n\n\ndef value():\n    return b.value(), c()\n"
    }
    relative |= {"pkg/b.py": _VALUE, "pkg/sub/c.py": "from ..b import value\n"}
    yield _variant("relative_in_bare", _answer("value()", "from pkg.a import value"), relative)
    yield _variant(
        "only_for_types", _answer("True", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import gone"), {}
    )
    optional = "try:\n    import not_there\nexcept ImportError:\n    not_there = None"
    yield _variant("optional_missing", _answer("not_there", optional), {})
    yield _variant(
        "place",
        _answer("os.path.basename(mod.__file__), os.path.exists(mod.__file__)", "import os\nfrom pkg import mod"),
        {"pkg/mod.py": _VALUE},
    )
    yield _variant(
        "other_folder", _answer("mod.value()", "from pkg import mod"), {"flows/pkg/mod.py": _VALUE}, "flows/flow.py"
    )


def _stars() -> Iterator[Variant]:
    """Star imports of packages."""
    code = _answer(
        "load(), sorted(name for name in globals() if name in ('load', '_hidden', 'extra'))", "from pkg import *"
    )
    names = "def load():\n    return 3\n\n\ndef _hidden():\n    return 4\n\n\nextra = 5\n"
    inits = {
        "star_of_init": "from .a import *\n",
        "star_listed": "__all__ = ['load']\nfrom .a import load, extra\n",
        "star_added": "from .a import *\nfrom . import a\n__all__ = ['load']\n__all__ += ['extra']\n",
    }
    for name, init in inits.items():
        yield _variant(name, code, {"pkg/__init__.py": init, "pkg/a.py": names})
    submodules = {"pkg/__init__.py": "__all__ = ['a', 'b']\n", "pkg/a.py": _VALUE, "pkg/b.py": _VALUE}
    yield _variant("star_of_submodules", _answer("a.value(), b.value()", "from pkg import *"), submodules)
    base = """
        from flowc import FlowSpec, step


        class Base(FlowSpec):
            @step
            def start(self):
                print("RESULT start", type(self).__mro__[1].__name__)
                self.next(self.end)

            @step
            def end(self):
                print("RESULT end")
        """
    heads = {
        "star": ("", "from bases import *"),
        "relative": ("jobs/", "from ..bases import Base"),
        "above": ("jobs/", "from shop.bases import Base"),
        "module": ("", "import bases\n\nBase = bases.Base"),
    }
    for (name, (place, head)), here in product(heads.items(), (False, True)):
        folder = f"shop/{place}".rstrip("/")
        files = {f"{folder}/flow.py": f"{head}\n\n\nclass F(Base):\n    pass\n"}
        files |= {"shop/bases/__init__.py": "from .inner import *\n", "shop/bases/inner.py": base}
        yield Variant(
            f"base_{name}_{'inside' if here else 'outside'}", files, f"{folder}/flow.py", folder if here else ".",
            expected=("RESULT end", "RESULT start Base"),
        )  # fmt: skip


def _above() -> Iterator[Variant]:
    """A package above the flow's folder, one and two levels up."""
    places = {"one": "shop/flows/flow.py", "two": "shop/jobs/flows/flow.py"}
    inits = {
        "bare": (),
        "all": ("shop", "shop/jobs", "shop/flows", "shop/jobs/flows"),
        "some": ("shop/flows", "shop/jobs/flows"),
    }
    heads = {
        "name": ("from shop.util import value", "value()"),
        "module": ("import shop.util", "shop.util.value()"),
        "member": ("from shop import util", "util.value()"),
    }
    for (levels, flow), (init, packages), (form, (head, expression)) in product(
        places.items(), inits.items(), heads.items()
    ):
        files = {
            "shop/util.py": _VALUE,
            **{f"{item}/__init__.py": "" for item in packages if flow.startswith(f"{item}/")},
        }
        if init == "bare" or form != "member" or levels == "one":
            yield _variant(f"above_{levels}_{init}_{form}", _answer(expression, head), files, flow)
    both = {"shop/util.py": _VALUE, "shop/flows/beside.py": _VALUE}
    head = "from beside import value as beside\nfrom shop.util import value"
    for regular in (False, True):
        more = {"shop/__init__.py": "", "shop/flows/__init__.py": ""} if regular else {}
        name = "init" if regular else "bare"
        yield _variant(
            f"beside_and_above_{name}", _answer("beside(), value()", head), {**both, **more}, "shop/flows/flow.py"
        )
        through = {**both, **more, "shop/flows/beside.py": "from shop.util import value\n"}
        yield _variant(
            f"above_by_beside_{name}", _answer("value()", "from beside import value"), through, "shop/flows/flow.py"
        )
        back = {**both, **more, "shop/util.py": "from beside import value\n"}
        yield _variant(
            f"beside_by_above_{name}", _answer("value()", "from shop.util import value"), back, "shop/flows/flow.py"
        )
        relative = "from .beside import value as beside\nfrom ..util import value"
        yield _variant(
            f"relative_{name}", _answer("beside(), value(), __package__", relative), {**both, **more},
            "shop/flows/flow.py", module="shop.flows.flow",
        )  # fmt: skip
    sibling = {"steps/load.py": _VALUE, "steps/__init__.py": ""}
    yield _variant("sibling", _answer("value()", "from steps.load import value"), sibling, "pipelines/flow.py")
    yield _variant(
        "sibling_far", _answer("value()", "from lib.load import value"), {"lib/load.py": _VALUE}, "a/b/flow.py"
    )
    halves = {"pkg/one.py": _VALUE, "flows/pkg/two.py": _VALUE}
    yield _variant(
        "namespace_in_two_places",
        _answer("one.value(), two.value()", "from pkg import one, two"),
        halves,
        "flows/flow.py",
    )
    yield _variant(
        "inside", _answer("value()", "from shop.util import value"), both, "shop/flows/flow.py", folder="shop/flows"
    )


def _paths() -> Iterator[Variant]:
    """Folders that the code adds to `sys.path`."""
    head = "import os\nimport sys\nfrom pathlib import Path\n\nHERE = Path(__file__).resolve().parent\n"
    changes = {
        "append": "sys.path.append(str(HERE.parent / 'lib'))",
        "insert": "sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))",
        "extend": "sys.path.extend([str(HERE.parent / 'none'), str(HERE.parent / 'lib')])",
        "added": "sys.path += [f'{HERE.parent}/lib']",
        "slice": "sys.path[0:0] = [str(Path(__file__).parents[1] / 'lib')]",
        "assigned": "sys.path = [str(HERE.parent.joinpath('lib')), *sys.path]",
        "loop": "for name in ('none', 'lib'):\n    sys.path.append(str(HERE.parent / name))",
        "condition": "if str(HERE.parent / 'lib') not in sys.path:\n    sys.path.insert(1, str(HERE.parent / 'lib'))",
        "function": "def add(place):\n    sys.path.append(place)\n\n\nsys.path.append(str(HERE.parent / 'lib'))",
        "site": "import site\n\nsite.addsitedir(str(HERE.parent / 'lib'))",
        "dirname": "sys.path.append(os.path.dirname(os.path.dirname(os.path.realpath(__file__))) + '/lib')",
    }
    files = {
        "lib/helper.py": "import deeper\nfrom space.mod import value\n",
        "lib/deeper.py": "",
        "lib/space/mod.py": _VALUE,
    }
    for name, change in changes.items():
        code = _answer("value()", f"{head}\n{change}\n\nfrom helper import value")
        yield _variant(f"path_{name}", code, files, "flows/flow.py")
    by_helper = {**files, "flows/paths.py": f"{head}\n{changes['append']}\n"}
    yield _variant(
        "path_of_a_module", _answer("value()", "import paths\nfrom helper import value"), by_helper, "flows/flow.py"
    )
    yield _variant(
        "path_of_work", _answer("value()", "import sys\nsys.path.append('lib')\nfrom helper import value"), files
    )


def _shadows() -> Iterator[Variant]:
    """Files with names of the standard library, beside the flow and as the flow."""
    for name in ("json", "types", "random", "gc", "site", "queue", "calendar"):
        code = _answer(f"hasattr({name}, 'value'), {name}.__name__", f"import {name}\nimport sys")
        yield _variant(f"beside_{name}", code, {f"{name}.py": _VALUE})
        named = _answer("os.path.basename(__file__)", "import os\nimport tempfile")
        files = {f"jobs/{name}.py": f"{named}\n{_FLOW}"}
        right = tuple(f"RESULT {step} {name}.py" for step in ("end", "start"))
        yield Variant(f"flow_{name}", files, f"jobs/{name}.py", expected=right)
    package = {"email/__init__.py": "", "email/mod.py": _VALUE}
    yield _variant("package_email", _answer("mod.value()", "from email import mod"), package)
    used = {
        "queue.py": "import heapq\nfrom other import value\n",
        "other.py": "import queue\n\n\ndef value():\n    return queue.__name__, hasattr(queue, 'Queue')\n",
    }
    yield _variant("shadow_in_modules", _answer("queue.value()", "import queue"), used)


def _scripts() -> Iterator[Variant]:
    """Scripts that a step starts by a literal name."""
    script = "import helper\n\nprint(helper.value())\n"
    files = {"train.py": script, "helper.py": _VALUE}
    ways = {
        "started": "run(*[sys.executable, 'train.py'])",
        "in_text": "run(*f'{sys.executable} train.py'.split())",
        "by_place": "run(sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'train.py'))",
        "as_module": "run(*[sys.executable, '-m', 'train'])",
        "run_path": "sorted(runpy.run_path('train.py'))[-1]",
        "shell": "run('sh', 'train.sh')",
    }
    for name, way in ways.items():
        more = {"train.sh": "echo $(cat train.py | wc -l)\n"} if name == "shell" else {}
        yield _variant(f"script_{name}", _answer(way, f"{_RUN}import os\nimport runpy\n"), {**files, **more})
    inside = {"tools/train.py": script, "tools/helper.py": _VALUE}
    yield _variant("script_in_folder", _answer("run(*[sys.executable, 'tools/train.py'])", _RUN), inside)
    above = {"train.py": "from shop.util import value\n\nprint(value())\n", "shop/util.py": _VALUE}
    flow = "shop/flows/flow.py"
    code = _answer("run(*[sys.executable, 'train.py']), value()", f"{_RUN}from shop.util import value\n")
    yield _variant(
        "script_with_above", code, {**above, "shop/flows/train.py": above["train.py"]}, flow, folder="shop/flows"
    )


VARIANTS = (*_folders(), *_stars(), *_above(), *_paths(), *_shadows(), *_scripts())
