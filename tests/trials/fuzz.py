"""Malformed files: mutations of the examples and of the tests' tables, through `flowc check` and both targets.

Each file is tried in a forked process that has loaded flowc already, most of them many in one: those that fail there
count where they fail in a process of their own, too. A file fails on a traceback, an internal error (exit code 70),
more than two seconds or 300 MB, and where code of it was executed.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, NoReturn, cast

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import Compilation
from tests.conftest import REPOSITORY
from tests.trials.mutations import mutated
from tests.trials.trial import STOPPED_AFTER, Attempt, Choice, Outcome, in_a_process, limit
from tests.trials.workers import Work, in_workers

_FOLDERS = ("examples", "tests/compiler/bad", "tests/compiler/evaluated", "tests/oracle/flows", "tests/cluster/flows")
_DOCS = ("decorators", "graphs", "multinode", "names", "parameters")
_ZENML_DOCS = ("arguments", "bodies", "names", "settings")
_TARGETS = ("argo", "airflow")
CANARY = "CANARY"
"""A file that exists once code of a malformed file was executed."""
OWN_PROCESS = 50
"""One of so many files is tried in a process of its own from the start."""
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


class Corpus:
    """The texts that are mutated."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._all = list(texts.values())

    @cached_property
    def _groups(self) -> dict[str, list[str]]:
        """The names of the texts by folder or table, sorted."""
        found: dict[str, list[str]] = {}
        for name in self._texts:
            found.setdefault("/".join(name.split("/")[:2]), []).append(name)
        return dict(sorted(found.items()))

    def malformed(self, seed: int, number: int) -> tuple[str, bytes]:
        """The name of the text, and its mutation of that number. Each folder and each table has the same chance."""
        chosen = random.Random(f"{seed}/{number}")
        name = chosen.choice(self._groups[chosen.choice(list(self._groups))])
        return name, mutated(self._texts[name], chosen, self._all) + _PLANTED.encode()


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


def flowc(*arguments: str) -> int:
    """The exit code of a command in this process."""
    from flowc_cli.__main__ import main

    try:
        main([*arguments, "--traceback"])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


def _exit_code() -> int:
    """Check the file, and compile it for both targets where it has no errors."""
    codes = [flowc("check", "flow.py")]
    if codes == [0]:
        where = ("--root", "s3://bucket/prefix", "-o", os.devnull)
        codes += [flowc("compile", "flow.py", "--target", target, *where) for target in _TARGETS]
    bad = [code for code in codes if code not in (0, 2)]
    return bad[0] if bad else max(codes)


def _try(folder: Path) -> NoReturn:
    watch(folder)
    os._exit(_exit_code())


def load() -> None:
    """Load all that a compilation does, so that forked processes have it."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        import_module("libcst")
        for name in ("retry_once", "fan_out_map"):
            file = str(REPOSITORY / "examples" / f"{name}.py")
            flowc("check", file)
            for target in _TARGETS:
                flowc("compile", file, "--target", target, "--root", "s3://bucket/prefix", "-o", os.devnull)


def _write(project: Path, content: bytes) -> None:
    project.mkdir()
    (project / "flow.py").write_bytes(content)
    (project / "canary.py").write_text(_SIREN)


def attempt(content: bytes) -> tuple[Outcome, bool]:
    """How a file fared in a process of its own, and whether code of it was executed."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "project"
        _write(place, content)
        outcome = in_a_process(lambda: _try(place), place)
        return outcome, (place / CANARY).exists()


class Fuzz:
    """Tries numbers: in workers, or alone."""

    def __init__(self, choice: Choice, folder: Path) -> None:
        self._choice = choice
        self._folder = folder
        """Of this trial; each worker has one in it."""
        self.corpus = Corpus(seeds())

    def alone(self, number: int) -> list[Attempt]:
        """Try a file in a process of its own."""
        name, content = self.corpus.malformed(self._choice.seed, number)
        outcome, executed = attempt(content)
        problem = "executed" if executed else outcome.slowed(self._choice.slowdown).problem
        text = problem and f"{problem} in a mutation of {name}: {outcome.last[:200]}"
        files = {"flow.py": content, "output": outcome.output.encode()} if problem else {}
        return [Attempt(str(number), text, files)]

    def begin(self) -> None:
        """Make this process one for many files."""
        self._folder /= str(os.getpid())
        self._folder.mkdir()
        limit(self._folder, self._folder.with_suffix(".output"))
        watch(self._folder)
        _keep_what_is_the_same()

    def execute(self, number: int) -> list[Attempt] | None:
        """Try a file in this process; `None` where that is not enough to say that all is well."""
        if not number % OWN_PROCESS:
            return None
        project = self._folder / str(number)
        _write(project, self.corpus.malformed(self._choice.seed, number)[1])
        os.chdir(project)
        os.ftruncate(1, 0)
        os.lseek(1, 0, os.SEEK_SET)
        signal.setitimer(signal.ITIMER_PROF, STOPPED_AFTER)
        started = time.process_time()
        code = _exit_code()
        seconds = time.process_time() - started
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.flush()
        sys.stderr.flush()
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        outcome = Outcome(code, seconds, megabytes, self._folder.with_suffix(".output").read_text(errors="replace"))
        executed = any((place / CANARY).exists() for place in (project, self._folder))
        shutil.rmtree(project)
        bad = executed or outcome.slowed(self._choice.slowdown).problem
        return None if bad else [Attempt(str(number))]


def _keep_what_is_the_same() -> None:
    """Let the commands of this process share what is the same: options, entry points, the shim's zip, a file's IR."""
    import typer.main

    import flowc_cli.app
    import flowc_targets.base.target
    from flowc_cli.flow_options import FlowOptions

    typer.main.get_command = cache(typer.main.get_command)
    loaded = cache(flowc_cli.app.load_command)
    flowc_cli.app.load_command = lambda name: copy.copy(loaded(name))  # what reads its options is replaced in it
    targets: Any = flowc_targets.base.target
    targets.entry_points = cache(targets.entry_points)
    zipfile._get_compressor = lambda *_: _Compressor()  # type: ignore[attr-defined]
    compiled = FlowOptions.compile
    kept: dict[Path, Compilation] = {}

    def compile_once(self: FlowOptions, file: Path, sink: DiagnosticSink) -> Compilation:
        path = file.absolute()
        if path not in kept:
            kept.clear()
            kept[path] = compiled(self, file, sink)  # the targets are tried where this has no errors only
        return kept[path]

    FlowOptions.compile = compile_once  # type: ignore[method-assign]


class _Compressor:
    """Compresses a file of a zip, and keeps that for the next zip."""

    _compressed: ClassVar[dict[bytes, bytes]] = {}

    def compress(self, content: bytes) -> bytes:
        """All of it."""
        if content not in self._compressed:
            compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
            self._compressed[content] = compressor.compress(content) + compressor.flush()
        return self._compressed[content]

    def flush(self) -> bytes:
        """Nothing is left."""
        return b""


def trial(choice: Choice) -> Iterator[Attempt]:
    """Try that many mutations; `--only NUMBER` tries one of them again."""
    load()
    numbers = [number for number in range(choice.count) if not choice.names or str(number) in choice.names]
    with tempfile.TemporaryDirectory() as folder:
        fuzz = Fuzz(choice, Path(folder))
        work = Work(fuzz.execute, fuzz.alone, fuzz.begin)
        yield from in_workers(work, numbers, batch=max(25, min(500, choice.count // 8)))
