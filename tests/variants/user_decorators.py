"""Decorators of the user's own: plain Python around steps, which runs in the task.

Metaflow is asked where it takes them, too. It refuses what hides the step from it: a wrapper without `functools.wraps`,
an object with `__call__`. Python would run these, and so does flowc: their answers are given. Of pipelines, ZenML loads
the decorated function by its name, and finds only those below `@step` that use `functools.wraps`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from tests.variants.variant import Answer, Variant

APPLYING = """\
from metaflow import FlowSpec, card, catch, current, environment, kubernetes, project, resources, retry


def enabled(decorator, flag):
    def apply(function):
        if flag:
            return decorator(function)
        return function
    return apply


def local(*args, **kwargs):
    def decorate(function):
        return function if LOCAL else environment(*args, **kwargs)(function)
    return decorate


def all_of(*decorators):
    def decorate(function):
        for decorator in reversed(decorators):
            function = decorator(function)
        return function
    return decorate


def installing(libraries, times=1):
    def decorate(function):
        @wraps(function)
        def wrapper(*args, **kwargs):
            print("RESULT installs", sorted(libraries.items()))
            return function(*args, **kwargs)
        return retry(times=times, minutes_between_retries=0)(wrapper)
    return decorate


def inside(function):
    @retry(times=0)
    @wraps(function)
    def wrapper(*args, **kwargs):
        print("RESULT inside")
        return function(*args, **kwargs)
    return wrapper


class Profiled:
    def __init__(self, with_card=True, **options):
        self.with_card, self.options = with_card, options

    def __call__(self, function):
        @wraps(function)
        def wrapper(flow, *inputs):
            print("RESULT profiled", sorted(self.options))
            function(flow, *inputs)
        if self.with_card:
            from metaflow import card
            return card(type="blank", id="profile")(wrapper)
        return wrapper


def shared(function):
    from metaflow import retry as again
    vars = {"MODE": "shared"}
    vars |= {"MORE": str(len(vars))}
    return again(times=MOST - 1)(environment(vars=vars)(function))


def on_the_flow(name):
    def decorate(flow):
        return project(name=f"{name}_{MOST}")(flow)
    return decorate


def shows(function):
    @wraps(function)
    def wrapper(self, *inputs):
        print("RESULT shows", os.environ.get("MODE"), os.environ.get("MORE"), current.get("project_name"))
        return function(self, *inputs)
    return wrapper


LOCAL = os.environ.get("NO_SUCH_MODE", "").lower() == "true"
MOST = 3
"""
"""The user's functions that apply decorators of Metaflow."""

HELP = '''\
import contextlib, functools, os, time
from functools import partial, wraps


def timed(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        print("RESULT before", function.__name__)
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            print("RESULT after", function.__name__, time.perf_counter() >= started)

    return wrapper


def tagged(text, *, times=1):
    """A decorator with arguments."""

    def decorate(function):
        @wraps(function)
        def wrapper(self, *inputs):
            for _ in range(times):
                print("RESULT tag", text, function.__name__)
            return function(self, *inputs)

        return wrapper

    return decorate


def marking(function):
    """Changes the artifacts."""

    @wraps(function)
    def wrapper(self, *inputs):
        self.marked = getattr(self, "marked", ()) + (function.__name__,)
        function(self, *inputs)
        self.after = function.__name__
    return wrapper


def stubborn(function):
    @wraps(function)
    def wrapper(self):
        for number in range(3):
            try:
                return function(self)
            except ValueError:
                print("RESULT again", number)
    return wrapper


def bare(function):
    def wrapper(self, *inputs):
        print("RESULT bare")
        function(self, *inputs)

    return wrapper


def registering(function):
    REGISTRY.append(function.__name__)
    function.note = "registered"
    return function


class Counting:
    """An object around the step, which Python does not bind."""

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function = function

    def __call__(self, *args, **kwargs):
        print("RESULT counting")
        return self.function(*args, **kwargs)


class Bound(Counting):
    def __get__(self, flow, owner=None):
        return self if flow is None else partial(self, flow)


class Configured:
    """A class as a decorator with arguments."""

    def __init__(self, text):
        self.text = text

    def __call__(self, function):
        @wraps(function)
        def wrapper(*args, **kwargs):
            print("RESULT configured", self.text)
            return function(*args, **kwargs)

        return wrapper


class Tracker:
    def watch(self, function):
        return tagged("watched")(function)

    @staticmethod
    def static(function):
        return tagged("static")(function)


@contextlib.contextmanager
def environment_of(name):
    os.environ["MODE"] = name
    yield
    print("RESULT left", name)


REGISTRY = []
tracker = Tracker()
'''
FLOW = """\
{top}
from metaflow import FlowSpec, step, retry, resources, catch, environment


def implementation(self):
    print("RESULT implementation")
    self.next(self.last)


{above}
class F(FlowSpec):
{members}
    {first}
    def start(self):
        print("RESULT start", os.environ.get("MODE"))
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    {work}
    def work(self):
        print("RESULT work", self.input, getattr(self, "marked", None))
        self.value = self.input * 2
        self.next(self.join)

    {join}
    def join(self, inputs):
        self.total = sum(one.value for one in inputs)
        print("RESULT join", self.total, [getattr(one, "after", None) for one in inputs])
        self.next(self.{after})

    {extra}

    @step
    def last(self):
        print("RESULT last", getattr(self, "after", None), getattr(self, "marked", None))
        self.next(self.end)

    @step
    def end(self):
        print("RESULT end", REGISTRY if "REGISTRY" in globals() else None)


if __name__ == "__main__":
    F()
"""

WITH_METAFLOW: Mapping[str, Mapping[str, str]] = {
    "above": {"first": "@timed\n@step"},
    "below": {"first": "@step\n@timed"},
    "on_each_kind_of_step": {"first": "@timed\n@step", "work": "@step\n@timed", "join": "@timed\n@step"},
    "above_and_below": {"first": "@timed\n@step\n@tagged('a')"},
    "stacked": {"work": "@timed\n@tagged('a')\n@tagged('b', times=2)\n@step"},
    "stacked_below": {"work": "@step\n@timed\n@tagged('a')\n@tagged('b', times=2)"},
    "between_those_of_metaflow": {"work": "@retry(times=0)\n@timed\n@environment(vars={'MODE': 'x'})\n@step"},
    "changes_artifacts": {"first": "@marking\n@step", "work": "@marking\n@step", "join": "@step\n@marking"},
    "tries_again": {
        "members": "    tried = False",
        "first": "@step\n@stubborn\n@failing_once",
        "top": "def failing_once(function):\n    seen = []\n    @wraps(function)\n    def wrapper(self):\n"
        "        seen.append(1)\n        if len(seen) < 3:\n            raise ValueError(len(seen))\n"
        "        function(self)\n    return wrapper",
    },
    "registers": {"first": "@registering\n@step", "work": "@step\n@registering"},
    "a_class_with_arguments": {"first": "@Configured('x')\n@step", "join": "@step\n@Configured(text='y')"},
    "a_method": {"first": "@tracker.watch\n@step", "work": "@Tracker.static\n@step"},
    "a_lambda": {"first": "@step\n@(lambda function: timed(function))"},
    "a_partial": {"first": "@partial(tagged, 'p')()\n@step", "work": "@step\n@partial(tagged, times=2)('q')"},
    "a_named_partial": {"top": "twice = partial(tagged, times=2)", "work": "@twice('q')\n@step"},
    "an_alias": {"top": "measured = timed", "first": "@measured\n@step"},
    "a_name_for_one_of_metaflow": {
        "top": "from metaflow import retry\nagain = retry(times=0)", "work": "@again\n@timed\n@step",
    },
    "a_partial_of_one_of_metaflow": {
        "top": "import metaflow\nvariables = partial(metaflow.environment, vars={'MODE': 'y'})",
        "first": "@variables()\n@step",
    },
    "names_of_a_local_module": {
        "top": "import applying\nfrom applying import usual", "first": "@usual\n@step", "work": "@applying.once\n@step",
    },
    "a_context_manager": {"first": "@step\n@environment_of('test')"},
    "in_the_class": {
        "members": "    def own(function):\n        @functools.wraps(function)\n        def wrapper(self):\n"
        "            print('RESULT own')\n            function(self)\n        return wrapper\n",
        "first": "@own\n@step",
    },
    "of_a_local_module": {"top": "from helper import logged", "first": "@logged\n@step", "work": "@step\n@logged"},
    "of_a_local_module_by_attribute": {"top": "import helper", "first": "@helper.logged\n@step"},
    "of_a_package": {"top": "from tools.wrap import logged as noted", "join": "@noted\n@step"},
    "depends_on_the_environment": {
        "top": "if os.environ.get('NO_SUCH'):\n    maybe = tagged('on')\nelse:\n    def maybe(function):\n"
        "        return function",
        "work": "@maybe\n@step",
    },
    "a_step_made_by_a_call": {"after": "start2", "extra": "def start2(self):\n        print('RESULT made')\n"
                              "        self.next(self.last)\n    start2 = step(start2)"},
    "a_decorated_step_made_by_a_call": {
        "after": "start2", "extra": "def start2(self):\n        print('RESULT made')\n        self.next(self.last)\n"
        "    start2 = retry(times=0)(step(timed(start2)))",
    },
    "around_the_class": {
        "top": "def labeled(text):\n    def decorate(flow):\n        flow.label = text\n"
        "        REGISTRY.append(flow.__name__)\n        return flow\n    return decorate",
        "above": "@labeled('x')",
        "first": "@step\n@(lambda function: wraps(function)(lambda self: (print('RESULT', self.label), function(self)))"
        ")",
    },
    "in_the_graph": {
        "top": "from metaflow import current\ndef names(function):\n    @wraps(function)\n"
        "    def wrapper(self, *inputs):\n        steps = current.graph['steps']\n"
        "        print('RESULT', {name: [one['name'] for one in steps[name]['decorators']] for name in steps})\n"
        "        return function(self, *inputs)\n    return wrapper",
        "work": "@retry(times=0)\n@timed\n@step", "join": "@names\n@step",
    },
    "that_uses_current": {
        "top": "from metaflow import current\ndef naming(function):\n    @wraps(function)\n"
        "    def wrapper(self, *inputs):\n"
        "        print('RESULT in', current.step_name)\n        return function(self, *inputs)\n    return wrapper",
        "work": "@naming\n@step", "join": "@naming\n@step",
    },
}  # fmt: skip
"""What stands above the steps: Metaflow's answer is the right one."""

APPLIED: Mapping[str, Mapping[str, str]] = {
    "by_arguments": {
        "top": "def large(memory, **more):\n    return resources(memory=memory * 2, **more)",
        "work": "@large(100, cpu=1)\n@step",
    },
    "on_a_flag": {"work": "@enabled(environment(vars={'MODE': 'on'}), flag=True)\n@step"},
    "on_a_flag_that_is_off": {"work": "@enabled(environment(vars={'MODE': 'on'}), flag=MOST > 3)\n@step"},
    "on_a_variable_with_a_default": {
        "work": "@enabled(environment(vars={'MODE': 'on'}), flag=os.getenv('NO_SUCH_FLAG', '1') == '1')\n@step",
    },
    "on_a_variable_that_is_not_set": {
        "work": "@enabled(environment(vars={'A': os.getenv('NO_SUCH_IMAGE')}), flag=os.getenv('NO_SUCH_FLAG'))\n@step",
    },
    "unless_it_is_local": {"work": "@local(vars=dict(MODE='far'))\n@step",
                           "first": "@local(vars={'MODE': 'x'})\n@step"},
    "several_in_a_loop": {
        "work": "@all_of(retry(times=0), environment(vars={'MODE': 'all'}), tagged('all'))\n@timed\n@step",
    },
    "around_a_wrapper": {"work": "@installing({'b': '1', 'a': ''}, times=0)\n@step"},
    "above_a_wrapper": {"work": "@inside\n@step"},
    "by_an_object": {"work": "@Profiled(interval=1)\n@step", "first": "@Profiled(False, a=1)\n@step"},
    "imported_in_the_function": {"work": "@shared\n@resources(cpu=1)\n@step"},
    "by_a_lambda": {"work": "@(lambda function: retry(times=MOST - 3)(function))\n@step"},
    "by_a_partial": {
        "top": "def with_mode(mode, function):\n    return environment(vars={'MODE': mode})(function)",
        "work": "@partial(with_mode, 'partial')\n@step",
    },
    "stacked": {"work": "@shared\n@enabled(retry, flag=False)\n@tagged('a')\n@step"},
    "on_the_flow": {"above": "@on_the_flow('sho' + 'p')"},
    "on_the_flow_on_a_flag": {"above": "@enabled(project(name='shop'), flag=MOST)\n@on_the_side",
                              "top": "def on_the_side(flow):\n    REGISTRY.append(flow.__name__)\n    return flow"},
    "from_a_local_module": {
        "top": "from applying import large, sized, sometimes\nimport applying",
        "work": "@large(MOST * 10)\n@sometimes(applying.once, os.environ.get('NO_SUCH_FLAG', 'yes'))\n@step",
        "first": "@applying.sized\n@step",
    },
    "on_a_condition": {
        "top": "if os.environ.get('NO_SUCH_STAGE'):\n    where = kubernetes(memory=1)\nelse:\n    where = lambda f: f",
        "work": "@where\n@step",
    },
    "above_what_is_not_known": {
        "top": "import unittest.mock as mocks",
        "work": "@enabled(environment(vars={'MODE': 'mock'}), True)\n@mocks.patch.dict(os.environ, {'B': '1'})\n@step",
    },
}  # fmt: skip
"""Functions of the user's that apply decorators of Metaflow: these count, in Metaflow's order."""

PLAIN = {"RESULT end []", "RESULT join 6 [None, None]", "RESULT last None None", "RESULT start None"}
_WORK = ("RESULT work 1 None", "RESULT work 2 None")
WITHOUT_METAFLOW: Mapping[str, tuple[Mapping[str, str], Answer]] = {
    "without_wraps": ({"first": "@bare\n@step", "join": "@step\n@bare"}, ("RESULT bare", "RESULT bare")),
    "without_wraps_in_a_foreach": ({"work": "@step\n@bare"}, ("RESULT bare", "RESULT bare")),
    "of_the_standard_library": ({"first": "@step\n@functools.lru_cache(maxsize=None)"}, ()),
    "an_object": ({"first": "@Counting\n@step"}, ("RESULT counting",)),
    "an_object_below": ({"join": "@step\n@Counting"}, ("RESULT counting",)),
    "an_object_that_is_bound": ({"first": "@step\n@Bound", "join": "@Bound\n@step"}, ("RESULT counting",) * 2),
    "a_step_of_a_function_of_the_file": (
        {"after": "made", "extra": "made = step(implementation)"}, ("RESULT implementation",),
    ),
    "a_decorated_function_of_the_file": (
        {"after": "made", "extra": "made = timed(step(implementation))"},
        ("RESULT implementation", "RESULT before implementation", "RESULT after implementation True"),
    ),
    "a_function_that_applies_those_of_metaflow": (
        {"top": "import metaflow\ndef usual(function):\n    return metaflow.retry(times=1)(metaflow.step(function))",
         "first": "@usual\n@timed"}, ("RESULT before start", "RESULT after start True"),
    ),
}  # fmt: skip
"""What Metaflow does not find, or names otherwise, with what it adds to the answer."""

REFUSED: Mapping[str, Mapping[str, str]] = {
    "depends_on_the_unknown": {
        "top": "import random\nfrom metaflow import kubernetes\ndef sometimes(function):\n"
        "    return kubernetes(memory=1)(function) if random.random() < 2 else function",
        "work": "@sometimes\n@step",
    },
    "drops_the_function": {
        "top": "from metaflow import kubernetes\ndef dropping(function):\n    kubernetes(memory=1)(function)\n"
        "    return function",
        "work": "@dropping\n@step",
    },
    "applies_it_to_a_wrapper_of_another_name": {
        "top": "from metaflow import kubernetes\ndef hiding(function):\n    def wrapper(self):\n"
        "        function(self)\n    return kubernetes(memory=1)(wrapper)",
        "work": "@hiding\n@step",
    },
    "hands_it_to_a_package": {
        "top": "import decorators_of_others\nfrom metaflow import kubernetes",
        "work": "@decorators_of_others.maybe(kubernetes(memory=1))\n@step",
    },
    "nothing_binds": {"work": "@conda_base(python='3.9')\n@step"},
}
"""What would drop a decorator of Metaflow."""

PIPELINE = """\
{top}
from zenml import pipeline, step


{first}
def load(number: int = 3) -> int:
    print("RESULT load")
    return number


{work}
def work(item: int) -> int:
    print("RESULT work", item)
    return item + 1


def plain(item: int, factor: int) -> int:
    print("RESULT plain", item)
    return item * factor


{extra}


@pipeline
def training():
    {made}(work(load()), 10)


if __name__ == "__main__":
    training()
"""
LOADED = ("RESULT load", "RESULT plain 4", "RESULT work 3")
PIPELINES: Mapping[str, tuple[Mapping[str, str], Answer]] = {
    "below": ({"work": "@step\n@timed"}, ("RESULT before work", "RESULT after work True")),
    "above": ({"work": "@timed\n@step"}, ("RESULT before work", "RESULT after work True")),
    "with_arguments": ({"work": "@step(enable_cache=False)\n@noted('x')", "top": "def noted(text):\n"
                        "    def decorate(function):\n        @wraps(function)\n        def wrapper(*args, **kwargs):\n"
                        "            print('RESULT', text)\n            return function(*args, **kwargs)\n"
                        "        return wrapper\n    return decorate"}, ("RESULT x",)),
    "an_object": ({"first": "@step\n@Counting"}, ("RESULT counting",)),
    "a_partial_of_step": ({"top": "import zenml\nuncached = partial(zenml.step, enable_cache=False)",
                           "first": "@uncached\n@timed"}, ("RESULT before load", "RESULT after load True")),
    "stacked": ({"work": "@Configured('a')\n@step\n@Configured('b')"}, ("RESULT configured a", "RESULT configured b")),
    "a_step_made_by_a_call": (
        {"extra": "made = step(timed(plain))"}, ("RESULT before plain", "RESULT after plain True"),
    ),
    "a_step_made_with_settings": (
        {"extra": "made = step(timed(plain), enable_cache=False)"}, ("RESULT before plain", "RESULT after plain True"),
    ),
    "of_a_local_module": ({"top": "from helper import logged", "work": "@step\n@logged"}, ("RESULT logged work",)),
}  # fmt: skip

BESIDE = {
    "helper.py": "import functools\n\ndef logged(function):\n    @functools.wraps(function)\n"
    "    def wrapper(*args, **kwargs):\n        print('RESULT logged', function.__name__)\n"
    "        return function(*args, **kwargs)\n    return wrapper\n",
    "tools/__init__.py": "",
    "tools/wrap.py": "from helper import logged\n",
    "applying.py": "from metaflow import environment, retry, resources\n\ndef large(memory):\n"
    "    return resources(memory=memory)\n\ndef sometimes(decorator, flag):\n"
    "    return lambda function: decorator(function) if flag else function\n\n"
    "cpu = 2\nsized = resources(cpu=cpu)\nonce = retry(times=0)\n\n"
    "def usual(function):\n    return environment(vars={'MODE': 'usual'})(once(function))\n",
}  # fmt: skip


def _filled(template: str, parts: Mapping[str, str], defaults: Mapping[str, str]) -> str:
    text = template
    for name, default in defaults.items():
        given = parts.get(name, default)
        if name == "top":
            given = f"{HELP}\n\n{given}"
        elif name != "members" and template is FLOW:
            given = textwrap.indent(given, "    ").lstrip() if name in {"first", "work", "join"} else given
        text = text.replace("{" + name + "}", given)
    return text


def _flow(parts: Mapping[str, str]) -> dict[str, str]:
    defaults = {"top": "", "above": "", "members": "", "extra": "", "after": "last"}
    defaults |= dict.fromkeys(("first", "work", "join"), "@step")
    return {"flow.py": _filled(FLOW, parts, defaults), **BESIDE}


def _pipeline(parts: Mapping[str, str]) -> dict[str, str]:
    defaults = {"top": "", "first": "@step", "work": "@step", "extra": "made = step(plain)", "made": "made"}
    return {"flow.py": _filled(PIPELINE, parts, defaults), **BESIDE}


def _variants() -> list[Variant]:
    found = [Variant(name, _flow(parts)) for name, parts in WITH_METAFLOW.items()]
    for name, parts in APPLIED.items():
        top = f"{APPLYING}\n\n{parts.get('top', '')}"
        work = f"{parts.get('work', '@step')}\n@shows"
        found.append(Variant(f"applied_{name}", _flow({**parts, "top": top, "work": work})))
    for name, (parts, answer) in WITHOUT_METAFLOW.items():
        found.append(Variant(name, _flow(parts), expected=(*PLAIN, *_WORK, *answer)))
    found += [Variant(f"refused_{name}", _flow(parts), refused="FC401") for name, parts in REFUSED.items()]
    for name, (parts, answer) in PIPELINES.items():
        found.append(Variant(f"pipeline_{name}", _pipeline(parts), expected=(*LOADED, *answer)))
    return found


VARIANTS = tuple(_variants())
