"""Malformed files: mutations of the examples and of the tests' tables, through `flowc check` and both targets.

Each file is tried in a forked process that has loaded flowc already. It fails on a traceback, an internal error (exit
code 70), more than two seconds or 300 MB, and where code of the file was executed.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, cast

from tests.conftest import REPOSITORY
from tests.trials.mutations import mutated
from tests.trials.trial import Attempt, Choice, Outcome, in_a_process

_FOLDERS = ("examples", "tests/compiler/bad", "tests/compiler/evaluated", "tests/oracle/flows", "tests/cluster/flows")
_DOCS = ("decorators", "graphs", "multinode", "names", "parameters")
_ZENML_DOCS = ("arguments", "bodies", "names", "settings")
_TARGETS = ("argo", "airflow")
CANARY = "CANARY"
"""A file that exists once code of a malformed file was executed."""
_PLANTED = "\nimport canary\nopen('CANARY', 'w').write('executed')\n"
_SIREN = "open('CANARY', 'w').write('imported')\n"
_EXECUTES = frozenset({"os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect"})
"""Audit events that no check of a file has a reason for."""


def seeds() -> dict[str, str]:
    """The texts that are mutated, by name."""
    found = {
        f"{folder}/{path.name}": path.read_text(encoding="utf-8", errors="surrogateescape")
        for folder in _FOLDERS
        for path in sorted((REPOSITORY / folder).glob("*.py"))
    }
    found |= {f"docs/{name}": text for name, text in _rows("tests.docs.rows", _DOCS)}
    found |= {f"zenml/{name}": text for name, text in _rows("tests.docs.zenmlrows", _ZENML_DOCS)}
    found |= dict(_variants())
    return {name: text for name, text in found.items() if "FlowSpec" in text or "pipeline" in text}


def _rows(package: str, modules: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    base = import_module(f"{package}.base").Row
    for module in modules:
        for value in vars(import_module(f"{package}.{module}")).values():
            for row in cast("list[Any]", value) if isinstance(value, list | tuple) else ():
                if isinstance(row, base):
                    yield f"{module}/{row.name}", row.source


def _variants() -> Iterator[tuple[str, str]]:
    from tests.variants.__main__ import TABLES, table

    for name in TABLES:
        for variant in table(name):
            yield from ((f"variants/{name}/{variant.name}/{path}", text) for path, text in variant.files.items())


def malformed(texts: dict[str, str], seed: int, number: int) -> tuple[str, bytes]:
    """The name of the text, and its mutation of that number. Each folder and each table has the same chance."""
    chosen = random.Random(f"{seed}/{number}")
    group = chosen.choice(sorted({_group(name) for name in texts}))
    name = chosen.choice([name for name in texts if _group(name) == group])
    return name, mutated(texts[name], chosen, list(texts.values())) + _PLANTED.encode()


def _group(name: str) -> str:
    return "/".join(name.split("/")[:2])


def watch(folder: Path) -> None:
    """Leave the canary where the code of a file below the folder, or a program, is executed."""
    inside = str(folder)
    busy: list[int] = []

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        code = getattr(arguments[0], "co_filename", "<") if event == "exec" else "<"
        suspect = event in _EXECUTES or (code[0] != "<" and os.path.abspath(code).startswith(inside))  # noqa: PTH100
        if suspect and not busy:
            busy.append(1)
            (folder / CANARY).write_text(event)

    sys.addaudithook(audit)


def _flowc(*arguments: str) -> int:
    """The exit code of a command in this process."""
    from flowc_cli.__main__ import main

    try:
        main([*arguments, "--traceback"])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


def _try(folder: Path) -> NoReturn:
    """Check the file, and compile it for both targets where it has no errors."""
    watch(folder)
    codes = [_flowc("check", "flow.py")]
    if codes == [0]:
        where = ("--root", "s3://bucket/prefix", "-o", os.devnull)
        codes += [_flowc("compile", "flow.py", "--target", target, *where) for target in _TARGETS]
    bad = [code for code in codes if code not in (0, 2)]
    os._exit(bad[0] if bad else max(codes))


def _load() -> None:
    """Load all that a compilation does, so that forked processes have it."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        import_module("libcst")
        for name in ("retry_once", "fan_out_map"):
            file = str(REPOSITORY / "examples" / f"{name}.py")
            _flowc("check", file)
            for target in _TARGETS:
                _flowc("compile", file, "--target", target, "--root", "s3://bucket/prefix", "-o", os.devnull)


def attempt(content: bytes) -> tuple[Outcome, bool]:
    """How a file fared, and whether code of it was executed."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "project"
        place.mkdir()
        (place / "flow.py").write_bytes(content)
        (place / "canary.py").write_text(_SIREN)
        outcome = in_a_process(lambda: _try(place), place)
        return outcome, (place / CANARY).exists()


def trial(choice: Choice) -> Iterator[Attempt]:
    """Try that many mutations; `--only NUMBER` tries one of them again."""
    _load()
    texts = seeds()
    for number in range(choice.count):
        if choice.names and str(number) not in choice.names:
            continue
        name, content = malformed(texts, choice.seed, number)
        outcome, executed = attempt(content)
        problem = "executed" if executed else outcome.slowed(choice.slowdown).problem
        said = outcome.output.encode() if problem else b""
        yield Attempt(
            str(number),
            problem and f"{problem} in a mutation of {name}: {outcome.last[:200]}",
            {"flow.py": content, "output": said} if problem else {},
        )
