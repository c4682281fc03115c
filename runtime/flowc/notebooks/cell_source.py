"""The file of a flow that is defined in cells: the statements that it needs, and where each line of it comes from."""

from __future__ import annotations

import builtins
import re
from bisect import bisect_left
from typing import Any, Dict, List, Mapping, NamedTuple, Set, Tuple

from flowc.errors import FlowError
from flowc.notebooks.cell_statements import Cell, Statement, changes_import_path, names_of, statements
from flowc.shim.cell_frames import cell_marks

_END = 1 << 60
_KNOWN = frozenset({*dir(builtins), "__name__", "__file__", "__doc__", "__builtins__"})
_SHOWN = {"display": "from IPython.display import display"}
"""What IPython has in cells without an import."""


class NotebookError(FlowError):
    """A flow of cells cannot be run."""

    def _render_traceback_(self) -> List[str]:
        return [f"{type(self).__name__}: {self}"]


class CellSource(NamedTuple):
    """The text of a file, and for each of its lines the cell and the line there; 0 for lines of flowc's own."""

    text: str
    places: List[Tuple[int, int]]

    def place(self, line: int) -> Tuple[int, int]:
        """The cell and its line of a line of the file."""
        return self.places[line - 1] if 0 < line <= len(self.places) else (0, 0)


def cell_source(name: str, cells: List[Cell], namespace: Mapping[str, Any], *, is_class: bool) -> CellSource:
    """The file with the flow or the pipeline of that name. `namespace` has what the cells have defined.

    Raises NotebookError.
    """
    found = statements(cells)
    needed = _Needed(found, namespace)
    needed.require(name, _END, "the notebook")
    return _written(found, needed, name, is_class=is_class)


class _Needed:
    """Collects the statements that a name needs, as they were when each was executed."""

    def __init__(self, found: List[Statement], namespace: Mapping[str, Any]) -> None:
        self._found = found
        self._namespace = namespace
        self._positions = names_of(found)
        self._done: Set[Tuple[str, int]] = set()
        self.positions: Dict[int, Set[str]] = {}
        """The statements, each with the names that are needed of it."""
        self.shown: Set[str] = set()
        """Names that IPython gives to cells."""

    def require(self, name: str, before: int, reader: str) -> None:
        """Add what binds a name before a statement, what changes its object after that, and all that these need."""
        waiting = [(name, before, reader)]
        while waiting:
            name, before, reader = waiting.pop()
            known = self._positions.get(name, [])
            at = bisect_left(known, before) - 1
            if at < 0:
                self._check(name, reader)
                continue
            if (name, known[at]) in self._done:
                continue
            self._done.add((name, known[at]))
            waiting += self._add(known[at], name)
            if at and name in self._found[known[at]].keeps:
                waiting.append((name, known[at], reader))
            for position in range(known[at] + 1, min(before, len(self._found))):
                if name in self._found[position].changes:
                    waiting += self._add(position, name)

    def _add(self, position: int, name: str) -> List[Tuple[str, int, str]]:
        """Add a statement; returns what it reads."""
        statement = self._found[position]
        is_new = position not in self.positions
        self.positions.setdefault(position, set()).add(name)
        if not is_new:
            return []
        place = f"In [{statement.cell.number}], line "
        # In a loop, what is read may have been bound before, or by the loop itself.
        own = {other for other in statement.keeps if self._positions[other][0] >= position}
        now = [(other, position, f"{place}{statement.line_of(other)}") for other in sorted(statement.now - own)]
        return [*now, *((other, _END, f"{place}{statement.line_of(other)}") for other in sorted(statement.later))]

    def _check(self, name: str, reader: str) -> None:
        """Raise NotebookError for a name that the kernel knows, and no cell defines."""
        if name in _SHOWN:
            self.shown.add(name)
        elif name == "get_ipython":
            raise NotebookError(f"{reader} uses a magic or the shell, which tasks do not have: write it in Python")
        elif name in self._namespace and name not in _KNOWN:
            stars = [at for at, item in enumerate(self._found) if "*" in [alias.name for alias in _aliases(item)]]
            if not stars:
                raise NotebookError(f"{reader} uses {name!r}, which no cell defines: define it in one, or import it")
            for at in stars:
                self.positions.setdefault(at, set())


def _aliases(statement: Statement) -> List[Any]:
    found: List[Any] = getattr(statement.node, "names", [])
    return [item for item in found if hasattr(item, "asname")]


def _written(found: List[Statement], needed: _Needed, name: str, *, is_class: bool) -> CellSource:
    lines: List[str] = []
    places: List[Tuple[int, int]] = []

    def write(text: str, cell: int = 0, line: int = 0) -> None:
        for offset, each in enumerate(text.split("\n")):
            lines.append(each)
            places.append((cell, line + offset if cell else 0))

    write(f'"""{name}, as it is in the cells of a notebook."""')
    if any("annotations" in [item.name for item in _aliases(each)] and _is_future(each) for each in found):
        write("from __future__ import annotations")
    for each in sorted(needed.shown):
        write(_SHOWN[each])
    last = 0
    for position, statement in enumerate(found):
        path = changes_import_path(statement)
        if (position not in needed.positions and not path) or _is_future(statement):
            continue
        if path and position not in needed.positions:
            write("import sys")
        if statement.cell.number != last:
            last = statement.cell.number
            write(f"\n# In [{last}]")
        write(statement.text(needed.positions.get(position, set())), statement.cell.number, statement.line)
    if is_class:
        write(f'\nif __name__ == "__main__":\n    {name}()')
    write(cell_marks(places))  # tracebacks of tasks name the cells by it
    return CellSource("\n".join(lines) + "\n", places)


def _is_future(statement: Statement) -> bool:
    return getattr(statement.node, "module", None) == "__future__"


class CellNames:
    """Writes cells where the command names lines of the file, and magics where it proposes commands for the file."""

    def __init__(self, source: CellSource, file: str, flow: str) -> None:
        self._source = source
        self._flow = flow
        self._command = re.compile(rf"\bflowc (try|resume) ('[^']*{re.escape(file)}'|\S*{re.escape(file)})(?=\s|$)")
        self._frame = re.compile(rf'File "[^"]*{re.escape(file)}", line (\d+)')
        self._span = re.compile(rf"(-->|at|in|^) ?(?:[^\s:]*/)?{re.escape(file)}:(\d+)(?::(\d+))?")
        self._head = re.compile(rf"^(?:[^\s:]*/)?{re.escape(file)}: ")
        self._gutter = re.compile(r"^(\s*)(\d+)( \|)")
        self._in_excerpt = False

    def translated(self, line: str) -> str:
        """A line of output."""
        line = self._head.sub("", self._frame.sub(self._as_frame, line))
        if self._command.search(line):  # the file goes when the command ends
            return self._command.sub(rf"%flowc \1 {self._flow}", line).replace(f" --flow {self._flow}", "")
        if self._span.search(line):
            self._in_excerpt = True
            return self._span.sub(self._as_span, line)
        if not line.strip():
            self._in_excerpt = False
        return self._gutter.sub(self._as_gutter, line) if self._in_excerpt else line

    def _as_frame(self, found: re.Match[str]) -> str:
        cell, line = self._source.place(int(found[1]))
        return f"Cell In[{cell}], line {line}" if cell else found[0]

    def _as_span(self, found: re.Match[str]) -> str:
        cell, line = self._source.place(int(found[2]))
        column = f", column {found[3]}" if found[3] else ""
        return f"{found[1]} In [{cell}], line {line}{column}" if cell else found[0]

    def _as_gutter(self, found: re.Match[str]) -> str:
        cell, line = self._source.place(int(found[2]))
        width = len(found[1]) + len(found[2])
        return f"{line if cell else found[2]:>{width}}{found[3]}"
