"""Metaflow's cards, without their pictures: components keep what they are given, and `current.card` keeps components.

flowc accepts `@card` and renders nothing, as the compiler says; steps that fill cards run unchanged.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Iterator, List, Tuple


class MetaflowCardComponent:
    """What a card is made of: it keeps its arguments, `update` replaces them, and it renders as nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args: Tuple[Any, ...] = args
        self.kwargs: Dict[str, Any] = kwargs

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take other values; those that are not given stay as they are."""
        self.args = args or self.args
        self.kwargs = {**self.kwargs, **kwargs}

    def render(self) -> str:
        """Return an empty text. Your own components may return HTML; flowc does not read it."""
        return ""


class Markdown(MetaflowCardComponent):
    """A text."""


class Artifact(MetaflowCardComponent):
    """A value."""


class Error(MetaflowCardComponent):
    """An exception."""


class ProgressBar(MetaflowCardComponent):
    """How far something is."""


class ValueBox(MetaflowCardComponent):
    """A number with a title."""


class PythonCode(MetaflowCardComponent):
    """A function's source."""


class JSONViewer(MetaflowCardComponent):
    """A value as JSON."""


class YAMLViewer(MetaflowCardComponent):
    """A value as YAML."""


class PageComponent(MetaflowCardComponent):
    """A page of components."""


class Table(MetaflowCardComponent):
    """Rows of values."""

    @classmethod
    def from_dataframe(cls, dataframe: Any = None, truncate: bool = True) -> Table:
        """A table of a DataFrame, which is kept as it is."""
        return cls(dataframe, truncate=truncate)


class Image(MetaflowCardComponent):
    """A picture."""

    @classmethod
    def from_pil_image(cls, pilimage: Any, label: str | None = None, disable_updates: bool = False) -> Image:
        """A picture of Pillow's."""
        return cls(pilimage, label=label, disable_updates=disable_updates)

    @classmethod
    def from_matplotlib(cls, plot: Any, label: str | None = None, disable_updates: bool = False) -> Image:
        """A figure of matplotlib's."""
        return cls(plot, label=label, disable_updates=disable_updates)


class VegaChart(MetaflowCardComponent):
    """A chart by its specification."""

    @classmethod
    def from_altair_chart(cls, altair_chart: Any) -> VegaChart:
        """A chart of Altair's."""
        return cls(altair_chart.to_dict())


class EventsTimeline(MetaflowCardComponent):
    """Events in their order; `update` adds one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.events: List[Any] = []

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Add an event."""
        self.events.append(args[0] if args else kwargs.get("event_data"))

    def get_stats(self) -> Dict[str, Any]:
        """How many events there are."""
        return {"total_events": len(self.events)}


class MetaflowCard:
    """The base of card types. Your own types are accepted and never rendered."""

    ALLOW_USER_COMPONENTS = False
    IS_EDITABLE = False
    RUNTIME_UPDATABLE = False
    RELOAD_POLICY = "never"
    RELOAD_POLICY_NEVER = "never"
    RELOAD_POLICY_ALWAYS = "always"
    RELOAD_POLICY_ONCHANGE = "onchange"
    type: str | None = None
    scope = "task"

    def __init__(self, options: Any = None, components: Any = (), graph: Any = None, flow: Any = None) -> None:
        self.options: Any = options or {}
        self.components = list(components)
        self.graph = graph
        self.flow = flow

    def render(self, task: Any, data: Any = None) -> str:
        """Nothing."""
        del task, data
        return ""


class DefaultCard(MetaflowCard):
    """Metaflow's card of a task."""

    ALLOW_USER_COMPONENTS = True
    type = "default"


class BlankCard(MetaflowCard):
    """A card with nothing but the step's own components."""

    ALLOW_USER_COMPONENTS = True
    type = "blank"


class ErrorCard(MetaflowCard):
    """The card of an error."""

    type = "error"


class Cards:
    """`current.card`: the components of a step's card. `[id]` is another card, as `@card(id=...)` names it."""

    def __init__(self) -> None:
        self.components: List[Any] = []
        self._others: Dict[str, Cards] = {}

    def append(self, component: Any, id: str | None = None) -> None:
        """Add a component."""
        del id
        self.components.append(component)

    def extend(self, components: Iterable[Any]) -> None:
        """Add components."""
        self.components.extend(components)

    def clear(self) -> None:
        """Take all components out."""
        self.components.clear()

    def refresh(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: cards are not rendered."""

    def get(self, type: str | None = None) -> List[Cards]:
        """The cards of a type: none, for cards of flowc have no types."""
        del type
        return []

    def __getitem__(self, name: str) -> Cards:
        return self._others.setdefault(name, Cards())

    def __setitem__(self, name: str, components: Iterable[Any]) -> None:
        self[name].components = list(components)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.components)

    def __len__(self) -> int:
        return len(self.components)

    def __bool__(self) -> bool:
        return True
