"""The entry point of the `flowc` command."""

from __future__ import annotations

import errno
import gc
import os
import sys

INTERNAL_ERROR = 70
"""The exit code for a fault of flowc itself, as `EX_SOFTWARE` of sysexits.h."""
_TRACEBACK = "--traceback"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Errors of a write to standard output."""


def main(arguments: list[str] | None = None, program: str = "flowc") -> None:
    """Run the command line.

    Exit 0 when all went well, 1 for a failed run, 2 for bad input, 70 for a fault of flowc, 130 for an interrupt.
    """
    # A compile lives for a fraction of a second and makes little garbage, yet imports and syntax trees would have the
    # collector walk everything again and again; `flowc run`, which lives longer, turns it on again.
    gc.disable()
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _interrupt_again
    given = sys.argv[1:] if arguments is None else arguments
    _open_standard_streams()
    try:
        from flowc_cli.app import app

        app([item for item in given if item != _TRACEBACK], prog_name=program)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # click's own answer to one is exit code 1
            sys.exit(0)
        if not _flushed() and not end.code:
            sys.exit(1)
        raise
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        # The files that commands write have names.
        if isinstance(error, OSError) and error.filename is None and error.errno in _FULL:
            _discard_output(error)
            sys.exit(1)
        _report(error, program, details=_TRACEBACK in given)
        sys.exit(INTERNAL_ERROR)
    finally:
        if arguments is None and not gc.isenabled():
            gc.freeze()  # the process ends now: the interpreter's last collections have nothing to walk


def _interrupt_again(dropped: sys.UnraisableHookArgs) -> None:
    """Repeat an interrupt that Python dropped, as it does with what is raised in callbacks of weak references."""
    if dropped.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(dropped)
        return
    import signal
    from threading import Timer, get_ident

    # Not at once: that would interrupt this function.
    if hasattr(signal, "pthread_kill"):
        Timer(0.01, signal.pthread_kill, (get_ident(), signal.SIGINT)).start()


def _open_standard_streams() -> None:
    """Where a standard stream is closed, let it lead nowhere: else the next file or pipe would get its number."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(descriptor, "w" if descriptor else "r", closefd=False))


def _flushed() -> bool:
    """Write what is left of the output; false, with a message, where that cannot be done."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _discard_output(error)
        return isinstance(error, BrokenPipeError)
    return True


def _discard_output(error: OSError) -> None:
    """Let the output go nowhere, and say so, unless its reader has just gone."""
    from flowc_targets.base.json_events import discard

    discard(sys.stdout)
    if not isinstance(error, BrokenPipeError):
        sys.stderr.write(f"flowc: standard output cannot be written: {error.strerror or error}\n")


def _report(error: Exception, program: str, *, details: bool) -> None:
    """Say on one line what is wrong and where, and how to report it."""
    import platform
    import traceback

    from flowc._version import __version__
    from flowc_compiler.diagnostics.terminal_text import visible

    if details:
        traceback.print_exception(error)
    try:
        frames = traceback.extract_tb(error.__traceback__)
        own = next((frame for frame in reversed(frames) if "flowc" in frame.filename), frames[-1])
        place = f"{'/'.join(own.filename.split('/')[-3:])}:{own.lineno}"
    except IndexError:  # it was raised nowhere
        place = "an unknown place"
    text = visible(" ".join(f"{type(error).__name__}: {error}".split())[:300])
    versions = f"flowc {__version__}, Python {platform.python_version()}"
    more = "" if details else f"; {_TRACEBACK} shows more"
    how = f"This is a fault of flowc: report it with this line, the command and, if you can, the file{more}"
    line = f"{program}: internal error: {text} ({place}, {versions}). {how}\n"
    sys.stderr.write(line.encode("utf-8", "backslashreplace").decode())


if __name__ == "__main__":
    main()
