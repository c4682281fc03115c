"""What the page of a run is drawn from. Times are in seconds since the run was created, but for `created`."""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

from pydantic import Field
from pydantic_core import PydanticSerializationError

from flowc_compiler.diagnostics.terminal_text import visible_json
from flowc_compiler.ir.base import Model


class TextView(Model):
    """A value as text."""

    kind: Literal["text"] = "text"
    text: str
    cut: int = 0
    """How many characters are left out at its end."""


class TableView(Model):
    """Rows of cells. `total` rows there are; those that are left out are at the end."""

    kind: Literal["table"] = "table"
    columns: tuple[tuple[str, str], ...]
    """Names and types."""
    rows: tuple[tuple[str, ...], ...]
    total: int


class ImageView(Model):
    """A picture, as a `data:` address."""

    kind: Literal["image"] = "image"
    source: str
    label: str = ""


class PlotView(Model):
    """Numbers in a row, of `total`, as a line, and as text."""

    kind: Literal["plot"] = "plot"
    numbers: tuple[float, ...]
    total: int
    text: str


class BarsView(Model):
    """Numbers by name."""

    kind: Literal["bars"] = "bars"
    bars: tuple[tuple[str, float], ...]


class ArtifactView(Model):
    """An artifact or a parameter of a task; `value` is the key of what it holds in `RunView.values`."""

    name: str
    type: str
    size: int
    value: str


class FailureView(Model):
    """Why an attempt has failed."""

    type: str
    message: str
    traceback: str


class LogRow(NamedTuple):
    """Lines that were printed one after the other, in the same second."""

    seconds: float | None
    """Since the attempt began; `None` where nothing says it."""
    stream: str
    """`stdout` or `stderr`; empty for a gap."""
    text: str


class AttemptView(Model):
    """What an attempt has left to read."""

    failure: FailureView | None = None
    log: tuple[LogRow, ...] = ()
    """Without the traceback of the failure."""
    cut: int = 0
    """How many lines of the beginning of its log are left out."""
    has_log: bool = True
    """Whether the store has what it printed, if anything."""


class TaskView(Model):
    """What is shown of one task."""

    attempts: dict[int, AttemptView] = Field(default_factory=dict[int, AttemptView])
    artifacts: tuple[ArtifactView, ...] = ()
    cards: tuple[dict[str, Any], ...] = ()
    """As `card_views` has them."""
    origin: str = ""
    """The run that it was taken over from."""
    problem: str = ""
    """Why a file of it cannot be read."""


class AttemptRow(NamedTuple):
    """One attempt."""

    number: int
    state: str
    started: float | None
    ended: float | None
    host: int
    """Its place in `RunView.hosts`; -1 where it is not known."""


class TaskRow(NamedTuple):
    """One task."""

    step: int
    """Its place in `RunView.steps`."""
    path: str
    """Its index path, such as `3.0`; empty outside of every foreach."""
    state: str
    ready: float | None
    """When all that it waits for was done."""
    attempts: list[AttemptRow]


class StepView(Model):
    """One step."""

    name: str
    kind: str = ""
    doc: str = ""
    call: str = ""
    virtual: bool = False
    file: str = ""
    line: int = 0
    facts: tuple[tuple[str, str], ...] = ()
    depth: int = 0
    total: int = 0
    """How many tasks it has, or is going to have as far as is known."""
    open: bool = False
    """Whether it may get more."""


class CodeView(Model):
    """The flow's own code as it ran."""

    file: str
    files: dict[str, str]
    others: dict[str, int] = Field(default_factory=dict[str, int])
    """Files whose text is not kept, by size."""


class RunView(Model):
    """A run."""

    version: Literal[1] = 1
    flow: str
    run: str
    engine: str
    state: str
    created: float
    """In seconds since 1970."""
    now: float
    """When it was looked at."""
    ended: float | None = None
    open: bool = False
    """Whether it may get more tasks than are known."""
    doc: str = ""
    user: str = ""
    root: str = ""
    origin: str = ""
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader should know of the page, such as what is left out."""
    parameters: tuple[ArtifactView, ...] = ()
    steps: tuple[StepView, ...] = ()
    hosts: tuple[str, ...] = ()
    tasks: list[TaskRow] = Field(default_factory=list[TaskRow])
    details: dict[str, TaskView] = Field(default_factory=dict[str, TaskView])
    """By `step/index`, or `step` alone."""
    values: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Views by the hash of what is stored."""
    code: CodeView | None = None

    def as_json(self) -> str:
        """The JSON of it. Half of a surrogate pair, which a task may have anywhere, becomes `\\ufffd`."""
        try:
            return self.model_dump_json(exclude_defaults=True)
        except PydanticSerializationError:  # pydantic writes no half characters
            text = json.dumps(self.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False)
            plain = json.loads(visible_json(text), parse_constant=lambda _: None)  # NaN, as pydantic has it
            return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
