"""Members of gangs that return early, fail, are caught and retried, and the variables that they have."""

from __future__ import annotations

from tests.variants.variant import Answer, Variant

_FLOW = """
    import os, time
    from metaflow import FlowSpec, catch, current, parallel, pytorch_parallel, retry, step, timeout

    def kind(error):
        return error if error is None or isinstance(error, str) else error.type.rpartition(".")[2]

    class Own(Exception):
        def __init__(self, one, two):
            super().__init__(one)

    class GangFlow(FlowSpec):
        @step
        def start(self):
            self.given = 7
            self.next(self.work, num_parallel=3)

        {DECORATORS}
        @step
        def work(self):
            me = self.me = current.parallel.node_index
            tried = self.tried = current.retry_count
            {CODE}
            self.after = True
            self.next(self.join)

        def fail(self, me):
            if self.me == me:
                raise ValueError("boom")

        @step
        def join(self, inputs):
            found = [
                (getattr(each, "me", None), kind(getattr(each, "why", "absent")), getattr(each, "tried", None),
                 getattr(each, "x", None), hasattr(each, "after"), each.given)
                for each in inputs
            ]
            print("RESULT", sorted(found, key=str))
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        GangFlow()
"""
_CAUGHT, _SILENT, _TWICE = (
    '@catch(var="why", print_exception=False)',
    "@catch(print_exception=False)",
    "@retry(times=1)",
)


def _indented(text: str, spaces: int) -> str:
    return ("\n" + " " * spaces).join(text.strip("\n").split("\n"))


def _variant(
    name: str, code: str, *decorators: str, gang: str = "@parallel", expected: Answer | None = None
) -> Variant:
    """A gang of three, with these decorators above that of the gang."""
    above = _indented("\n".join((*decorators, gang)), 8)
    text = _FLOW.replace("{DECORATORS}", above).replace("{CODE}", _indented(code, 12))
    return Variant(name, {"flow.py": text}, expected=expected)


_EARLY = {
    "others": "if me: return",
    "one": "if me == 2:\n    self.x = 1\n    return",
    "in_a_loop": "for number in range(3):\n    self.x = number\n    if me and number == me: return",
    "in_try": "try:\n    if me: return\nfinally:\n    self.x = me",
    "in_with": "with open(os.devnull):\n    if me: return",
    "value": "if me: return 5",
}
_FAILING = {
    "other": "self.fail(1)",
    "last": "self.x = me\nself.fail(2)",
    "main": "self.fail(0)",
    "all": "raise KeyError(me)",
    "all_others": "if me: 1 / 0",
    "own_class": "if me == 1: raise Own(1, 2)",
    "own_class_unpicklable": "if me == 1:\n    class Local(Exception): pass\n    raise Local()",
    "chained": "try:\n    self.fail(1)\nexcept ValueError as error:\n    raise TypeError('other') from error",
    "after_setting": "self.x = [me]\nif me == 1: raise OSError('late')",
    "returned_or_failed": "if me == 2: return\nself.fail(1)",
}
_FIRST_ONLY = {
    "other": "if not tried: self.fail(1)",
    "main": "if not tried: self.fail(0)",
    "all": "if not tried: raise KeyError(me)",
}
_FACTS = (
    "names = 'MASTER_ADDR', 'NODE_RANK', 'WORLD_SIZE', 'NUM_NODES', 'PL_TORCH_DISTRIBUTED_BACKEND'\n"
    "self.x = [os.environ.get(name) for name in names] + [os.environ['MASTER_PORT'].isdigit()]"
)


_WITHOUT_MAIN = {
    "main": "RESULT [(0, 'ValueError', {0}, None, False, 7), (1, None, {0}, None, True, 7), "
    "(2, None, {0}, None, True, 7)]",
    "all": "RESULT [(0, 'KeyError', {0}, None, False, 7), (1, 'KeyError', {0}, None, False, 7), "
    "(2, 'KeyError', {0}, None, False, 7)]",
}
"""Metaflow's join has no other input where member 0 has failed, on one machine."""


def _caught(name: str, code: str, tried: int, *decorators: str) -> Variant:
    expected = (_WITHOUT_MAIN[name].format(tried),) if name in _WITHOUT_MAIN else None
    return _variant(f"{name}_caught_at_{tried}", code, *decorators, expected=expected)


def _variants() -> tuple[Variant, ...]:
    found = [_variant(f"returns_early_{name}", code) for name, code in _EARLY.items()]
    found += [_caught(name, code, 0, _CAUGHT) for name, code in _FAILING.items()]
    found += [_caught(name, code, 1, _CAUGHT, _TWICE) for name, code in _FAILING.items()]
    found += [_variant(f"caught_inside_{name}", code, _TWICE, _CAUGHT) for name, code in _FIRST_ONLY.items()]
    found += [_variant(f"second_attempt_{name}", code, _TWICE) for name, code in _FIRST_ONLY.items()]
    killed = "if me == 1: os.kill(os.getpid(), 9)"
    return (
        *found,
        _variant("caught_without_var", "self.fail(1)", _SILENT),
        _variant("caught_by_the_decorator_below", "self.fail(1)", gang=f"@parallel\n{_CAUGHT}"),
        _variant("nothing_to_catch", "pass", _CAUGHT),
        _variant("caught_timeout", "if me == 1: time.sleep(20)", _CAUGHT, "@timeout(seconds=2)"),
        _variant("main_returns", "if not me: return"),
        # Metaflow's member 0 takes the failure of a process that it has started for its own.
        _variant("caught_kill", f"if me != 1: time.sleep(0)\n{killed}", _CAUGHT, expected=(
            "RESULT [(0, None, 0, None, True, 7), (2, None, 0, None, True, 7), "
            "(None, 'FailureHandledByCatch', None, None, False, 7)]",)),
        _variant("facts", "self.x = tuple(current.parallel)[:3] + (current.is_parallel,)"),
        _variant("variables_of_pytorch", _FACTS, gang="@pytorch_parallel"),
        _variant("variables_of_pytorch_called", _FACTS, gang="@pytorch_parallel(master_port=3340)"),
        _variant("caught_pytorch", "self.fail(1)", _CAUGHT, gang="@pytorch_parallel"),
    )  # fmt: skip


VARIANTS = _variants()
"""The table."""
