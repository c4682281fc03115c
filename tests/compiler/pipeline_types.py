"""Reading types from files that are made up for a test."""

from __future__ import annotations

from pathlib import Path

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.types.annotations import TypeReader
from flowc_compiler.frontend.types.assignability import Assignability
from flowc_compiler.ir.type_model import Type
from flowc_compiler.syntax.modules import LocalModules, ModuleView
from flowc_compiler.syntax.source_reading import parse, read_source

TYPING = """
from __future__ import annotations
import collections
import collections.abc
import dataclasses
import datetime
import datetime as dt
import enum
import pathlib
import typing
import typing as t
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Collection, Hashable, Sized, Callable
from pathlib import Path
from typing import *
"""


class Types:
    """A file, and the types that its names and annotations say."""

    def __init__(self, folder: Path, text: str = TYPING, **others: str) -> None:
        for name, content in others.items():
            path = folder / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        path = folder / "flow.py"
        path.write_text(text)
        self.sink = DiagnosticSink()
        source = read_source(path, self.sink)
        assert source is not None
        tree = parse(source, self.sink)
        assert tree is not None, self.sink.diagnostics
        self.view = ModuleView(source, tree, self.sink)
        self.modules = LocalModules(self.view, self.sink)
        self.reader = TypeReader(self.modules)
        self.rules = Assignability(self.reader)

    def read(self, annotation: str) -> Type:
        """The type of an annotation, what it refers to looked up."""
        return self.reader.resolve(self.reader.expression(self.view, annotation))

    def verdict(self, source: str, target: str) -> str:
        """Whether one annotation fits another."""
        read = self.reader.expression
        return self.rules.verdict(read(self.view, source), read(self.view, target)).name
