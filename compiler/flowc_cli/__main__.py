"""The entry point of the `flowc` command."""

from __future__ import annotations

import gc
import sys


def main(arguments: list[str] | None = None, program: str = "flowc") -> None:
    """Run the command line; exit 0 when all went well, 1 for a failed run, 2 for bad input, 130 for an interrupt."""
    # A compile lives for a fraction of a second and makes little garbage, yet imports and syntax trees would have the
    # collector walk everything again and again; `flowc run`, which lives longer, turns it on again.
    gc.disable()
    from flowc_cli.app import app

    try:
        app(arguments, prog_name=program)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    finally:
        if arguments is None and not gc.isenabled():
            gc.freeze()  # the process ends now: the interpreter's last collections have nothing to walk


if __name__ == "__main__":
    main()
