# ruff: noqa: E501 (a row stands on a line)
"""Ways for the code of a step to end or to misbehave, each with what is to become of its task."""

from __future__ import annotations

import textwrap
from typing import NamedTuple


class Row(NamedTuple):
    """One way."""

    name: str
    body: str
    """The code, within a method of the flow."""
    reason: str | None = None
    """What the report of the failed task must have, as a regular expression; `None` for a task that succeeds."""
    code: int | None = None
    """The exit code of its process, which is all that an engine knows of a task that could not report anything."""
    timeout: bool = False
    """Whether the step has a `@timeout` of a second."""
    either: bool = False
    """Whether it may succeed as well: it depends on the Python, or on how its process began."""
    escapes: bool = False
    """Whether it leaves a process of its own session behind, as daemons do."""
    local: str | None = None
    """What the local engine says instead of the reason."""
    reader: bool = False
    """Whether the task that reads what it has set may be the one that fails."""


def _row(name: str, body: str, reason: str | None = None, code: int | None = None, **options: bool | str) -> Row:
    return Row(name, textwrap.dedent(body).strip(), reason, code)._replace(**options)  # type: ignore[arg-type]


def _raising(name: str, expression: str, reason: str) -> Row:
    return _row(f"raise_{name}", f"raise {expression}", reason)


def _killed(name: str, signal: str, number: int) -> Row:
    return _row(f"kill_{name}", f"end_by({signal})", f"killed by (SIG|signal ){name.upper()}", 128 + number)


_LATE = "TimeoutException|longer than its timeout|longer than the specified deadline"

_EXITS = (
    *(
        _row(f"sys_exit_{name}", f"sys.exit({argument})", rf"sys\.exit\({shown}|SystemExit")
        for name, argument, shown in [
            ("nothing", "", "None"), ("0", "0", "0"), ("3", "3", "3"), ("-1", "-1", "-1"), ("text", "'bye'", "'bye'"),
            ("huge", "10**30", "10+"), ("tuple", "(1, 2)", r"\(1, 2\)"), ("true", "True", "True"),
            ("bad_repr", "BadRepr()", ""), ("lines", "'a\\nb' * 999", "'a"),
        ]
    ),
    _row("os_exit_0", "os._exit(0)", "ended before the step did", 0),
    *(_row(f"os_exit_{code}", f"os._exit({code})", f"exit code {code}", code) for code in (1, 2, 3, 70, 99, 130, 255)),
    _row("exit_in_thread", "threading.Thread(target=os._exit, args=(5,)).start(); time.sleep(30)", "exit code 5", 5),
    _row("exec_true", "os.execv(TRUE, ['true'])", "ended before the step did", 0),
    _row("exec_false", "os.execv(sys.executable, ['python', '-c', 'exit(4)'])", "exit code 4", 4),
    _row("abort", "os.abort()", "killed by SIGABRT", 134),
    _row("null_pointer", "import ctypes; ctypes.string_at(0)", "killed by SIGSEGV", 139),
    _row("builtin_exit", "exit(3)", "SystemExit|sys.exit|name 'exit'"),
    _row("debugger", "breakpoint()", "BdbQuit|EOFError"),
    _row("input", "input()", "EOFError"),
    *(
        _killed(name, f"signal.SIG{name.upper()}", number)
        for name, number in [
            ("kill", 9), ("term", 15), ("segv", 11), ("hup", 1), ("usr1", 10), ("alrm", 14),
            ("quit", 3),
        ]
    ),
    _killed("39", "signal.SIGRTMIN + 5", 39),
    _row("kill_group", "os.kill(0, signal.SIGKILL)", "killed by SIGKILL", 137),
    _row("kill_sigint", "signal.signal(signal.SIGINT, signal.default_int_handler)\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)", "KeyboardInterrupt", 130),
    _row("kill_sigpipe", "signal.signal(signal.SIGPIPE, signal.SIG_DFL); os.kill(os.getpid(), 13)", "SIGPIPE", 141),
    _row("stopped", "os.kill(os.getpid(), signal.SIGSTOP); time.sleep(30)", _LATE, 137, timeout=True),
    _row("cpu_limit", "resource.setrlimit(resource.RLIMIT_CPU, (1, 9))\nwhile True: pass", "killed by SIGXCPU", 152),
)  # fmt: skip

_RAISED = (
    _raising("value", "ValueError('odd one')", "ValueError: odd one"),
    _raising("base", "BaseException('odd one')", "BaseException: odd one"),
    _raising("interrupt", "KeyboardInterrupt", "KeyboardInterrupt"),
    _raising("generator_exit", "GeneratorExit('odd one')", "GeneratorExit: odd one"),
    _raising("stop_iteration", "StopIteration(3)", "StopIteration: 3"),
    _raising("cancelled", "asyncio.CancelledError('odd one')", "CancelledError: odd one"),
    _raising("own_base", "OwnBase('odd one')", "OwnBase: odd one"),
    _raising("group", "Group('odd one', [ValueError(1), KeyError(2)])", "odd one"),
    _raising("no_type", "3", "TypeError: exceptions must derive"),
    _raising("huge", "ValueError('odd' * 3_000_000)", "ValueError: oddodd"),
    _raising("bytes", r"ValueError('a\0\x1b[31m\x07\ud800\u202eb')", "ValueError: a"),
    _raising("unpicklable", "ValueError(lambda: 1, threading.Lock())", "ValueError"),
    _raising("closed_class", "type('Local', (Exception,), {})('odd one')", "Local: odd one"),
    _raising("bad_str", "BadStr('odd one')", "BadStr"),
    _raising("bad_repr_key", "KeyError(BadRepr())", "KeyError"),
    _raising("str_number", "StrNumber()", "StrNumber"),
    _raising("str_exits", "StrExits()", "StrExits"),
    _row("raise_str_endless", "raise StrEndless()", _LATE, 137, timeout=True),
    _raising("bad_args", "BadArgs('odd one')", "BadArgs"),
    _raising("bad_reduce", "BadReduce('odd one')", "BadReduce: odd one"),
    _raising("odd_name", "OddName('odd one')", "odd one"),
    _raising("module_number", "ModuleNumber('odd one')", "odd one"),
    _raising("import", "ImportError('odd one', name=3, path=4)", "ImportError: odd one"),
    _raising("bad_attribute", "AttributeError('odd one', name='x', obj=BadDir())", "AttributeError: odd one"),
    _raising("name_error", "NameError('odd one', name=3)", "NameError: odd one"),
    _raising("os_error", "OSError(3, BadRepr(), 5)", "OSError|FileNotFoundError|ProcessLookupError"),
    _raising("bad_equality", "BadEqual('odd one')", "BadEqual: odd one"),
    _raising("bad_hash", "BadHash('odd one')", "BadHash: odd one"),
    _raising("flowc_error", "FlowError('odd one')", "FlowError: odd one"),
    _raising("bad_getattr", "BadGetattr('odd one')", "BadGetattr: odd one"),
    *(
        _raising(f"syntax_{name}", f"SyntaxError('odd one', {details})", "SyntaxError")
        for name, details in [
            ("line", "('f', 10**9, -5, None)"), ("text", "('f', 'x', 'y', 'z')"), ("numbers", "(1, 2, 3, 4)"),
            ("bytes", "('f', 1, 1, b'x')"), ("offset", "('f', 1, 10**30, 'x')"), ("end", "('f', 1, 5, 'x', 0, -9)"),
        ]
    ),
    _row("raise_context_cycle", "a, b = ValueError('odd one'), KeyError()\na.__context__, b.__context__ = b, a\nraise a",
         "ValueError: odd one"),
    _row("raise_cause_itself", "a = ValueError('odd one')\na.__cause__ = a\nraise a", "ValueError: odd one"),
    _row("raise_long_chain", "a = None\nfor i in range(5000):\n    b = ValueError('odd one')\n    b.__cause__ = a\n"
         "    a = b\nraise a", "ValueError: odd one"),
    _row("raise_notes", "a = ValueError('odd one')\na.__notes__ = 5\nraise a", "ValueError: odd one"),
    _row("raise_note_objects", "a = ValueError('odd one')\na.__notes__ = [3, BadRepr(), BadStr()]\nraise a",
         "ValueError: odd one"),
    _row("raise_class_changed", "a = OwnBase('odd one')\na.__class__ = OddName\nraise a", "odd one", either=True),
    _row("raise_excepthook", "sys.excepthook = 3\nraise ValueError('odd one')", "ValueError: odd one"),
    _row("raise_no_tracebacks", "sys.tracebacklimit = 0\nraise ValueError('odd one')", "ValueError: odd one"),
    _row("raise_bad_limit", "sys.tracebacklimit = 'x'\nraise ValueError('odd one')", "ValueError: odd one"),
    _row("raise_bad_linecache", "import linecache\nlinecache.getline = linecache.getlines = None\n"
         "linecache.checkcache = None\nraise ValueError('odd one')", "ValueError"),
    _row("raise_in_exec", "exec(compile('raise ValueError(\"odd one\")', '\\ud800\\0', 'exec'))", "ValueError", either=True),
    _row("recursion", "def f(): f()\nf()", "RecursionError"),
    _row("recursion_of_repr", "sys.setrecursionlimit(10**6)\na = []\nfor _ in range(300000): a = [a]\nrepr(a)",
         "SIGSEGV|RecursionError", 139, either=True),
    _row("stack_overflow", "sys.setrecursionlimit(10**9)\ndef f(_): return list(map(f, [1]))\nf(1)",
         "SIGSEGV|RecursionError|MemoryError", 139),
    _row("low_recursion_limit", "sys.setrecursionlimit(70)", "RecursionError", either=True),
    _row("low_limit_and_raise", "sys.setrecursionlimit(70)\nraise ValueError('odd one')", "ValueError|RecursionError"),
    _row("memory", "bytearray(1 << 62)", "MemoryError"),
    _row("memory_all", "limit_memory(64)\nkept = []\nself.__class__.kept = kept\nfor size in (1 << 20, 1 << 10, 64):\n"
         "    try:\n        while True: kept.append(bytearray(size))\n    except MemoryError: pass\nraise MemoryError",
         "MemoryError|exit code|SIG", 1),
    _row("memory_little", "limit_memory(0)", "MemoryError|exit code|SIG", 1, either=True),
)  # fmt: skip

_STREAMS = (
    *(_row(f"close_{fd}", f"os.close({fd})") for fd in (0, 1, 2)),
    *(_row(f"close_{fd}_and_raise", f"os.close({fd})\nraise ValueError('odd one')", "ValueError: odd one|exit code 1", 1)
      for fd in (1, 2)),
    _row("close_standard", "os.closerange(0, 3)"),
    _row("close_all", "os.closerange(0, 256)"),
    _row("close_all_and_open", "os.closerange(0, 256)\nself.__class__.kept = [open(os.devnull, 'w') for _ in range(9)]"),
    _row("close_all_and_raise", "os.closerange(0, 256)\nraise ValueError('odd one')", "ValueError: odd one|exit code 1", 1),
    *(
        _row(f"stdout_{name}", f"sys.stdout = {value}\nprint('x') if {prints} else None")
        for name, value, prints in [
            ("none", "None", 1), ("text", "io.StringIO()", 1), ("number", "3", 0), ("bad", "BadStream()", 0),
        ]
    ),
    _row("stdout_endless_flush", "sys.stdout = EndlessFlush()", _LATE, 137, timeout=True),
    _row("stdout_closed", "sys.stdout.close()"),
    _row("stdout_deleted", "del sys.stdout"),
    _row("stdout_original", "sys.__stdout__ = sys.__stderr__ = None"),
    _row("stdout_exits", "sys.stdout = ExitingFlush()", "SystemExit|sys.exit|exit code", 3, either=True),
    _row("stderr_bad", "sys.stderr = BadStream()\nraise ValueError('odd one')", "ValueError: odd one|exit code 1", 1),
    _row("stderr_exits", "sys.stderr = ExitingFlush()\nraise ValueError('odd one')", "ValueError|exit code", 1),
    _row("stderr_deleted", "del sys.stderr\nraise ValueError('odd one')", "ValueError: odd one|exit code 1", 1),
    _row("stderr_closed", "sys.stderr.close()\nraise ValueError('odd one')", "ValueError: odd one|exit code 1", 1),
    _row("ascii", "sys.stdout.reconfigure(encoding='ascii')\nprint('\\xe9')", "UnicodeEncodeError"),
    _row("surrogates", "print('\\ud800')", "UnicodeEncodeError", either=True),
    _row("surrogates_in_error", "sys.stderr.reconfigure(errors='strict')\nraise ValueError('odd\\ud800one')", "ValueError"),
    _row("to_null", "a = os.open(os.devnull, os.O_WRONLY)\nos.dup2(a, 1)\nos.dup2(a, 2)"),
    _row("pipe_without_reader", "a, b = os.pipe()\nos.dup2(b, 1)\nos.close(a)\nos.close(b)\nsys.stdout.write('x')", "BrokenPipeError", either=True),
    _row("full_disk", "a = os.open('/dev/full', os.O_WRONLY)\nos.dup2(a, 1)\nsys.stdout.write('x')", "No space left", either=True),
    _row("long_line", "sys.stdout.write('x' * 20_000_000)"),
    _row("many_lines", "sys.stdout.write('x\\n' * 100_000)"),
    _row("bytes_out", r"sys.stdout.buffer.write(b'a\0b\xff\xfe\n\x1b[2J\r\r\n\x80')"),
    _row("half_line", "os.write(1, b'half'); os.write(2, b'\\xe2\\x82')"),
    _row("carriage_returns", r"os.write(1, b'\r'.join(b'%d' % i for i in range(9999)))"),
    _row("no_blocking", "os.set_blocking(1, False)\nfor _ in range(50): os.write(1, b'x')", "BlockingIOError", either=True),
)  # fmt: skip

_PROCESSES = (
    _row("daemon_thread", "threading.Thread(target=time.sleep, args=(99,), daemon=True).start()"),
    _row("printing_thread", "threading.Thread(target=print_for_ever, daemon=True).start()"),
    _row("thread", "threading.Thread(target=time.sleep, args=(0.5,)).start()"),
    _row("thread_that_raises", "threading.Thread(target=lambda: 1 / 0).start()"),
    _row("thread_that_exits", "threading.Thread(target=sys.exit, args=(3,)).start()"),
    _row("thread_that_sets", "threading.Thread(target=set_late, args=(self,), daemon=True).start()", "UnpicklableArtifact", either=True),
    _row("thread_that_names", "threading.Thread(target=name_late, args=(self,), daemon=True).start()"),
    _row("thread_for_ever", "threading.Thread(target=time.sleep, args=(99,)).start()", _LATE, 137, timeout=True),
    _row("interrupt_main", "import _thread\n_thread.interrupt_main()\ntime.sleep(9)", "KeyboardInterrupt"),
    _row("pool", "import concurrent.futures as c\nc.ThreadPoolExecutor(2).submit(time.sleep, 0.3)"),
    _row("bad_shutdown", "threading._shutdown = None", "exit code|TypeError", 1, either=True),
    _row("child", "subprocess.Popen(['sleep', '60'])"),
    _row("child_and_raise", "subprocess.Popen(['sleep', '60'])\nraise ValueError('odd one')", "ValueError: odd one"),
    _row("children", "for _ in range(20): subprocess.Popen(['sleep', '60'])"),
    _row("daemon", "subprocess.Popen(['sleep', '60'], start_new_session=True)", escapes=True),
    _row("child_that_prints", "subprocess.Popen(['yes'])"),
    _row("child_ignores", "subprocess.Popen(['sh', '-c', 'trap \"\" TERM HUP INT; sleep 60; sleep 60'])"),
    _row("zombies", "for _ in range(9):\n    if not os.fork(): os._exit(3)"),
    _row("fork_goes_on", "os.fork()"),
    _row("fork_fails", "if not os.fork(): raise ValueError('odd one')"),
    _row("fork_exits", "if not os.fork(): sys.exit(3)"),
    _row("fork_sleeps", "if not os.fork():\n    time.sleep(1)\n    self.before = 9"),
    _row("parent_leaves", "if os.fork():\n    time.sleep(0.2)\n    os._exit(0)\ntime.sleep(60)", "ended before the step did", 0),
    _row("daemonized", "if os.fork(): os._exit(0)\nos.setsid()\ntime.sleep(0.5)\nself.before = 9", "ended before the step did",
         0, escapes=True),
    _row("multiprocessing", "import multiprocessing as m\nm.get_context('fork').Process(target=time.sleep, args=(0.2,)).start()"),
    _row("multiprocessing_daemon", "import multiprocessing as m\n"
         "m.get_context('fork').Process(target=time.sleep, args=(60,), daemon=True).start()"),
    _row("own_group", "os.setpgid(0, os.getpgid(os.getppid()))", "PermissionError", either=True),
    _row("own_group_for_ever", "os.setpgid(0, os.getpgid(os.getppid()))\ntime.sleep(60)", f"{_LATE}|PermissionError", 137,
         timeout=True),
    _row("own_group_stopped", "os.setpgid(0, os.getpgid(os.getppid()))\nos.kill(os.getpid(), signal.SIGSTOP)",
         f"{_LATE}|PermissionError", 137, timeout=True),
)  # fmt: skip

_PLACES = (
    _row("chdir", "os.chdir('/')"),
    _row("no_directory", "os.chdir(tempfile.mkdtemp())\nos.rmdir(os.getcwd())"),
    _row("no_directory_and_raise", "os.chdir(tempfile.mkdtemp())\nos.rmdir(os.getcwd())\nraise ValueError('odd one')",
         "ValueError: odd one"),
    _row("umask", "os.umask(0o077)"),
    _row("no_environment", "os.environ.clear()"),
    _row("other_root", "os.environ.update(FLOWC_ROOT='/nonexistent', FLOWC_RUN_ID='other', FLOWC_PLAN='/x')"),
    _row("environment_replaced", "os.environ = {}"),
    _row("no_files", "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))", "Too many open files|exit code 1", 1, either=True),
    _row("no_files_and_raise", "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\nraise ValueError('odd one')",
         "ValueError: odd one|exit code 1", 1),
    _row("no_size", "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))", "File too large|exit code [12]", 1),
    _row("chroot", "os.chroot(tempfile.mkdtemp())", "PermissionError|exit code|ended before|No such file", 0, either=True),
    _row("other_user", "os.setuid(65534)", "Permission|exit code", 1, either=True),
    _row("no_temporary_folder", "tempfile.tempdir = '/nonexistent'"),
    _row("no_imports", "sys.path.clear(); sys.path_importer_cache.clear()"),
    _row("no_finders", "sys.meta_path.clear()", "ImportError|ModuleNotFound|exit code", 1, either=True),
    _row("no_finders_and_raise", "sys.meta_path.clear()\nraise ValueError('odd one')", "ValueError: odd one"),
    _row("no_modules", "sys.modules.clear()", "Error|exit code", 1, either=True),
    _row("no_modules_and_raise", "sys.modules.clear()\nraise ValueError('odd one')", "ValueError|exit code", 1),
    _row("bad_import", "import builtins\nbuiltins.__import__ = None\nraise ValueError('odd one')", "ValueError|exit code", 1),
    _row("no_open", "import builtins\nbuiltins.open = None", "Error|exit code", 1, either=True),
    _row("no_time", "time.time = lambda: 0.0"),
    _row("bad_time", "time.time = lambda: 'x'"),
    _row("trace", "sys.settrace(lambda *_: 1 / 0)", "ZeroDivisionError"),
    _row("profile", "sys.setprofile(lambda *_: 1 / 0)", "ZeroDivisionError", either=True),
    _row("audit", "def refuse(event, _):\n    if event == 'open': raise ValueError('odd one')\nsys.addaudithook(refuse)",
         "odd one", either=True),
    _row("no_collection", "gc.disable(); gc.freeze()"),
    _row("locale", "import locale\nlocale.setlocale(locale.LC_ALL, 'C')"),
    _row("warnings", "import warnings\nwarnings.simplefilter('error')\nwarnings.warn('odd one')", "UserWarning: odd one"),
    _row("warnings_later", "import warnings\nwarnings.simplefilter('error')\nself.kept = open(os.devnull).name"),
    _row("digits", "sys.set_int_max_str_digits(640)\nself.large = 10**5000"),
)  # fmt: skip

_SIGNALS = (
    _row("late", "time.sleep(60)", "TimeoutException", timeout=True),
    _row("late_loop", "while True: pass", "TimeoutException", timeout=True),
    _row("late_catches", "while True:\n    try: time.sleep(60)\n    except BaseException: pass", _LATE, 1, timeout=True),
    _row("late_ignores_term", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True:\n    try: time.sleep(9)\n"
         "    except BaseException: pass", _LATE, 1, timeout=True),
    _row("late_ignores_alarm", "signal.signal(signal.SIGALRM, signal.SIG_IGN)\ntime.sleep(60)", _LATE, 1, timeout=True),
    _row("late_no_timer", "signal.setitimer(signal.ITIMER_REAL, 0)\ntime.sleep(60)", _LATE, 1, timeout=True),
    _row("late_masks", "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\ntime.sleep(60)", _LATE, 1, timeout=True),
    _row("late_in_c", "import re\nre.match('(a+)+$', 'a' * 40 + 'b')", _LATE, 1, timeout=True),
    _row("late_in_finally", "try: time.sleep(60)\nfinally: time.sleep(60)", _LATE, 1, timeout=True),
    _row("late_with_child", "subprocess.run(['sleep', '60'])", "TimeoutException", timeout=True),
    _row("handlers", "for number in (1, 2, 15): signal.signal(number, lambda *_: None)"),
    _row("ignores_children", "signal.signal(signal.SIGCHLD, signal.SIG_IGN)"),
    _row("handler_raises", "signal.signal(signal.SIGUSR1, lambda *_: 1 / 0)\nos.kill(os.getpid(), signal.SIGUSR1)\ntime.sleep(1)",
         "ZeroDivisionError"),
    _row("masked", "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))"),
)  # fmt: skip

_ARTIFACTS = (
    *(
        _row(f"artifact_{name}", f"self.bad = {value}", "UnpicklableArtifact|cannot be pickled")
        for name, value in [
            ("lambda", "[lambda: 1]"), ("generator", "(i for i in [1])"), ("file", "open(os.devnull)"),
            ("lock", "threading.Lock()"), ("module", "sys"), ("async_generator", "agen()"), ("coroutine", "coroutine()"),
            ("local_class", "type('L', (), {})()"), ("frame", "sys._getframe()"), ("flow_method", "[self.misbehave]"),
            ("bad_reduce", "BadPickle()"), ("junk_reduce", "JunkReduce()"), ("memory", "MemoryPickle()"),
        ]
    ),
    _row("artifact_exits", "self.bad = ExitPickle()", "SystemExit|sys.exit"),
    _row("artifact_interrupts", "self.bad = InterruptPickle()", "KeyboardInterrupt"),
    _row("artifact_endless", "self.bad = EndlessPickle()", _LATE, 137, timeout=True),
    _row("artifact_deep", "a = []\nfor _ in range(100000): a = [a]\nself.bad = a", "Recursion|Unpicklable|SIGSEGV", 139,
         either=True),
    _row("artifact_itself", "self.bad = []\nself.bad.append(self.bad)"),
    _row("artifact_flow", "self.bad = self", "Unpicklable|cannot be pickled|Error", either=True),
    _row("artifact_unreadable", "self.bad = BadUnpickle()"),
    _row("artifact_unreadable_exit", "self.bad = ExitUnpickle()"),
    _row("artifact_bad_equality", "self.bad = BadEqualValue()"),
    _row("artifact_class_lies", "self.bad = ClassLies()", "UnpicklableArtifact", either=True),
    _row("artifact_bad_getattr", "self.bad = BadGetattrValue()", "Unpicklable|Recursion|Error", either=True),
    _row("artifact_bad_len", "self.bad = BadLen()"),
    _row("artifact_changes", "self.bad = Changing()"),
    _row("artifacts_many", "for i in range(3000): setattr(self, f'a{i}', i)"),
    _row("artifact_large", "self.bad = bytes(50_000_000)"),
    _row("artifact_large_number", "self.bad = 1 << 3_000_000"),
    _row("artifact_nan", "self.bad = [float('nan'), -0.0, float('inf')]"),
    *(
        _row(f"name_{name}", f"{how}", "name|artifact|Error", either=True)
        for name, how in [
            ("unicode", "setattr(self, '\\xe9\\u202e', 1)"), ("space", "setattr(self, 'a b', 1)"),
            ("empty", "setattr(self, '', 1)"), ("long", "setattr(self, 'x' * 3000, 1)"),
            ("slash", "setattr(self, '../../a', 1)"), ("nul", "setattr(self, 'a\\0b', 1)"),
            ("surrogate", "setattr(self, 'a\\ud800', 1)"), ("number", "self.__dict__[5] = 1"),
            ("object", "self.__dict__[BadHashLater()] = 1"), ("private", "self._x = self.__y = 1"),
            ("dunder", "self.__z__ = 1"), ("step", "setattr(self, 'both', 1)"), ("input", "vars(self)['input'] = 1"),
        ]
    ),
    _row("no_dict", "self.__dict__ = {}", "AttributeError|InvalidNext|Error", either=True),
    _row("dict_cleared", "self.__dict__.clear()", "AttributeError|Error", either=True),
    _row("other_class", "self.__class__ = type('Other', (type(self),), {})", either=True, reason="Error"),
    _row("strange_class", "self.__class__ = type('Other', (), {})", "Error"),
    _row("next_replaced", "vars(self)['next'] = lambda *_, **__: None", "self.next|InvalidNext"),
    _row("next_twice", "self.next(self.both)", "InvalidNext|self.next"),
    _row("next_nowhere", "type(self).next(self, 3)", "InvalidNext|self.next|TypeError"),
    _row("next_elsewhere", "type(self).next(self, self.end)", "InvalidNext|self.next"),
    _row("next_nothing", "type(self).next(self)", "InvalidNext|self.next"),
    _row("class_changed", "type(self).both = None"),
    _row("setattr_raises", "type(self).__setattr__ = lambda *_: 1 / 0", "ZeroDivisionError", either=True),
    _row("getattribute_raises", "type(self).__getattribute__ = lambda *_: 1 / 0", "ZeroDivisionError"),
    _row("recursive_getattr", "type(self).__getattr__ = lambda self, name: getattr(self, name)", "Recursion", either=True),
)  # fmt: skip

_ENDS = (
    _row("atexit_raises", "atexit.register(lambda: 1 / 0)"),
    _row("atexit_exits", "atexit.register(sys.exit, 5)", either=True, reason="exit code 5", code=5),
    _row("atexit_os_exit", "atexit.register(os._exit, 7)", "exit code 7", 7),
    _row("atexit_prints", "atexit.register(print, 'at the end')"),
    _row("atexit_closed", "atexit.register(sys.stdout.close)"),
    _row("atexit_kill", "atexit.register(os.kill, os.getpid(), 9)", "SIGKILL", 137),
    _row("atexit_endless", "atexit.register(time.sleep, 60)", _LATE, 137, timeout=True),
    _row("del_raises", "self.__class__.kept = DelRaises()"),
    _row("del_exits", "self.__class__.kept = DelExits()", "exit code", 3, either=True),
    _row("del_of_artifact", "self.bad = DelRaises()"),
    _row("finalize_raises", "import weakref\nself.__class__.kept = DelRaises()\n"
         "weakref.finalize(self.__class__.kept, lambda: 1 / 0)"),
    _row("unraisablehook", "sys.unraisablehook = lambda *_: 1 / 0\nself.__class__.kept = DelRaises()"),
    _row("collector_raises", "gc.callbacks.append(lambda *_: 1 / 0)\ngc.collect()"),
    _row("event_loop", "loop = asyncio.new_event_loop()\nloop.create_task(coroutine())\nself.__class__.kept = loop"),
    _row("asyncio_raises", "asyncio.run(failing())", "ValueError: odd one"),
    _row("generator_left", "a = left_open()\nnext(a)\nself.__class__.kept = a"),
)  # fmt: skip

ROWS: tuple[Row, ...] = (
    *_EXITS, *_RAISED, *_STREAMS, *_PROCESSES, *_PLACES, *_SIGNALS, *_ARTIFACTS, *_ENDS,
)  # fmt: skip
"""All ways."""
