"""Steps that take longer than their `@timeout`, with `@catch`, `@retry` and `finally`, in every order and shape."""

from __future__ import annotations

from tests.variants.variant import Variant

_FLOW = """
    import signal, threading, time
    from metaflow import FlowSpec, catch, current, retry, step, timeout

    def kind(error):
        return error if error is None else error.type.rpartition(".")[2]

    {MODULE}

    class TimeoutFlow(FlowSpec):
        @step
        def start(self):
            self.items = [0, 1]
            self.next({TO})

        {DECORATORS}
        @step
        def work(self{INPUTS}):
            self.before = current.retry_count
            {CODE}
            self.after = current.retry_count
            self.next(self.{NEXT})
        {REST}
        @step
        def end(self):
            print("RESULT end", getattr(self, "before", None), getattr(self, "after", None),
                  kind(getattr(self, "why", None)), getattr(self, "all", None))

    if __name__ == "__main__":
        TimeoutFlow()
"""
_ONCE, _CAUGHT, _TWICE = "@timeout(seconds=1)", '@catch(var="why", print_exception=False)', "@retry(times=1)"
_LONGER = "@timeout(seconds=3)"
_SLEEP = "time.sleep(20)"
_FIRST = "if current.retry_count == 0: time.sleep(20)"
_EACH = """
        @step
        def join(self, inputs):
            self.all = [(kind(getattr(each, "why", None)), each.before, getattr(each, "after", None))
                        for each in inputs]
            self.next(self.end)
"""


def _indented(text: str, spaces: int) -> str:
    return ("\n" + " " * spaces).join(text.strip("\n").split("\n"))


def _variant(name: str, decorators: tuple[str, ...], code: str, *, each: bool = False, module: str = "") -> Variant:
    """A step with these decorators and this code, by itself or for each of two items."""
    parts = {
        "MODULE": _indented(module, 4), "DECORATORS": _indented("\n".join(decorators), 8), "CODE": _indented(code, 12),
        "TO": 'self.work, foreach="items"' if each else "self.work", "INPUTS": "",
        "NEXT": "join" if each else "end", "REST": _EACH if each else "",
    }  # fmt: skip
    text = _FLOW
    for key, value in parts.items():
        text = text.replace("{" + key + "}", value)
    return Variant(name, {"flow.py": text})


def _late(*lines: str) -> str:
    """Code that sleeps too long in a `try`, and what follows that."""
    return "\n".join(["try:", "    time.sleep(20)", *lines])


_PRINT = "    print('RESULT', type(error).__name__, current.retry_count)"
_CAUGHT_ALWAYS: dict[str, str] = {
    "sleep": _SLEEP,
    "finally_runs": _late("finally:", "    print('RESULT finally', current.retry_count)"),
    "raised_again": _late("except Exception as error:", _PRINT, "    raise"),
    "another_error_instead": _late("except Exception as error:", _PRINT, "    raise ValueError('instead') from error"),
    "handled_and_finished": _late("except Exception as error:", _PRINT),
    "finally_takes_longer": _late("finally:", "    time.sleep(1.5); print('RESULT saved')"),
    "context_is_left": "with Leaving():\n    time.sleep(20)",
    "busy_loop": "while True: pass",
    "waits_for_a_lock": "threading.Lock().acquire() and threading.Event().wait()",
    "waits_for_a_thread": "thread = threading.Thread(target=time.sleep, args=(3,), daemon=True)\n"
    "thread.start(); thread.join()",
    "long_regular_expression": "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')",
    "subprocess": "import subprocess\nsubprocess.run(['sleep', '20'])",
    "in_a_generator": "def wait():\n    try:\n        yield time.sleep(20)\n"
    "    finally:\n        print('RESULT closed')\nlist(wait())",
    "loop_that_takes_errors_as_news": "for number in range(3):\n    try:\n        time.sleep(0.7)\n"
    "    except Exception as error:\n    " + _PRINT,
}
_LEAVING = """
class Leaving:
    def __enter__(self): return self
    def __exit__(self, kind, error, trace): print("RESULT left by", kind.__name__)
"""


def _variants() -> list[Variant]:
    found = [
        _variant(f"caught_{name}", (_CAUGHT, _ONCE), code, module=_LEAVING) for name, code in _CAUGHT_ALWAYS.items()
    ]
    orders = {"caught_outside": (_CAUGHT, _TWICE, _ONCE), "caught_inside": (_ONCE, _TWICE, _CAUGHT)}
    for order, decorators in orders.items():
        found.append(_variant(f"second_attempt_in_time_{order}", decorators, _FIRST))
        found.append(_variant(f"every_attempt_too_long_{order}", decorators, _SLEEP))
    found += [
        # Metaflow leaves its alarm on after an error, and a busy machine is slow: these have time to spare.
        _variant("in_time", (_CAUGHT, "@timeout(seconds=9)"), "time.sleep(0.1)"),
        _variant("fails_before", (_CAUGHT, "@timeout(seconds=9)"), "raise KeyError('early')"),
        _variant("retried_without_catch", (_TWICE, _ONCE), _FIRST),
        _variant(
            "each_attempt_has_the_whole_time", (_TWICE, "@timeout(seconds=4)"),
            "time.sleep(2.5)\nif not self.before: 1 / 0",
        ),
        _variant("each_item_has_its_own_time", (_CAUGHT, _LONGER), "time.sleep(0.6 if self.input else 20)", each=True),
        _variant("items_retry_alone", (_CAUGHT, _TWICE, _ONCE), "if self.input: " + _SLEEP, each=True),
        _variant("the_sum_of_units", (_CAUGHT, "@timeout(seconds=1, minutes=0, hours=0)"), _SLEEP),
        _variant("time_of_the_step_only", (_CAUGHT, _LONGER), "time.sleep(0.6)", module="time.sleep(2.6)"),
        _variant("no_alarm_is_left", (_CAUGHT, _ONCE), "print('RESULT', signal.getitimer(signal.ITIMER_REAL)[0] <= 1)"),
        _variant("the_alarm_is_its_own", (_CAUGHT, _ONCE), "signal.alarm(0); time.sleep(1.3)"),
    ]  # fmt: skip
    return found


VARIANTS = tuple(_variants())
"""Metaflow has no bound on how long a step goes on after its timeout; none of these takes flowc's."""
