"""Names of Metaflow that a file imports and flowc does not serve: what a task can do with them, and what it cannot.

Where the names are not used, or their failure is expected, the answer is Metaflow's.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from tests.variants.variant import Answer, Variant

FLOW = """\
from metaflow import FlowSpec, step
{top}

class F(FlowSpec):
    @step
    def start(self):
{start}
        self.next(self.end)

    @step
    def end(self):
        print("RESULT end")


{main}
"""
MAIN = 'if __name__ == "__main__":\n    F()'
CORE = "FlowMutator, StepMutator, UserStepDecorator, user_step_decorator, Runner"

UNUSED: Mapping[str, tuple[str, str]] = {
    "what_the_core_suite_imports": (f"from metaflow import {CORE}", ""),
    "a_deployer": ("from metaflow import Deployer, DeployedFlow, NBDeployer, NBRunner", ""),
    "an_alias": ("from metaflow import Runner as Launcher", ""),
    "within_a_step": ("", "from metaflow import Runner"),
    "a_module": ("import metaflow.plugins.aws.aws_utils", ""),
    "a_module_by_another_name": ("import metaflow.plugins.aws.aws_utils as utils", ""),
    "a_name_of_a_module": ("from metaflow.plugins.cards.exception import CardNotPresentException", ""),
    "a_module_of_a_package": ("from metaflow.plugins import cards", ""),
    "two_modules_of_a_package": (
        "from metaflow.plugins.cards import exception\nfrom metaflow.plugins.aws import aws_utils", "",
    ),
    "an_annotation": ("from metaflow import Runner\ndef get(runner: Runner = None) -> Runner: return runner", "get()"),
    "an_annotation_of_an_attribute": ("import metaflow as mf\ndef get(runner: 'mf.Runner' = None): pass", "get()"),
    "generic_annotations": (
        "from typing import Dict, List, Optional, Union\nfrom metaflow import Runner, Deployer\n"
        "def get(a: Optional[Runner] = None, b: Dict[str, List[Deployer]] = {}, "
        "c: Union[Runner, Deployer, None] = None):\n"
        "    return a, b, c", "print('RESULT', get())",
    ),
    "a_dataclass": (
        "from dataclasses import dataclass\nfrom metaflow import Runner\n@dataclass\nclass Box:\n"
        "    runner: Runner = None",
        "print('RESULT', Box().runner)",
    ),
    "an_except_clause": (
        "from metaflow.plugins.cards.exception import CardNotPresentException",
        "try:\n    raise ValueError(1)\nexcept CardNotPresentException:\n    print('RESULT card')\n"
        "except (KeyError, ValueError) as error:\n    print('RESULT', error)",
    ),
    "isinstance": (
        "from metaflow import Runner",
        "print('RESULT', isinstance(1, Runner), isinstance('a', (Runner, str)))",
    ),
    "compared_by_is": ("from metaflow import Runner", "print('RESULT', Runner is None, Runner is Runner)"),
    "stored_and_passed_on": (
        "from metaflow import Runner\nKNOWN = {'runner': Runner, 'list': [Runner]}",
        "print('RESULT', len(KNOWN), KNOWN['runner'] is KNOWN['list'][0], callable(Runner))",
    ),
    "in_a_function_that_nobody_calls": (
        "from metaflow import Runner\ndef launch():\n    return Runner('flow.py').run()",
        "",
    ),
    "in_a_branch_that_is_not_taken": ("from metaflow import Runner", "if len('a') > 1:\n    Runner('flow.py')"),
    "in_a_loop_over_nothing": ("from metaflow import Runner", "for name in []:\n    Runner(name)"),
    "behind_an_operator": ("from metaflow import Runner", "print('RESULT', len('a') > 1 and Runner('a'))"),
    "in_a_lambda": (
        "from metaflow import Runner\nLAUNCH = lambda: Runner('flow.py')",
        "print('RESULT', callable(LAUNCH))",
    ),
    "of_another_scope": (
        "from metaflow import Runner\ndef other():\n    from metaflow import Deployer\n    return Deployer('x')",
        "Runner = print\nRunner('RESULT mine')",
    ),
    "type_checking": ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from metaflow import Nothing", ""),
    "as_an_attribute": ("import metaflow", "print('RESULT', metaflow.Runner is None)"),
    "a_local_module": ("import helper", "print('RESULT', helper.NAME)"),
    "star_of_a_local_module": ("from helper import *", "print('RESULT', NAME)"),
    "pickled": ("from metaflow import Runner", "self.kind = Runner\nprint('RESULT', self.kind.__name__)"),
}  # fmt: skip
"""What stands above the class, and in its first step: Metaflow has these names, and nothing needs them."""

OPTIONAL: Mapping[str, tuple[str, str, Answer]] = {
    "an_import_that_may_fail": (
        "try:\n    from metaflow import inspect_spin as Runner\nexcept ImportError:\n    Runner = None",
        "print('RESULT', Runner)",
        ("RESULT None",),
    ),
    "a_module_that_may_be_missing": (
        "try:\n    import metaflow.sidecar\n    found = True\nexcept ImportError:\n    found = False",
        "print('RESULT', found)", ("RESULT False",),
    ),
    "a_use_in_a_try": (
        "from metaflow import inspect_spin as Runner",
        "try:\n    Runner('flow.py').run()\nexcept Exception as error:\n"
        "    print('RESULT', type(error).__name__, 'metaflow.inspect_spin' in str(error))",
        ("RESULT NotServedError True",),
    ),
    "a_use_as_metaflow_exception": (
        "from metaflow import inspect_spin as Runner\nfrom metaflow.exception import MetaflowException",
        "try:\n    Runner.run\nexcept MetaflowException as error:\n    print('RESULT', error.headline)",
        ("RESULT A name that flowc does not serve",),
    ),
    "a_use_that_is_suppressed": (
        "import contextlib\nfrom metaflow import inspect_spin as Runner",
        "with contextlib.suppress(Exception):\n    Runner('flow.py')\n    print('RESULT used')", (),
    ),
    "a_use_in_a_function": (
        "from metaflow import inspect_spin as Runner\ndef use():\n    return f'{Runner}'",
        "try:\n    use()\nexcept Exception as error:\n    print('RESULT', type(error).__name__)",
        ("RESULT NotServedError",),
    ),
    "each_kind_of_use": (
        "from metaflow import inspect_spin as Runner\nimport metaflow.plugins\n"
        "USES = {'call': lambda: Runner(), 'attribute': lambda: Runner.run, 'item': lambda: Runner['a'],\n"
        "        'text': lambda: str(Runner), 'equal': lambda: Runner == 'local', 'sum': lambda: 's3://' + Runner,\n"
        "        'true': lambda: bool(Runner), 'list': lambda: list(Runner), "
        "'base': lambda: type('A', (Runner,), {})}\n"
        "def use(name):\n    try:\n        USES[name]()\n    except Exception as error:\n"
        "        return type(error).__name__",
        "print('RESULT', sorted({use(name) for name in USES}))", ("RESULT ['NotServedError']",),
    ),
    "an_extension": (
        "from metaflow import metaflow_ray, optuna",
        "print('RESULT', optuna is None)", ("RESULT False",),
    ),
    "a_main_block_for_something_else": ("from metaflow import inspect_spin as Runner", "", ()),
}  # fmt: skip
"""The same, with the answer: flowc's names are others than Metaflow's here."""

USED: Mapping[str, tuple[str, str]] = {
    "called_by_a_step": ("from metaflow import inspect_spin as Runner", "Runner('flow.py').run()"),
    "called_by_a_step_that_imports_it": (
        "",
        "from metaflow import inspect_spin as Runner\nwith Runner('flow.py').run() as running:\n    pass",
    ),
    "called_by_the_file": ("from metaflow import inspect_spin as Deployer\nDEPLOYER = Deployer('flow.py')", ""),
    "derived_from": ("from metaflow import inspect_spin as NBRunner\nclass Mine(NBRunner):\n    pass", ""),
    "an_attribute_of_a_module": ("import metaflow as mf", "mf.inspect_spin('flow.py')"),
    "in_a_try_for_other_errors": (
        "from metaflow import inspect_spin as Runner", "try:\n    Runner('x')\nexcept KeyError:\n    pass",
    ),
    "in_a_with": ("from metaflow import inspect_spin as Runner", "with open('/dev/null'):\n    Runner('x')"),
    "by_a_local_module": ("import using", ""),
    "in_a_class_body": ("from metaflow import inspect_spin as Runner\nclass Box:\n    runner = Runner('x')", ""),
    "in_a_default": ("from metaflow import inspect_spin as Runner\ndef get(runner=Runner('x')):\n    pass", ""),
    "an_unknown_name": ("from metaflow import Paramter\nX = Paramter('x')", ""),
}  # fmt: skip
"""What certainly uses a name."""

BESIDE = {
    "helper.py": "from metaflow import inspect_spin\nfrom metaflow.plugins.aws import aws_utils\nNAME = 'helper'\n",
    "using.py": "from metaflow import inspect_spin as Runner\nRUNNER = Runner('flow.py')\n",
}


def _files(top: str, start: str, main: str = MAIN) -> dict[str, str]:
    text = FLOW.replace("{top}", top).replace("{main}", main)
    flow = text.replace("{start}", textwrap.indent(start or "pass", " " * 8))
    named = {name: text for name, text in BESIDE.items() if name.removesuffix(".py") in top}
    return {"flow.py": flow, **named}


def _variants() -> list[Variant]:
    found = [Variant(f"unused_{name}", _files(*parts)) for name, parts in UNUSED.items()]
    for name, (top, start, answer) in OPTIONAL.items():
        main = "if __name__ == '__main__':\n    Runner('flow.py').run()" if "main_block" in name else MAIN
        found.append(Variant(name, _files(top, start, main), expected=("RESULT end", *answer)))
    runs_itself = "if __name__ == '__main__':\n    import sys\n    F() if len(sys.argv) > 1 else Runner(__file__).run()"
    found.append(Variant("unused_a_runner_in_the_main_block", _files("from metaflow import Runner", "", runs_itself)))
    found += [Variant(f"used_{name}", _files(*parts), refused="FC106") for name, parts in USED.items()]
    return found


VARIANTS = tuple(_variants())
