"""The flow's own code that tasks execute: what stands before the call of the flow, and the flow's `__init__`.

Metaflow's launching process executes these, too: so they print nothing, and the steps say what they find.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from tests.variants.variant import Variant

STEPS = """
    @step
    def start(self):
        print("RESULT start", {seen})
        self.items = [0, 1]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        print("RESULT work", self.input, {seen})
        self.next(self.join)

    @step
    def join(self, inputs):
        print("RESULT join", {seen})
        self.next(self.end)

    @step
    def end(self):
        print("RESULT end", {seen})
"""
HEAD = """\
import contextlib, functools, logging, os, random, sys, tempfile, threading
from metaflow import FlowSpec, Parameter, step

SETTINGS = {"mode": "none"}
MODE = "none"
LOG = []


def configure(mode):
    global MODE
    MODE = mode
    SETTINGS["mode"] = mode

"""
GUARD = 'if __name__ == "__main__":\n'
CONTEXT = """@contextlib.contextmanager
def configured(mode):
    configure(mode)
    yield
    configure("after")


"""

MAIN_BLOCKS: Mapping[str, tuple[str, str, str]] = {
    "environment": ("", GUARD + "os.environ['URI'] = 'http://mlflow'\nF()", "os.environ.get('URI')"),
    "item": ("", GUARD + "SETTINGS['mode'] = 'prod'\nF()", "SETTINGS['mode']"),
    "updated_dict": ("", GUARD + "SETTINGS.update(mode='prod', level=3)\nF()", "sorted(SETTINGS.items())"),
    "global_name": ("", GUARD + "MODE = 'prod'\nF()", "MODE"),
    "new_name": ("", GUARD + "SECRET = 42\nF()", "SECRET"),
    "list": ("", GUARD + "LOG.append(1)\nF()", "LOG"),
    "function": ("", GUARD + "configure('prod')\nF()", "MODE, SETTINGS['mode']"),
    "attribute_of_the_class": ("", GUARD + "F.level = 5\nF()", "self.level"),
    "attribute_of_a_helper": ("class Box:\n    x = 1\n", GUARD + "Box.x = 2\nF()", "Box.x"),
    "method": ("", GUARD + "F.extra = lambda self: 'extra'\nF()", "self.extra()"),
    "main_function": ("", "def main():\n    configure('prod')\n    F()\n\n\n" + GUARD + "main()", "MODE"),
    "main_in_main": (
        "",
        "def inner():\n    F()\n\n\ndef main():\n    configure('deep')\n    inner()\n\n\n" + GUARD + "main()",
        "MODE",
    ),
    "reversed_operands": ("", "if \"__main__\" == __name__:\n    configure('prod')\n    F()", "MODE"),
    "membership": ("", 'if __name__ in ("__main__", "other"):\n    configure(\'prod\')\n    F()', "MODE"),
    "with_else": ("", GUARD + "configure('main')\nF()\n-else:\n    configure('imported')", "MODE"),
    "negated": ("if __name__ != '__main__':\n    MODE = 'imported'\nelse:\n    MODE = 'main'\n", GUARD + "F()", "MODE"),
    "two_guards": (GUARD + "configure('first')\n", GUARD + "LOG.append(MODE)\nF()", "LOG"),
    "no_guard": ("", "configure('prod')\nF()", "MODE"),
    "no_statement": ("", GUARD + "F()", "MODE"),
    "statements_after": ("", GUARD + "F()\nconfigure('after')", "MODE"),
    "context": (CONTEXT, GUARD + "with configured('within'):\n    F()", "MODE"),
    "finally": ("", GUARD + "try:\n    configure('tried')\n    F()\nfinally:\n    configure('after')", "MODE"),
    "system_exit": ("", GUARD + "try:\n    F()\nexcept SystemExit:\n    configure('after')\n    raise", "MODE"),
    "condition": ("", GUARD + "if len(SETTINGS) == 1:\n    configure('one')\nF()", "MODE"),
    "loop": ("", GUARD + "for name in ('a', 'b'):\n    LOG.append(name)\nF()", "LOG"),
    "flow_in_a_loop": ("", GUARD + "for flow in [F]:\n    flow()", "MODE"),
    "assigned": ("", GUARD + "configure('prod')\nflow = F()", "MODE"),
    "without_command_line": ("", GUARD + "NAME = F(use_cli=False).name\nF()", "NAME"),
    "argument_of_command_line": ("", GUARD + "configure('prod')\nF(use_cli=True)", "MODE"),
    "class_as_argument": ("def launch(flow):\n    configure('launched')\n    flow()\n", GUARD + "launch(F)", "MODE"),
    "decorated_main": (
        "def twice(function):\n    def call():\n        LOG.append('decorated')\n        function()\n    return call\n",
        "@twice\ndef main():\n    F()\n\n\n" + GUARD + "main()",
        "LOG",
    ),
    "logging": ("", GUARD + "logging.basicConfig(level=logging.DEBUG)\nF()", "logging.getLogger().level"),
    "seed": ("", GUARD + "random.seed(4)\nF()", "random.randint(0, 10 ** 9)"),
    "import": ("", GUARD + "import beside\nbeside.VALUE += 1\nF()", "__import__('beside').VALUE"),
    "main_of_another_module": ("import starter\n", GUARD + "starter.start(F, SETTINGS)", "SETTINGS['mode']"),
    "thread": (
        "",
        GUARD + "thread = threading.Thread(target=configure, args=['threaded'])\nthread.start()\nthread.join()\nF()",
        "MODE",
    ),
    "temporary_folder": ("", GUARD + "with tempfile.TemporaryDirectory() as FOLDER:\n    F()", "os.path.isdir(FOLDER)"),
    "patched_function": ("def answer():\n    return 1\n", GUARD + "answer = lambda: 2\nF()", "answer()"),
    "arguments_given": ("", GUARD + "if len(sys.argv) < 2:\n    sys.exit('usage')\nF()", "MODE"),
    "command": ("", GUARD + "if 'run' in sys.argv:\n    configure('launcher')\nF()", "MODE"),
    "walrus": ("", GUARD + "if (LEVEL := 3) > 2:\n    F()", "LEVEL"),
    "lambda": ("main = lambda: F()\n", GUARD + "configure('prod')\nmain()", "MODE"),
}
"""By name: what stands before the flow, the main block, and what the steps look at. A line with `-` is not indented."""

INITS: Mapping[str, tuple[str, str, str]] = {
    "before_super": ("self.db = 'spectra'\nsuper().__init__(use_cli)", "F()", "self.db"),
    "no_argument": ("self.db = 'spectra'\nsuper().__init__()", "F()", "self.db"),
    "after_super": ("super().__init__(use_cli)\nself.db = 'spectra'", "F()", "hasattr(self, 'db')"),
    "old_super": ("self.db = 1\nsuper(F, self).__init__(use_cli)", "F()", "self.db"),
    "named_base": ("self.db = 1\nFlowSpec.__init__(self, use_cli)", "F()", "self.db"),
    "private": ("self._db = 'spectra'\nsuper().__init__(use_cli)", "F()", "self._db"),
    "environment": ("os.environ['DB'] = 'spectra'\nsuper().__init__(use_cli)", "F()", "os.environ.get('DB')"),
    "global_state": ("configure('init')\nsuper().__init__(use_cli)", "F()", "MODE"),
    "list": ("self.rows = [1, 2]\nsuper().__init__(use_cli)", "F()", "self.rows"),
    "object": ("self.settings = dict(SETTINGS, a=1)\nsuper().__init__(use_cli)", "F()", "self.settings['a']"),
    "helper": ("self.load('x')\nsuper().__init__(use_cli)", "F()", "self.loaded"),
    "two_objects": ("LOG.append(use_cli)\nsuper().__init__(use_cli)", "F(False)\n    F()", "LOG"),
    "state_of_the_main_block": ("self.mode = MODE\nsuper().__init__(use_cli)", "MODE = 'main'\n    F()", "self.mode"),
    "annotated": ("self.db: str = 'spectra'\nsuper().__init__(use_cli)", "F()", "self.db"),
    "setattr": ("setattr(self, 'd' + 'b', 'spectra')\nsuper().__init__(use_cli)", "F()", "self.db"),
    "conditional": ("if use_cli:\n    self.db = 'spectra'\nsuper().__init__(use_cli)", "F()", "self.db"),
    "class_variable": ("type(self).made = 7\nsuper().__init__(use_cli)", "F()", "type(self).made"),
}
"""By name: the body of `__init__(self, use_cli=True)`, the main block, and what the steps look at."""

WHOLE: Mapping[str, str] = {
    "init_with_arguments": """
class F(FlowSpec):
    def __init__(self, mode, level=1, **options):
        self.mode = mode, level, sorted(options)
        super().__init__()

    @step
    def start(self):
        print("RESULT start", self.mode)
        self.next(self.end)

    @step
    def end(self):
        print("RESULT end", self.mode)


if __name__ == "__main__":
    F("fast", extra=True)
""",
    "init_of_a_base": """
class Base(FlowSpec):
    def __init__(self, use_cli=True):
        self.mode = "base"
        super().__init__(use_cli)


class F(Base):
{steps}

if __name__ == "__main__":
    F()
""",
    "init_of_base_and_flow": """
class Base(FlowSpec):
    def __init__(self, use_cli=True):
        self.mode += " base"
        super().__init__(use_cli)


class F(Base):
    def __init__(self, use_cli=True):
        self.mode = "flow"
        super().__init__(use_cli)
{steps}

if __name__ == "__main__":
    F()
""",
    "init_of_a_mixin": """
class Mixin:
    def __init__(self, *args, **kwargs):
        self.mode = "mixin"
        super().__init__(*args, **kwargs)


class F(Mixin, FlowSpec):
{steps}

if __name__ == "__main__":
    F()
""",
    "init_of_another_module": """
from base import Base


class F(Base):
{steps}

if __name__ == "__main__":
    F()
""",
    "factory": """
class F(FlowSpec):
    @classmethod
    def launch(cls, mode):
        cls.mode = mode
        return cls()
{steps}

if __name__ == "__main__":
    F.launch("made")
""",
    "new": """
class F(FlowSpec):
    def __new__(cls, *args, **kwargs):
        flow = super().__new__(cls)
        flow.mode = "new"
        return flow
{steps}

if __name__ == "__main__":
    F()
""",
    "changed_by_a_step": """
class F(FlowSpec):
    def __init__(self, use_cli=True):
        self.mode = "init"
        super().__init__(use_cli)

    @step
    def start(self):
        self.mode = "changed"
        self.next(self.middle)

    @step
    def middle(self):
        print("RESULT middle", self.mode)
        self.next(self.end)

    @step
    def end(self):
        print("RESULT end", self.mode)


if __name__ == "__main__":
    F()
""",
    "items_of_init": """
class F(FlowSpec):
    def __init__(self, use_cli=True):
        self.items = ["a", "b"]
        super().__init__(use_cli)

    @step
    def start(self):
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.x = self.input * 2
        self.next(self.join)

    @step
    def join(self, inputs):
        print("RESULT join", [item.x for item in inputs], self.items, inputs[0].items)
        self.next(self.end)

    @step
    def end(self):
        print("RESULT end", self.items)


if __name__ == "__main__":
    F()
""",
    "merged_values_of_init": """
class F(FlowSpec):
    def __init__(self, use_cli=True):
        self.mode = "init"
        super().__init__(use_cli)

    @step
    def start(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.x = 1
        self.mode = "left"
        self.next(self.join)

    @step
    def right(self):
        self.y = 2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.merge_artifacts(inputs)
        print("RESULT join", self.x, self.y, self.mode, inputs.left.mode, inputs.right.mode)
        self.next(self.end)

    @step
    def end(self):
        print("RESULT end", self.mode)


if __name__ == "__main__":
    F()
""",
    "default_of_a_parameter": """
class F(FlowSpec):
    level = Parameter("level", default=lambda context: SETTINGS["mode"], type=str)

    @step
    def start(self):
        print("RESULT start", self.level)
        self.next(self.end)

    @step
    def end(self):
        print("RESULT end", self.level)


if __name__ == "__main__":
    SETTINGS["mode"] = "prod"
    F()
""",
}  # fmt: skip
BESIDE = {
    "beside.py": "VALUE = 1\n",
    "starter.py": "def start(flow, settings):\n    settings['mode'] = 'started'\n    flow()\n",
    "base.py": (
        "from metaflow import FlowSpec\n\n\nclass Base(FlowSpec):\n    def __init__(self, use_cli=True):\n"
        "        self.mode = 'elsewhere'\n        super().__init__(use_cli)\n"
    ),
}


def _main_block(text: str) -> str:
    """A main block: below a line with the guard all is indented, but lines that begin with `-`."""
    before, guard, body = text.rpartition(GUARD)
    if not guard:
        return text
    indented = textwrap.indent(body, "    ")
    return (
        before
        + guard
        + "\n".join(line.replace("    -", "", 1) if "    -" in line else line for line in indented.split("\n"))
    )


def _variants() -> list[Variant]:
    found: list[Variant] = []
    for name, (before, main, seen) in MAIN_BLOCKS.items():
        flow = f"\nclass F(FlowSpec):{STEPS.replace('{seen}', seen)}\n\n{_main_block(main)}\n"
        found.append(Variant(f"main_{name}", {"flow.py": HEAD + _main_block(before) + flow, **BESIDE}))
    for name, (init, main, seen) in INITS.items():
        methods = f"    def __init__(self, use_cli=True):\n{textwrap.indent(init, ' ' * 8)}\n\n"
        methods += "    def load(self, value):\n        self.loaded = value\n"
        flow = f"\nclass F(FlowSpec):\n{methods}{STEPS.replace('{seen}', seen)}\n\n{GUARD}    {main}\n"
        found.append(Variant(f"init_{name}", {"flow.py": HEAD + flow}))
    for name, text in WHOLE.items():
        flow = HEAD + text.replace("{steps}", STEPS.replace("{seen}", "self.mode"))
        found.append(Variant(name, {"flow.py": flow, **BESIDE}))
    return found


VARIANTS = tuple(_variants())
