"""What commands write: never over the files of a flow, and for `--check` only compared with what is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.driver import Compilation


def report_own_files(outputs: Iterable[Path], compilations: Iterable[Compilation], sink: DiagnosticSink) -> None:
    """Collect FC603 for outputs that are the file of a flow, of a local module that it imports, or of a config."""
    existing = [path for path in outputs if path.is_file()]
    if not existing:
        return
    own = {_identity(path) for item in compilations for path in _own_files(item) if path.is_file()}
    for output in existing:
        if _identity(output) in own:
            message = f"{output} is a file that the flow is made of, and would be lost"
            sink.error("FC603", message, None, help="choose another path with -o")


def file_differences(texts: Mapping[Path, str]) -> Iterator[str]:
    """A line for each file that is not on the disk as it would be written."""
    for path, text in texts.items():
        try:
            if path.read_bytes() != text.encode():
                yield f"{path} would change"
        except FileNotFoundError:
            yield f"{path} is missing"
        except OSError as error:
            yield f"{path} cannot be read: {error.strerror or error}"


def _identity(path: Path) -> tuple[int, int]:
    """What two paths of one file share, whatever links lead there."""
    found = path.stat()
    return found.st_dev, found.st_ino


def _own_files(compilation: Compilation) -> list[Path]:
    from flowc_compiler.syntax.local_code import local_code

    configs = (Path(config.origin) for config in compilation.flow.configs if config.origin)
    return [compilation.source.path, *local_code(compilation.source).files, *configs]
