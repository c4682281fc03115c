"""The exit codes of tasks, and the kinds of failures that they stand for."""

from __future__ import annotations

import pytest

from flowc.errors import Fatal, FlowError, MissingInput, TimeoutException
from flowc.protocol.exit_codes import exit_code_of, failure_kinds


@pytest.mark.parametrize(
    ("error", "code", "kinds"),
    [
        (ValueError(), 1, ("error",)),
        (FlowError("x"), 1, ("error",)),
        (SystemExit(5), 1, ("error",)),
        (MissingInput("x"), 2, ("error",)),
        (Fatal("x"), 79, ()),
        (MemoryError(), 80, ("oom",)),
        (TimeoutException("x"), 124, ("timeout",)),
        (KeyboardInterrupt(), 130, ("error",)),
    ],
)
def test_an_exception_has_a_code_and_a_kind(error: BaseException, code: int, kinds: tuple[str, ...]) -> None:
    assert exit_code_of(error) == code
    assert failure_kinds(code) == kinds


def test_signals_are_numbers_below_zero_or_above_128() -> None:
    assert failure_kinds(-9) == failure_kinds(137) == ("lost", "oom")
    assert failure_kinds(-15) == failure_kinds(143) == ("lost",)
    assert failure_kinds(-11) == ("error",)
    assert failure_kinds(0) == failure_kinds(75) == ()
