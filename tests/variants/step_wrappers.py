"""`@user_step_decorator` and `UserStepDecorator` of Metaflow: what runs around a step, in which order, and after it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from tests.variants.variant import Variant

TOP = """\
import os
from metaflow import FlowSpec, Parameter, UserStepDecorator, USER_SKIP_STEP, catch, retry, step, user_step_decorator


@user_step_decorator
def timed(step_name, flow, inputs, attributes):
    print("RESULT before", step_name, inputs is None, sorted(attributes.items()))
    yield
    print("RESULT after", step_name)


@user_step_decorator
def plain(step_name, flow, inputs):
    flow.mark = step_name
    yield
    flow.mark = getattr(flow, "mark") + " done"


@user_step_decorator
def forgiving(step_name, flow, inputs):
    try:
        yield
    except ValueError as error:
        print("RESULT forgives", error)


class Counted(UserStepDecorator):
    def init(self, *args, **kwargs):
        self.given = kwargs

    def pre_step(self, step_name, flow, inputs=None):
        print("RESULT counted", step_name, sorted(self.given.items()))

    def post_step(self, step_name, flow, exception=None):
        print("RESULT counts", step_name, exception)
        return exception
"""

FLOW = """\
{top}

class Wrapped(FlowSpec):
    size = Parameter("size", default=2)

    {first}
    @step
    def start(self):
        print("RESULT start")
        self.xs = list(range(self.size))
        {inside}
        self.next(self.work, foreach="xs")

    {work}
    @step
    def work(self):
        print("RESULT work", self.input)
        self.y = self.input * 10
        self.next(self.join)

    {join}
    @step
    def join(self, inputs):
        print("RESULT join", sorted(one.y for one in inputs))
        self.next(self.end)

    @step
    def end(self):
        print("RESULT end", getattr(self, "mark", None), getattr(self, "xs", None))


if __name__ == "__main__":
    Wrapped()
"""
CASES: Mapping[str, Mapping[str, str]] = {
    "one": {"first": "@timed"},
    "with_arguments": {"first": "@timed(a=1, b=[2, {'c': None}])"},
    "called_without": {"first": "@timed()"},
    "everywhere": {"first": "@timed", "work": "@timed(x=2)", "join": "@timed"},
    "stacked": {"work": "@timed(n=1)\n@Counted(m=2)\n@plain"},
    "stacked_the_other_way": {"join": "@plain\n@Counted\n@timed(x=1)"},
    "sets_artifacts": {"join": "@plain"},
    "of_a_class": {"first": "@Counted(limit=3)", "join": "@Counted"},
    "forgives": {"first": "@forgiving", "inside": "raise ValueError('no')"},
    "forgives_outside": {"first": "@forgiving\n@timed", "inside": "raise ValueError('no')"},
    "forgives_in_a_join": {"join": "@timed\n@forgiving", "work": "@plain"},
    "skips": {
        "top": "@user_step_decorator\ndef skip(step_name, flow, inputs):\n    flow.xs = [5, 6, 7]\n"
        "    yield USER_SKIP_STEP\n    print('RESULT skipped')",
        "first": "@timed\n@skip\n@Counted",
    },
    "skips_a_join": {
        "top": "@user_step_decorator\ndef skip(step_name, flow, inputs):\n    print('RESULT', len(list(inputs)))\n"
        "    yield {}",
        "join": "@skip",
    },
    "replaces": {
        "top": "@user_step_decorator\ndef other(step_name, flow, inputs):\n    def instead(self):\n"
        "        print('RESULT instead', self.input)\n        self.y = -1\n        self.next(self.join)\n"
        "    yield instead",
        "work": "@other",
    },
    "replaces_and_leads_on": {
        "top": "@user_step_decorator\ndef other(step_name, flow, inputs):\n    def instead(self):\n"
        "        self.y = -1\n        return True\n    yield instead",
        "work": "@timed\n@other",
    },
    "gives_the_arguments_of_next": {
        "top": "@user_step_decorator\ndef other(step_name, flow, inputs):\n    flow.xs = [8]\n"
        "    yield {'foreach': 'xs'}",
        "first": "@other",
    },
    "skips_by_a_class": {
        "top": "class Skip(UserStepDecorator):\n    def pre_step(self, step_name, flow, inputs=None):\n"
        "        flow.xs = [3]\n        self.skip_step = True\n"
        "    def post_step(self, step_name, flow, exception=None):\n        return exception, {}",
        "first": "@Skip",
    },
    "changes_the_exception": {
        "top": "@user_step_decorator\ndef other(step_name, flow, inputs):\n    yield\n    raise KeyError('other')",
        "work": "@catch(var='failure', print_exception=False)\n@retry(times=0)\n@other",
    },
    "with_a_retry": {
        "top": "from metaflow import current\n@user_step_decorator\ndef again(step_name, flow, inputs):\n"
        "    print('RESULT attempt', current.retry_count)\n    yield\n    if current.retry_count == 0:\n"
        "        raise ValueError('once')",
        "first": "@retry(times=1, minutes_between_retries=0)\n@again",
    },
    "between_others": {
        "top": "import functools\ndef noted(function):\n    @functools.wraps(function)\n"
        "    def wrapper(self, *inputs):\n        print('RESULT noted')\n        return function(self, *inputs)\n"
        "    return wrapper",
        "first": "@timed\n@retry(times=0)\n@Counted",
        "work": "@plain\n@retry(times=0)",
    },
    "returns_of_a_generator": {
        "top": "@user_step_decorator\ndef other(step_name, flow, inputs):\n    yield\n    flow.xs = [9]\n"
        "    return None, {'foreach': 'xs'}",
        "first": "@timed\n@other",
    },
    "derived": {
        "top": "class Mine(Counted):\n    def init(self, **given):\n        self.given = given\n"
        "    def post_step(self, step_name, flow, exception=None):\n"
        "        print('RESULT mine')\n        return exception",
        "first": "@Mine",
    },
    "of_a_local_module": {"top": "from around import Logged, logged", "first": "@logged(a=1)", "work": "@Logged"},
    "of_a_config": {
        "top": "from metaflow import Config, config_expr",
        "members": "cfg = Config('cfg', default_value={'depth': 3})",
        "first": "@timed(depth=config_expr('cfg.depth'))",
    },
}  # fmt: skip
AROUND = """\
from metaflow import UserStepDecorator, user_step_decorator


@user_step_decorator
def logged(step_name, flow, inputs, attributes):
    print("RESULT logged", step_name, attributes)
    yield


class Logged(UserStepDecorator):
    def pre_step(self, step_name, flow, inputs=None):
        print("RESULT Logged", step_name)
"""


def _variant(name: str, case: Mapping[str, str]) -> Variant:
    above = {key: textwrap.indent(case.get(key, ""), "    ").lstrip() or "# none" for key in ("first", "work", "join")}
    top = f"{TOP}\n\n{case.get('top', '')}"
    text = FLOW.format(top=top, inside=case.get("inside", "pass"), **above)
    if "members" in case:
        text = text.replace("    size = Parameter", f"    {case['members']}\n    size = Parameter")
    return Variant(name, {"flow.py": text, "around.py": AROUND})


VARIANTS = tuple(_variant(name, case) for name, case in CASES.items())
