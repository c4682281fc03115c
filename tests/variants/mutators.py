"""`FlowMutator` and `StepMutator` of Metaflow: decorators and parameters that code adds to a flow and takes from it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from tests.variants.variant import Variant

TOP = '''\
import os
from metaflow import (
    Config, FlowMutator, FlowSpec, IncludeFile, Parameter, StepMutator, config_expr, current, environment, resources,
    retry, step, user_step_decorator,
)


@user_step_decorator
def timed(step_name, flow, inputs, attributes):
    print("RESULT before", step_name, sorted(attributes.items()))
    yield
    print("RESULT after", step_name)


class Environment(StepMutator):
    """Sets variables."""

    def init(self, *names, **values):
        self.values = {**dict.fromkeys(names, "on"), **values}

    def mutate(self, mutable_step):
        mutable_step.add_decorator(environment, deco_kwargs={"vars": self.values})
'''
FLOW = """\
{top}

{above}
class Mutated(FlowSpec):
    size = Parameter("size", default=2)
    settings = Config("settings", default_value={{"mode": "fast", "steps": ["work"], "deep": {{"n": 3}}}})

    {first}
    @step
    def start(self):
        print("RESULT start", os.environ.get("A"), os.environ.get("B"), os.environ.get("C"), current.retry_count)
        {inside}
        self.xs = [1, 2]
        self.next(self.work, foreach="xs")

    {work}
    @step
    def work(self):
        print("RESULT work", self.input, os.environ.get("A"), os.environ.get("B"))
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        print("RESULT end", sorted(current.parameter_names), {shown})


if __name__ == "__main__":
    Mutated()
"""


def _flow(body: str, name: str = "Change", *, late: bool = False) -> str:
    """A flow mutator with a body."""
    inner = textwrap.indent(textwrap.dedent(body), "        ")
    return f"class {name}(FlowMutator):\n    def {'mutate' if late else 'pre_mutate'}(self, mutable_flow):\n{inner}\n"


def _step(body: str, name: str = "Change", *, early: bool = False) -> str:
    """A step mutator with a body."""
    inner = textwrap.indent(textwrap.dedent(body), "        ")
    return f"class {name}(StepMutator):\n    def {'pre_mutate' if early else 'mutate'}(self, mutable_step):\n{inner}\n"


SET = 'environment, deco_kwargs={"vars": {"A": "new", "B": "b"}}'
CASES: Mapping[str, Mapping[str, str]] = {
    "adds_a_decorator": {"first": "@Environment('A', B='2')"},
    "without_arguments": {"first": "@Environment", "work": "@Environment()"},
    "of_a_config": {"work": "@Environment(A=config_expr('settings.mode'))"},
    "leaves_what_is_there": {"top": _step(f"mutable_step.add_decorator({SET})"),
                             "first": "@Change\n@environment(vars={'A': 'old'})"},
    "overrides": {"top": _step(f"mutable_step.add_decorator({SET}, duplicates=mutable_step.OVERRIDE)"),
                  "first": "@Change\n@environment(vars={'A': 'old'})"},
    "removes": {"top": _step("print(mutable_step.remove_decorator('environment'))"),
                "first": "@environment(vars={'A': 'old'})\n@Change"},
    "removes_by_its_specification": {
        "top": _step("""
            for name, _, args, kwargs in list(mutable_step.decorator_specs):
                if name == "environment" and "A" in kwargs["vars"]:
                    mutable_step.remove_decorator(name, args, kwargs)
        """),
        "first": "@environment(vars={'A': 'old'})\n@Change", "work": "@Change\n@environment(vars={'B': 'old'})",
    },
    "by_a_text": {"top": _step("mutable_step.add_decorator('environment:vars={\"A\": \"text\"}')"),
                  "first": "@Change"},
    "by_a_name": {"top": _step("mutable_step.add_decorator('environment', deco_kwargs={'vars': {'B': 'x'}})"),
                  "work": "@Change"},
    "adds_a_step_decorator": {"top": _step("mutable_step.add_decorator(timed, deco_kwargs={'n': 1})"),
                              "first": "@Change", "work": "@Change\n@timed(n=0)"},
    "adds_a_step_decorator_outside": {
        "top": _step("mutable_step.add_decorator(other)") + "\n@user_step_decorator\n"
        "def other(step_name, flow, inputs):\n    print('RESULT other')\n    yield\n",
        "first": "@Change\n@timed",
    },
    "removes_a_step_decorator": {"top": _step("mutable_step.remove_decorator('timed')"), "first": "@timed\n@Change"},
    "a_retry": {
        "top": _step("mutable_step.add_decorator(retry, deco_kwargs={'times': 1, 'minutes_between_retries': 0})"),
        "first": "@Change", "inside": "if current.retry_count == 0: raise ValueError('once')",
    },
    "all_steps_of_the_flow": {
        "top": _flow("""
            for name, step in mutable_flow.steps:
                if name != "join":
                    step.add_decorator(environment, deco_kwargs={"vars": {"A": name, "B": str(len(name))}})
        """),
        "above": "@Change",
    },
    "one_step_of_the_flow": {"top": _flow(f"mutable_flow.work.add_decorator({SET})"), "above": "@Change"},
    "by_a_config": {
        "top": _flow("""
            for name, value in mutable_flow.configs:
                if name == "settings" and value.mode == "fast":
                    for step_name, step in mutable_flow.steps:
                        if step_name in value["steps"]:
                            step.add_decorator(environment, deco_kwargs={"vars": {"A": str(value.deep.n)}})
        """, late=True),
        "above": "@Change",
    },
    "adds_a_parameter": {
        "top": _flow("mutable_flow.add_parameter('alpha', Parameter('alpha', default=3, type=int, help='h'))"),
        "above": "@Change", "shown": "self.alpha + self.size",
    },
    "adds_parameters_in_a_loop": {
        "top": _flow("""
            for number, name in enumerate(["one", "two"]):
                mutable_flow.add_parameter(name, Parameter(name, default=float(number)))
        """),
        "above": "@Change", "shown": "(self.one, self.two)",
    },
    "overwrites_a_parameter": {
        "top": _flow("mutable_flow.add_parameter('size', Parameter('size', default='x'), overwrite=True)"),
        "above": "@Change", "shown": "self.size",
    },
    "removes_a_parameter": {"top": _flow("mutable_flow.remove_parameter('size')"), "above": "@Change"},
    "a_decorator_of_the_flow": {
        "top": _flow("mutable_flow.add_decorator('project', deco_kwargs={'name': 'shop'})"),
        "above": "@Change", "shown": "current.get('project_name')",
    },
    "with_arguments": {
        "top": "class Sized(FlowMutator):\n    def init(self, *names, **more):\n"
        "        self.names, self.more = names, more\n"
        "    def pre_mutate(self, mutable_flow):\n        for name in self.names:\n"
        "            mutable_flow.add_parameter(name, Parameter(name, default=self.more['default']))\n",
        "above": "@Sized('p', 'q', default=4)", "shown": "self.p * self.q",
    },
    "several": {
        "top": _flow(f"mutable_flow.start.add_decorator({SET})", "First")
        + _flow("mutable_flow.start.remove_decorator('environment')", "Second"),
        "above": "@Second\n@First",
    },
    "a_flow_mutator_adds_a_step_mutator": {
        "top": _flow("mutable_flow.start.add_decorator(Environment, deco_args=['C'], deco_kwargs={'A': '7'})"),
        "above": "@Change",
    },
    "early_and_late": {
        "top": "class Both(StepMutator):\n    def pre_mutate(self, mutable_step):\n        self.seen = "
        "[spec[0] for spec in mutable_step.decorator_specs]\n    def mutate(self, mutable_step):\n"
        "        mutable_step.add_decorator(environment, deco_kwargs={'vars': {'A': ' '.join(sorted(self.seen))}})\n",
        "first": "@Both\n@resources(cpu=1)\n@retry(times=0)",
    },
    "inherits": {"top": "class Mine(Environment):\n    def init(self):\n        self.values = {'A': 'mine'}\n",
                 "first": "@Mine"},
    "of_a_local_module": {"top": "from changes import Quick, quick\n", "first": "@Quick('C')", "above": "@quick(n=2)"},
    "helpers_and_conditions": {
        "top": "LEVELS = {'start': 1, 'work': 2}\ndef level(name):\n    try:\n        return LEVELS[name]\n"
        "    except KeyError:\n        return 0\n"
        + _flow("""
            for name, step in mutable_flow.steps:
                if not (found := level(name)):
                    continue
                step.add_decorator("environment", deco_kwargs={"vars": {"A": f"{name}-{found}"}})
            if os.environ.get("NO_SUCH_VARIABLE", "no") == "no":
                mutable_flow.start.add_decorator(retry, deco_kwargs=dict(times=0))
        """),
        "above": "@Change",
    },
}  # fmt: skip
"""What Metaflow does, flowc does, too."""
REFUSED: Mapping[str, Mapping[str, str]] = {
    "an_unknown_condition": {
        "top": "import random\n" + _step(f"if random.random() < 2:\n    mutable_step.add_decorator({SET})"),
        "first": "@Change",
    },
    "an_unknown_value": {
        "top": "import time\n" + _step("mutable_step.add_decorator(retry, deco_kwargs={'times': int(time.time())})"),
        "first": "@Change",
    },
    "an_unknown_loop": {
        "top": _flow("for name in os.listdir('.'):\n    mutable_flow.start.add_decorator(environment)"),
        "above": "@Change",
    },
    "unknown_code_gets_the_flow": {
        "top": "from somewhere import helper\n" + _flow("helper(mutable_flow)"), "above": "@Change",
    },
    "a_parameter_too_late": {
        "top": _flow("mutable_flow.add_parameter('p', Parameter('p', default=1))", late=True), "above": "@Change",
    },
    "raises": {"top": _step("raise ValueError('no')"), "first": "@Change"},
}  # fmt: skip
CHANGES = """\
from metaflow import FlowMutator, Parameter, StepMutator, environment


class Quick(StepMutator):
    def init(self, name):
        self.name = name

    def mutate(self, mutable_step):
        mutable_step.add_decorator(environment, deco_kwargs={"vars": {self.name: "quick"}})


class quick(FlowMutator):
    def init(self, n):
        self.n = n

    def pre_mutate(self, mutable_flow):
        mutable_flow.add_parameter("n", Parameter("n", default=self.n))
"""


def _variant(name: str, case: Mapping[str, str], refused: str | None = None) -> Variant:
    above = {key: textwrap.indent(case.get(key, ""), "    ").lstrip() or "# none" for key in ("first", "work")}
    top = f"{TOP}\n\n{case.get('top', '')}"
    given = {"inside": case.get("inside", "pass"), "shown": case.get("shown", "None"), "above": case.get("above", "")}
    text = FLOW.format(top=top, **above, **given)
    return Variant(name, {"flow.py": text, "changes.py": CHANGES}, refused=refused)


VARIANTS = (
    *(_variant(name, case) for name, case in CASES.items()),
    *(_variant(f"refused_{name}", case, "FC408") for name, case in REFUSED.items()),
)
