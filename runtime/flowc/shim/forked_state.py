"""What a forked task shares with the fork server, and must not: generators, handlers for the end, open files.

A forked process ends by `os._exit`, so that it doesn't take apart what it has from its parent. What it has executed
itself ends as in any Python: its threads, its `atexit` handlers, its objects with their files.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import sys
import weakref

from flowc.current import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from random import Random
    from typing import Any, Dict, Generator, List, Set

_FOR_ALL = ("logging", "multiprocessing.util", "weakref")
"""Modules whose handlers end what a task has, too."""


class ForkedState:
    """What the fork server had when it began to fork."""

    def __init__(self) -> None:
        self._modules: Set[str] = set()
        self._generators: List[Random] = []
        """Those that libraries made without a seed."""
        self._handlers: List[Any] = []
        """What libraries registered for the end of the process."""

    @contextlib.contextmanager
    def recorded(self) -> Generator[None, None, None]:
        """Within it libraries are imported."""
        from random import Random

        original_seed, original_register = Random.seed, atexit.register

        def seed(generator: Random, a: Any = None, version: int = 2) -> None:
            if a is None:
                self._generators.append(generator)
            original_seed(generator, a, version)

        def register(function: Any, *args: Any, **kwargs: Any) -> Any:
            self._handlers.append(function)
            return original_register(function, *args, **kwargs)

        Random.seed = seed  # type: ignore[method-assign, assignment]
        atexit.__dict__["register"] = register
        try:
            yield
        finally:
            Random.seed = original_seed  # type: ignore[method-assign]
            atexit.__dict__["register"] = original_register

    def freeze(self) -> None:
        """In the server, before the first fork: keep the collector's hands off its objects."""
        self._modules = set(sys.modules)
        gc.collect()
        gc.freeze()

    def renew(self) -> None:
        """In a task, before it executes anything. Python itself has reseeded `random`'s own generator."""
        for generator in self._generators:
            generator.seed()
        numpy_random: Any = sys.modules.get("numpy.random")
        if numpy_random is not None and not _is_seeded(numpy_random):
            numpy_random.seed()
        self._forget_handlers()

    def _forget_handlers(self) -> None:
        """Forget handlers and finalizers of libraries: what they end is the server's, and not for tasks to end."""
        for handler in self._handlers:
            if getattr(handler, "__module__", "") not in _FOR_ALL:
                atexit.unregister(handler)
        vars(weakref.finalize)["_registry"].clear()

    def finish(self) -> None:
        """In a task, at its end: what Python does when it ends, for all that came after `renew`."""
        threading: Any = sys.modules.get("threading")
        if threading is not None:
            threading._shutdown()
        with contextlib.suppress(BaseException):  # Python 3.9 has printed them, and raises the last
            vars(atexit)["_run_exitfuncs"]()
        vars(current)["_lazy"] = {}  # the functions in there have the flow's class
        _flush_files()  # those of a cycle, which gc may end before the text that they have yet to get
        if threading is None or threading.active_count() == 1:  # else threads go on with what is taken apart
            _take_apart([name for name in sys.modules if name not in self._modules])
        _flush_files()


def _is_seeded(numpy_random: Any) -> bool:
    """Whether numpy's global generator was seeded explicitly: only then it has no seed sequence."""
    generator = getattr(getattr(numpy_random.mtrand, "_rand", None), "_bit_generator", None)
    return generator is not None and getattr(generator, "_seed_seq", generator) is None


class _Mark:
    """Lies among the names of a module, to see whether they are still there: a dict has no weak references."""

    __slots__ = ("__weakref__",)


_MARK = "__flowc_mark__"


def _take_apart(names: List[str]) -> None:
    """Let go of the modules of a task, so that their objects end; names of modules that something holds are cleared, as
    Python does, those of the last imported first."""
    marks: List[Any] = []
    for name in reversed(names):
        members: Any = getattr(sys.modules.pop(name), "__dict__", None)  # anything may stand for a module
        if issubclass(type(members), dict):
            members[_MARK] = _Mark()
            marks.append(weakref.ref(members[_MARK]))
    members = None
    gc.collect()
    left = [mark() for mark in marks if mark() is not None]
    if left:
        holders: List[Any] = [item for item in gc.get_referrers(*left) if issubclass(type(item), dict)]
        for holder in holders:
            _clear(holder)
        del left, holders
        gc.collect()


def _clear(members: Dict[Any, Any]) -> None:
    """Set the names of a module to None, first the private ones (CPython's _PyModule_ClearDict)."""
    for private in (True, False):
        for name in list(members):
            if isinstance(name, str) and name != "__builtins__" and _is_private(name) is private:
                members[name] = None


def _is_private(name: str) -> bool:
    return name[:1] == "_" and name[1:2] != "_"


def _flush_files() -> None:
    """Flush what is still open and of the task: gc knows the server's objects no more."""
    import _io

    base: Any = vars(_io)["_IOBase"]
    for item in gc.get_objects():
        if issubclass(type(item), base):
            with contextlib.suppress(Exception):
                item.flush()
