"""The entry point of the `flowc` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; exit 0 when all went well, 1 for a failed run, 2 for bad input, 130 for an interrupt."""
    from flowc_cli.app import app

    try:
        app(prog_name="flowc")
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
