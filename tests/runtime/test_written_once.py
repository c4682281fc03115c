"""What compiler, targets and shim agree on is in `flowc.protocol`; programs that stand alone repeat it exactly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import flowc
from flowc.protocol import encodings, env_names

ROOT = Path(__file__).parents[2]
LITERAL = re.compile(r"""["'](FLOWC_[A-Z0-9_]+|b64:|z64:|flowc:[a-z]*)["'{]""")
NAMES = {value for value in vars(env_names).values() if isinstance(value, str) and value.startswith("FLOWC_")}
TEXTS = {
    encodings.ENCODED,
    encodings.PACKED,
    encodings.RESERVED,
    encodings.SENT,
    encodings.TIMED_OUT,
    encodings.USE_DEFAULT,
}
OF_OTHERS = {
    "FLOWC_CACHE_DIR",
    "FLOWC_CODE_",
    "FLOWC_PACKED",
    "FLOWC_PYTHON",
    "FLOWC_",
    "FLOWC_RUN_",
    "FLOWC_RUN_ROOT",
    "FLOWC_RESUME_ROOT",
}
"""Variables that the shim does not read: of emitted programs among themselves, and of the command line."""
STAND_ALONE = (
    "flowc_targets/airflow/operators/", "flowc_targets/package/bootstrap__main__.py",
    "flowc_targets/package/zipapp__main__.py",
)  # fmt: skip
"""The texts of emitted programs, which have no protocol to import from."""
COMMENTS = "flowc_compiler/diagnostics/ignore_comments"
"""Has the mark of comments, which no value begins with."""


def _literals(folder: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for file in sorted((ROOT / folder).rglob("*.py")):
        if literals := set(LITERAL.findall(file.read_text(encoding="utf-8"))):
            found[file.relative_to(ROOT / folder).as_posix()] = literals
    return found


def test_texts_that_stand_alone_agree() -> None:
    found = {name: texts for name, texts in _literals("targets").items() if name.startswith(STAND_ALONE)}
    for place in STAND_ALONE:
        assert any("FLOWC_ROOT" in texts for name, texts in found.items() if name.startswith(place))
    assert set().union(*found.values()) <= NAMES | TEXTS | OF_OTHERS


@pytest.mark.parametrize("folder", ["compiler", "targets", "runtime"])
def test_the_rest_repeats_nothing(folder: str) -> None:
    for name, texts in _literals(folder).items():
        if not name.startswith((*STAND_ALONE, "flowc/protocol/", COMMENTS)):
            assert texts <= OF_OTHERS, name


def test_every_variable_of_the_protocol_is_read() -> None:
    assert flowc.__file__ is not None
    shim = "".join(file.read_text("utf-8") for file in Path(flowc.__file__).parent.rglob("*.py"))
    for name, value in vars(env_names).items():
        if name.isupper() and name != "PARAMETER_PREFIX":
            assert f"env_names.{name}" in shim, value
