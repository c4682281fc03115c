"""Metaflow's cards: a step fills them by `current.card`, each component describes itself as JSON, and reports draw it.

`flowc.shim.task_cards` writes cards into the attempt's folder; `flowc report` and `flowc ui` read them there.
"""

from __future__ import annotations

import base64
import json
import time

from flowc.card_description import LONGEST, MetaflowCardComponent, cell_value, described, json_text, value_text
from flowc.card_types import BlankCard, DefaultCard, ErrorCard, MetaflowCard

__all__ = [
    "Artifact",
    "BlankCard",
    "DefaultCard",
    "Error",
    "ErrorCard",
    "EventsTimeline",
    "Image",
    "JSONViewer",
    "Markdown",
    "MetaflowCard",
    "MetaflowCardComponent",
    "PageComponent",
    "ProgressBar",
    "PythonCode",
    "Table",
    "ValueBox",
    "VegaChart",
    "YAMLViewer",
    "described",
]
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Union

    from flowc.card_description import Description

_MOST_ROWS = 1000
_LARGEST_IMAGE = 8 << 20


class Markdown(MetaflowCardComponent):
    """A text in Markdown, whose indentation does not count."""

    REALTIME_UPDATABLE = True

    def __init__(self, text: Optional[str] = None) -> None:
        self._text = text

    def update(self, text: Optional[str] = None) -> None:
        """Replace the text."""
        self._text = text

    def describe(self) -> Description:
        """As it is written."""
        import textwrap

        text = "" if self._text is None else str(self._text)
        return {"kind": "markdown", "text": textwrap.dedent(text)[:LONGEST]}


class Artifact(MetaflowCardComponent):
    """Any value, as Python writes it; shortened where it is `compressed`."""

    REALTIME_UPDATABLE = True

    def __init__(self, artifact: Any, name: Optional[str] = None, compressed: bool = True) -> None:
        self._artifact = artifact
        self._name = name
        self._compressed = compressed

    def update(self, artifact: Any) -> None:
        """Replace the value."""
        self._artifact = artifact

    def describe(self) -> Description:
        """Its name, its type, and its text."""
        text = value_text(self._artifact, 30 if self._compressed else _MOST_ROWS)
        name = None if self._name is None else str(self._name)
        return {"kind": "artifact", "name": name, "type": type(self._artifact).__name__, "text": text}


class Table(MetaflowCardComponent):
    """Rows of values and of other components."""

    def __init__(
        self,
        data: Optional[Sequence[Sequence[Any]]] = None,
        headers: Optional[Sequence[str]] = None,
        disable_updates: bool = False,
    ) -> None:
        del disable_updates
        self._data: Sequence[Sequence[Any]] = data if data is not None else ()
        self._headers: Sequence[str] = headers if headers is not None else ()

    @classmethod
    def from_dataframe(cls, dataframe: Any = None, truncate: bool = True) -> Table:
        """The table of a DataFrame with its index; of a long one the first 100 rows, unless `truncate` is false."""
        if not (hasattr(dataframe, "columns") and hasattr(dataframe, "head")):
            return cls(headers=[f"Object type {type(dataframe).__name__} not supported"])
        shown = dataframe.head(100 if truncate else _MOST_ROWS)
        names = [str(name) for name in shown.columns]
        if hasattr(shown, "itertuples"):
            return cls([list(row) for row in shown.itertuples(name=None)], ["", *names])
        return cls([list(row) for row in shown.rows()], names)  # of polars

    def describe(self) -> Description:
        """Each cell as a text, or as what its component describes."""
        rows = [[cell_value(cell) for cell in row] for row in list(self._data)[:_MOST_ROWS]]
        return {
            "kind": "table",
            "headers": [str(name) for name in self._headers],
            "rows": rows,
            "total": len(self._data),
        }


class Image(MetaflowCardComponent):
    """A picture: the bytes of a PNG, JPEG, GIF or WebP, or a `data:image/` address."""

    REALTIME_UPDATABLE = True

    def __init__(self, src: Any = None, label: Optional[str] = None, disable_updates: bool = True) -> None:
        del disable_updates
        self._label = label
        self._problem = ""
        self._source = ""
        self._take(src)

    @classmethod
    def from_pil_image(cls, pilimage: Any, label: Optional[str] = None, disable_updates: bool = False) -> Image:
        """A picture of Pillow's."""
        return cls(_saved(lambda file: pilimage.save(file, format="PNG")), label, disable_updates)

    @classmethod
    def from_matplotlib(cls, plot: Any, label: Optional[str] = None, disable_updates: bool = False) -> Image:
        """A figure of matplotlib's, or the figure of axes."""
        figure = plot.get_figure() if hasattr(plot, "get_figure") and not hasattr(plot, "savefig") else plot
        return cls(_saved(lambda file: figure.savefig(file, format="png")), label, disable_updates)

    def update(self, image: Any, label: Optional[str] = None) -> None:
        """Replace the picture: by bytes, an address, or what Pillow or matplotlib have made."""
        self._label = self._label if label is None else label
        if hasattr(image, "savefig"):
            image = _saved(lambda file: image.savefig(file, format="png"))
        elif hasattr(image, "save"):
            image = _saved(lambda file: image.save(file, format="PNG"))
        self._take(image)

    def _take(self, source: Any) -> None:
        self._problem, self._source = "", ""
        if isinstance(source, Exception):
            self._problem = f"the picture cannot be made: {type(source).__name__}: {source}"
        elif isinstance(source, (bytes, bytearray)):
            self._source = base64.b64encode(source).decode() if len(source) <= _LARGEST_IMAGE else ""
            self._problem = "" if self._source else "the picture is empty, or too large for a card"
        elif isinstance(source, str) and source.startswith("data:image/") and ";base64," in source:
            self._source = source.partition(";base64,")[2]
        else:
            self._problem = f"an Image takes bytes or a data:image/ address, and was given {type(source).__name__}"

    def describe(self) -> Description:
        """The picture in base64, or why there is none."""
        if self._problem:
            return {"kind": "error", "title": self._label, "text": self._problem}
        return {"kind": "image", "label": self._label, "base64": self._source}


class Error(MetaflowCardComponent):
    """An exception."""

    def __init__(self, exception: Any, title: Optional[str] = None) -> None:
        self._exception = exception
        self._title = title

    def describe(self) -> Description:
        """Its title, and the exception as Python writes it."""
        return {"kind": "error", "title": self._title, "text": value_text(self._exception, 30)}


class ProgressBar(MetaflowCardComponent):
    """How far something is."""

    type = "progressBar"
    REALTIME_UPDATABLE = True

    def __init__(
        self,
        max: float = 100,
        label: Optional[str] = None,
        value: float = 0,
        unit: Optional[str] = None,
        metadata: Optional[str] = None,
    ) -> None:
        self._max, self._label, self._value, self._unit, self._metadata = max, label, value, unit, metadata

    def update(self, new_value: float, metadata: Optional[str] = None) -> None:
        """Go on to a value."""
        self._value = new_value
        self._metadata = self._metadata if metadata is None else metadata

    def describe(self) -> Description:
        """Its value of its maximum, and the texts around it."""
        texts = {"label": self._label, "unit": self._unit, "details": self._metadata}
        numbers = {"value": _number(self._value), "max": _number(self._max)}
        return {"kind": "progress", **numbers, **{name: str(text) for name, text in texts.items() if text}}


class ValueBox(MetaflowCardComponent):
    """A number with a title."""

    type = "valueBox"
    REALTIME_UPDATABLE = True

    def __init__(
        self,
        title: Optional[str] = None,
        value: Union[str, float] = "",
        subtitle: Optional[str] = None,
        theme: Optional[str] = None,
        change_indicator: Optional[str] = None,
    ) -> None:
        self._parts: Dict[str, Any] = {"value": value}
        self.update(title, value, subtitle, theme, change_indicator)

    def update(
        self,
        title: Optional[str] = None,
        value: Union[str, float, None] = None,
        subtitle: Optional[str] = None,
        theme: Optional[str] = None,
        change_indicator: Optional[str] = None,
    ) -> None:
        """Replace what is given."""
        given = {"title": title, "value": value, "subtitle": subtitle, "theme": theme, "change": change_indicator}
        self._parts.update({name: part for name, part in given.items() if part is not None})

    def describe(self) -> Description:
        """Its parts as texts."""
        return {"kind": "box", **{name: str(part) for name, part in self._parts.items()}}


class PythonCode(MetaflowCardComponent):
    """The source of a function, or a text."""

    def __init__(self, code_func: Optional[Callable[..., Any]] = None, code_string: Optional[str] = None) -> None:
        if code_func is not None:
            import inspect

            code_string = inspect.getsource(code_func)
        self._code = code_string

    def describe(self) -> Description:
        """The source."""
        return {"kind": "code", "text": str(self._code or "")[:LONGEST]}


class JSONViewer(MetaflowCardComponent):
    """A value as JSON."""

    REALTIME_UPDATABLE = True

    def __init__(
        self,
        data: Any,
        collapsible: bool = True,
        max_height: Optional[str] = None,
        show_copy_button: bool = True,
        title: Optional[str] = None,
    ) -> None:
        del collapsible, max_height, show_copy_button
        self._data, self._title = data, title

    def update(self, data: Any) -> None:
        """Replace the value."""
        self._data = data

    def describe(self) -> Description:
        """Its text."""
        return {"kind": "json", "title": self._title, "text": json_text(self._data)}


class YAMLViewer(JSONViewer):
    """A value as YAML, where PyYAML is there; else as JSON. A text is shown as it is."""

    def describe(self) -> Description:
        """Its text."""
        if isinstance(self._data, str):
            return {"kind": "json", "title": self._title, "text": self._data[:LONGEST]}
        try:
            from importlib import import_module

            text = str(import_module("yaml").safe_dump(self._data, sort_keys=False, allow_unicode=True))
        except Exception:  # PyYAML is not there, or does not know the value
            return super().describe()
        return {"kind": "json", "title": self._title, "text": text[:LONGEST]}


class VegaChart(MetaflowCardComponent):
    """A chart by its specification in Vega-Lite."""

    REALTIME_UPDATABLE = True

    def __init__(self, spec: Any, show_controls: bool = False) -> None:
        del show_controls
        self._spec = spec

    @classmethod
    def from_altair_chart(cls, altair_chart: Any) -> VegaChart:
        """A chart of Altair's."""
        return cls(altair_chart.to_dict())

    def update(self, spec: Any = None) -> None:
        """Replace the specification, or the chart of Altair's."""
        if spec is not None:
            self._spec = spec.to_dict() if hasattr(spec, "to_dict") else spec

    def describe(self) -> Description:
        """The specification as JSON."""
        return {"kind": "vega", "spec": json.loads(json.dumps(self._spec, default=str))}


class EventsTimeline(MetaflowCardComponent):
    """Events, the newest first; `update` adds one."""

    REALTIME_UPDATABLE = True

    def __init__(self, title: Optional[str] = None, max_events: int = 100) -> None:
        self._title, self._most = title, max_events
        self._events: List[Dict[str, Any]] = []
        self._total = 0
        self._times: List[float] = []
        self._finished = False

    def update(
        self,
        event_data: Dict[str, Any],
        style_theme: Optional[str] = None,
        priority: Optional[str] = None,
        payloads: Optional[Dict[str, Any]] = None,
        finished: Optional[bool] = None,
    ) -> None:
        """Add an event: what it is by name, and components under further names."""
        del priority
        self._finished = self._finished if finished is None else finished
        self._total += 1
        self._times = [self._times[0] if self._times else time.time(), time.time()]
        self._events.insert(0, {"facts": dict(event_data), "theme": style_theme, "parts": dict(payloads or {})})
        del self._events[self._most :]

    def get_stats(self) -> Dict[str, Any]:
        """How many events there were, and when."""
        first, last = self._times or (None, None)
        counts = {"total_events": self._total, "displayed_events": len(self._events), "finished": self._finished}
        return {**counts, "first_event": first, "last_update": last}

    def describe(self) -> Description:
        """Each event's facts as texts, and what its components describe."""
        events = [
            {
                "facts": {str(name): cell_value(value) for name, value in event["facts"].items()},
                "theme": event["theme"],
                "parts": {str(name): described(part) for name, part in event["parts"].items()},
            }
            for event in self._events
        ]
        return {"kind": "events", "title": self._title, "events": events, "total": self._total}


class PageComponent(MetaflowCardComponent):
    """Components in a row, with a title."""

    def __init__(self, title: Optional[str] = None, contents: Optional[Iterable[Any]] = None) -> None:
        self._title = title
        self._contents = list(contents or ())

    def describe(self) -> Description:
        """Its title and its components."""
        return {"kind": "page", "title": self._title, "components": [described(part) for part in self._contents]}


def _number(value: Any) -> float:
    number = float(value)
    return number if abs(number) < 1e300 else 0.0


def _saved(save: Callable[[Any], object]) -> Any:
    """What `save` writes; or the exception that it raises."""
    import io

    file = io.BytesIO()
    try:
        save(file)
    except Exception as error:
        return error
    return file.getvalue()
