"""Checks of many files: the cache knows some, this process checks what is done soon, and further ones the rest."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flowc_cli.batch.check_inputs import Found
from flowc_cli.batch.file_report import FileReport
from flowc_cli.batch.flow_evidence import Candidates
from flowc_compiler.filesystem import SEEN, Seen, disk_unchanged, record_variables
from flowc_compiler.source import Span

if TYPE_CHECKING:
    from flowc_cli.batch.check_cache import CheckCache
    from flowc_cli.checking import CheckOptions

SOON = 0.5
"""Seconds that a process checks files by itself before it starts others, which takes a while."""
START_METHOD = "fork" if sys.platform == "linux" else "spawn"
"""How processes begin: by `fork`, with all that is imported here."""
_CHUNK = 16
"""How many files a process is given at once."""
_GARBAGE = 200
"""After how many files a process looks for garbage: the command turned the collector off."""

_Done = tuple[FileReport, Seen]


class Permissions(NamedTuple):
    """What the command line lets compiling read, which other processes have to know, and results depend on."""

    readable: tuple[Path, ...]
    """Of `--allow-read`."""
    variables: tuple[str, ...]
    """Of `--env-at-compile`."""
    large: bool
    """`--allow-large`."""

    @classmethod
    def given(cls) -> Permissions:
        """The permissions of this process."""
        from flowc_compiler.evaluate.literals import ENV_AT_COMPILE
        from flowc_compiler.syntax.import_root import READABLE
        from flowc_compiler.syntax.parsing import ALLOW_LARGE

        return cls(READABLE.get(), tuple(sorted(ENV_AT_COMPILE.get()())), ALLOW_LARGE.get())

    def apply(self) -> None:
        """Make them those of this process."""
        from flowc_compiler.evaluate.literals import ENV_AT_COMPILE
        from flowc_compiler.syntax.import_root import READABLE
        from flowc_compiler.syntax.parsing import ALLOW_LARGE

        variables = frozenset(self.variables)
        READABLE.set(self.readable)
        ENV_AT_COMPILE.set(lambda: variables)
        ALLOW_LARGE.set(self.large)


class Outcome(NamedTuple):
    """A file, and what is known of it."""

    file: Path
    report: FileReport
    named: bool


class BatchResult(NamedTuple):
    """What is known of all files."""

    outcomes: list[Outcome]
    """Of the files with flows, and of those that were named, in the order of the files."""
    skipped: int
    """How many files have no flow."""
    bases: list[str]
    """The files whose classes are bases of other files' flows, and are no flows by themselves."""
    cached: int
    """Of how many files the cache knew the result."""
    seen: list[Seen]
    """What the checks saw."""


def check_files(
    files: Sequence[Found], options: CheckOptions, jobs: int, cache: CheckCache | None = None
) -> BatchResult:
    """Check files in up to `jobs` processes. Results are stored in the cache, which the caller saves."""
    with disk_unchanged():
        return _checked(files, options, jobs, cache)


def _checked(files: Sequence[Found], options: CheckOptions, jobs: int, cache: CheckCache | None) -> BatchResult:
    candidates = Candidates(files)
    wanted = candidates.wanted
    reports: dict[int, FileReport] = {}
    if cache is not None:
        found = ((number, cache.find(files[number].path)) for number in wanted)
        reports = {number: report for number, report in found if report is not None}
    cached = len(reports)
    observations = [cache.seen(files[number].path) for number in reports] if cache is not None else []
    rest = [number for number in wanted if number not in reports]
    paths = [str(files[number].path) for number in rest]
    for number, (report, seen) in zip(rest, _check_all(paths, options, jobs), strict=True):
        reports[number] = report
        observations.append(seen)
        if cache is not None and not report.failure:
            cache.store(files[number].path, report, seen)
    outcomes, bases = list[Outcome](), list[str]()
    for number in wanted:
        item, report = files[number], reports[number]
        kind = candidates.kind(number, report, options.flow.flow_name)
        if kind == "base":
            bases.append(str(item.path))
        elif kind == "flow":
            outcomes.append(Outcome(item.path, report, item.named))
    return BatchResult(outcomes, len(files) - len(outcomes) - len(bases), bases, cached, observations)


def report_of(file: Path, options: CheckOptions) -> _Done:
    """Check one file. Returns what was found, and what the check saw."""
    from flowc_cli.checking import check_file
    from flowc_compiler.driver import flow_names
    from flowc_compiler.evaluate.literals import VARIABLES_READ

    seen: Seen = {}
    variables = set[str]()
    seen_token, variables_token = SEEN.set(seen), VARIABLES_READ.set(variables)
    try:
        sink, compilations, _ = check_file(file, options)
        names = flow_names(file) if sink.failed else ()
        record_variables(variables)
    finally:
        SEEN.reset(seen_token)
        VARIABLES_READ.reset(variables_token)
    spans = (item.span for item in sink.diagnostics)
    pointed = sorted({span.file for span in spans if span is not None} & sink.sources.keys())
    report = FileReport(
        sink.diagnostics,
        tuple(sorted(sink.notes, key=_note_order)),
        tuple(
            (item.flow.name, sum(not step.virtual for step in item.flow.steps))
            for item in compilations
            if not sink.failed
        ),
        names,
        {name: str(sink.sources[name].path) for name in pointed},
        tuple(sorted(variables)),
    )
    return report, seen


def default_jobs() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _note_order(note: tuple[str, Span]) -> tuple[str, int, str]:
    message, span = note
    return (span.file, span.line, message)


def _check_all(files: Sequence[str], options: CheckOptions, jobs: int) -> Iterator[_Done]:
    """Check files in their order: the first ones here, and in several processes what takes longer than a moment."""
    done = 0
    with _collecting() as collect:
        end = time.monotonic() + SOON
        while done < len(files) and (jobs < 2 or time.monotonic() < end or len(files) - done < 2):
            yield _guarded(files[done], options)
            done += 1
            collect()
        if done < len(files):
            yield from _check_in_processes(files[done:], options, min(jobs, len(files) - done))


def _check_in_processes(files: Sequence[str], options: CheckOptions, jobs: int) -> Iterator[_Done]:
    import multiprocessing

    chunk = max(1, min(_CHUNK, len(files) // (jobs * 4)))
    context = multiprocessing.get_context(START_METHOD)
    pool = ProcessPoolExecutor(min(jobs, 60), context, _start_worker, (options, Permissions.given()))
    try:
        with _interrupts_held():  # this starts the processes
            results = pool.map(_work, files, chunksize=chunk)
        yield from results
    except BaseException:
        for process in multiprocessing.active_children():
            if process.pid is not None:
                with suppress(OSError):  # it has ended
                    os.kill(process.pid, signal.SIGINT)
        raise
    finally:
        with suppress(RuntimeError):  # an interrupt may come before the pool has started its thread
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupts_held() -> Generator[None]:
    """Let an interrupt wait: Python drops one that comes in a hook of `fork`, and a new process would print it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_options: CheckOptions | None = None
_collect: Callable[[], None] | None = None
_interrupted = False
_contexts = ExitStack()


def _start_worker(options: CheckOptions, permissions: Permissions) -> None:
    """Prepare a process that checks files: after an interrupt it checks no more of them.

    It is the pool that ends it: one that ends by itself makes the pool print what broke it.
    """
    global _options, _collect  # noqa: PLW0603 (a process of a pool has no other place for it)
    signal.signal(signal.SIGINT, _note_interrupt)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    permissions.apply()
    _options = options
    _contexts.enter_context(disk_unchanged())
    _collect = _contexts.enter_context(_collecting())


def _note_interrupt(_signal: int, _frame: object) -> None:
    global _interrupted  # noqa: PLW0603 (as above)
    _interrupted = True


def _work(file: str) -> _Done:
    assert _options is not None
    assert _collect is not None
    if _interrupted:
        return FileReport(failure="the check was interrupted"), {}
    done = _guarded(file, _options)
    _collect()
    return done


def _guarded(file: str, options: CheckOptions) -> _Done:
    """Check a file; a fault of flowc ends the check of this file only."""
    try:
        return report_of(Path(file), options)
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return replace(FileReport(), failure=text), {}


@contextmanager
def _collecting() -> Generator[Callable[[], None]]:
    """What a process calls after each file, so that garbage does not grow without a limit."""
    count = 0

    def collect() -> None:
        nonlocal count
        count += 1
        if count == 1:
            gc.freeze()  # modules stay
        elif count % _GARBAGE == 0:
            gc.collect()

    yield collect
