"""The entry point of the `flowc` command."""

from __future__ import annotations

import gc
import sys

INTERNAL_ERROR = 70
"""The exit code for a fault of flowc itself, as `EX_SOFTWARE` of sysexits.h."""
_TRACEBACK = "--traceback"


def main(arguments: list[str] | None = None, program: str = "flowc") -> None:
    """Run the command line.

    Exit 0 when all went well, 1 for a failed run, 2 for bad input, 70 for a fault of flowc, 130 for an interrupt.
    """
    # A compile lives for a fraction of a second and makes little garbage, yet imports and syntax trees would have the
    # collector walk everything again and again; `flowc run`, which lives longer, turns it on again.
    gc.disable()
    given = sys.argv[1:] if arguments is None else arguments
    try:
        from flowc_cli.app import app

        app([item for item in given if item != _TRACEBACK], prog_name=program)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        _report(error, program, details=_TRACEBACK in given)
        sys.exit(INTERNAL_ERROR)
    finally:
        if arguments is None and not gc.isenabled():
            gc.freeze()  # the process ends now: the interpreter's last collections have nothing to walk


def _report(error: Exception, program: str, *, details: bool) -> None:
    """Say on one line what is wrong and where, and how to report it."""
    import platform
    import traceback

    from flowc._version import __version__

    if details:
        traceback.print_exception(error)
    try:
        frames = traceback.extract_tb(error.__traceback__)
        own = next((frame for frame in reversed(frames) if "flowc" in frame.filename), frames[-1])
        place = f"{'/'.join(own.filename.split('/')[-3:])}:{own.lineno}"
    except IndexError:  # it was raised nowhere
        place = "an unknown place"
    text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    versions = f"flowc {__version__}, Python {platform.python_version()}"
    more = "" if details else f"; {_TRACEBACK} shows more"
    how = f"This is a fault of flowc: report it with this line, the command and, if you can, the file{more}"
    line = f"{program}: internal error: {text} ({place}, {versions}). {how}\n"
    sys.stderr.write(line.encode("utf-8", "backslashreplace").decode())


if __name__ == "__main__":
    main()
