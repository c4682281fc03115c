"""How far a run is where the graph begins or ends with steps that have no task: what the tasks next to these say."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List

    from flowc.client.run_object import Run
    from flowc.store.run_layout import Document, Path


class Progress:
    """When steps of a run ended, asked of the store as far as necessary."""

    def __init__(self, run: Run) -> None:
        self._layout = run.layout
        self._steps: Dict[str, Document] = run.graph.get("steps", {})
        self._parents: Dict[str, List[str]] = {}
        for name, step in self._steps.items():
            for target in step["next"]:
                self._parents.setdefault(target, []).append(name)
        self._known: Dict[tuple[str, Path], float | None] = {}

    def ended(self, name: str, path: Path = ()) -> float | None:
        """When a step at an index path was done, in seconds since 1970; `None` while it is not."""
        key = (name, path)
        if key not in self._known:
            virtual = self._steps.get(name, {}).get("virtual", False)
            self._known[key] = self._virtual(name, path) if virtual else self._committed(name, path)
        return self._known[key]

    def first_tasks(self, start: str) -> List[str]:
        """The steps with a task that a run begins with."""
        waiting = [start]
        found: List[str] = []
        for name in waiting:
            if not self._steps.get(name, {}).get("virtual", False):
                found.append(name)
            else:
                waiting += [target for target in self._steps[name]["next"] if target not in waiting]
        return found

    def _committed(self, name: str, path: Path) -> float | None:
        attempt = self._layout.latest(name, path)
        return None if attempt is None else float(self._layout.manifest(name, path, attempt)["created"])

    def _virtual(self, name: str, path: Path) -> float | None:
        step = self._steps[name]
        arms: List[List[str]] = step.get("arms") or []
        if step.get("closes_kind") == "foreach":
            opener: str = step["closes"]
            opened = self._committed(opener, path)
            if opened is None:
                return None
            count: int = self._layout.manifest(opener, path)["foreach"]["count"]
            return self._all([opened, *(self._any(arms[0], (*path, index)) for index in range(count))])
        if arms:
            return self._all([self._any(arm, path) for arm in arms])
        return self._any([parent for parent in self._parents.get(name, ()) if self._leads(parent, name, path)], path)

    def _leads(self, parent: str, name: str, path: Path) -> bool:
        """Whether a step leads here: of a switch the choice says so."""
        if self._steps[parent]["type"] != "split-switch":
            return True
        attempt = self._layout.latest(parent, path)
        return attempt is not None and self._layout.manifest(parent, path, attempt).get("choice") == name

    def _any(self, names: List[str], path: Path) -> float | None:
        """When the one that ran of several steps was done."""
        for name in names:
            opens = self._steps[name]["type"] == "split-foreach"
            time = self.ended(name, path[:-1] if opens else path)
            if time is not None:
                return time
        return None

    def _all(self, times: List[float | None]) -> float | None:
        done = [time for time in times if time is not None]
        return max(done, default=None) if len(done) == len(times) else None
